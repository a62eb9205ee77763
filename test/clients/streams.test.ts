// Long, large and broken streams through the gateway: nothing is buffered, and no end is feigned.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import http from 'node:http'
import { request, type RequestOptions } from 'node:https'
import { createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, it } from 'node:test'
import { engineSocket } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'

const roles = 'grants: [{to: {name: admin}, roles: [admin]}]\n'
const megabyte = 1024 * 1024
const folder = mkdtempSync(join(tmpdir(), 'dockgate-streams-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function open(gateway: GatewayProcess, options: RequestOptions): http.ClientRequest {
  return request({
    host: '127.0.0.1',
    port: gateway.port,
    servername: 'localhost',
    ca: gateway.authority.ca,
    agent: false,
    ...gateway.identity('admin'),
    ...options,
  })
}

async function answerTo(sent: http.ClientRequest): Promise<IncomingMessage> {
  const [answer] = await once(sent, 'response')
  assert.ok(answer instanceof http.IncomingMessage)
  return answer
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of answer.setEncoding('utf8')) text += String(part)
  return text
}

function peakMemory(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

describe('streams', () => {
  let gateway: GatewayProcess
  before(async () => {
    gateway = await startGatewayProcess({ roles })
  })
  after(() => gateway.stop())

  it('come with the headers that the engine gives', async () => {
    const sent = open(gateway, { path: '/version' })
    const through = await answerTo(sent.end())
    through.resume()
    const direct = await answerTo(http.get({ socketPath: engineSocket(), path: '/version' }))
    direct.resume()
    const known = (answer: IncomingMessage): string[] => {
      const perConnection = ['connection', 'keep-alive', 'date', 'transfer-encoding']
      const names = Object.keys(answer.headers).filter((name) => !perConnection.includes(name))
      return names.toSorted().map((name) => `${name}: ${String(answer.headers[name])}`)
    }
    assert.deepEqual(known(through), known(direct))
  })

  it('begin before their first byte does, and end at the engine when the client goes', async () => {
    const sent = open(gateway, { path: '/events' })
    const answer = await answerTo(sent.end())
    assert.equal(answer.statusCode, 200)
    answer.on('error', () => {})
    sent.destroy()
    while (!/"operation":"system.events".*"how":"client-left"/.test(gateway.logs())) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  })
})

describe('large streams', () => {
  it('pass a gateway whose memory stays where it is', async () => {
    // An engine that only swallows and pours, so that nothing but the gateway is measured.
    const path = join(folder, 'pour.sock')
    const amount = 512 * megabyte
    const part = Buffer.alloc(megabyte)
    let swallowed = 0
    const engine = http.createServer({ maxHeaderSize: 256 * 1024 }, (asked, reply) => {
      if (asked.method === 'GET') {
        let left = amount / megabyte
        const pour = new Readable({ read: () => void pour.push(left-- > 0 ? part : null) })
        pour.pipe(reply)
        return
      }
      asked.on('data', (chunk: Buffer) => void (swallowed += chunk.length))
      asked.on('end', () => reply.end('{}'))
    })
    await once(engine.listen(path), 'listening')
    const gateway = await startGatewayProcess({ roles, enginePath: path })
    try {
      const warm = open(gateway, { path: '/_ping', method: 'HEAD' })
      ;(await answerTo(warm.end())).resume()
      const atRest = peakMemory(gateway.pid)
      let received = 0
      const down = await answerTo(open(gateway, { path: '/images/x/get' }).end())
      for await (const chunk of down) received += (chunk as Buffer).length
      assert.equal(received, amount)
      let left = amount / megabyte
      const source = new Readable({ read: () => void source.push(left-- > 0 ? part : null) })
      const up = open(gateway, { path: '/images/load', method: 'POST' })
      const answered = answerTo(up)
      await pipeline(source, up)
      ;(await answered).resume()
      assert.equal(swallowed, amount)
      const grown = (peakMemory(gateway.pid) - atRest) / megabyte
      assert.ok(grown < 128, `${grown} MiB more for ${amount / megabyte} MiB each way`)
    } finally {
      await gateway.stop()
      engine.close()
    }
  })
})

describe('an engine at fault', () => {
  it('that is not there is named, and found again when it comes', async () => {
    const path = join(folder, 'late.sock')
    const gateway = await startGatewayProcess({ roles, enginePath: path })
    try {
      const missing = await answerTo(open(gateway, { path: '/containers/json' }).end())
      assert.equal(missing.statusCode, 502)
      assert.match(await textOf(missing), /late\.sock cannot be reached: there is no such socket/)
      symlinkSync(engineSocket(), path)
      const found = await answerTo(open(gateway, { path: '/containers/json' }).end())
      assert.equal(found.statusCode, 200)
      found.resume()
    } finally {
      await gateway.stop()
    }
  })

  it('that breaks off in the middle of an answer is seen to break off', async () => {
    const path = join(folder, 'broken.sock')
    const engine = createSocket((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
        setTimeout(() => socket.destroy(), 50)
      })
    })
    await once(engine.listen(path), 'listening')
    const gateway = await startGatewayProcess({ roles, enginePath: path })
    try {
      const answer = await answerTo(open(gateway, { path: '/containers/x/logs' }).end())
      await assert.rejects(textOf(answer), { code: 'ECONNRESET' })
    } finally {
      await gateway.stop()
      engine.close()
    }
  })
})

describe('a request', () => {
  it('with Expect: 100-continue and 20 KB of registry credentials goes on', async () => {
    const path = join(folder, 'seen.sock')
    let seen: IncomingMessage | undefined
    const engine = http.createServer({ maxHeaderSize: 256 * 1024 }, (asked, reply) => {
      seen = asked
      asked.resume().on('end', () => reply.end('{}'))
    })
    await once(engine.listen(path), 'listening')
    const gateway = await startGatewayProcess({ roles, enginePath: path })
    try {
      const auth = 'a'.repeat(20_000)
      const sent = open(gateway, {
        path: '/images/load',
        method: 'POST',
        headers: { Expect: '100-continue', 'X-Registry-Auth': auth, 'Content-Length': 4 },
      })
      sent.flushHeaders()
      await once(sent, 'continue')
      const answered = answerTo(sent)
      sent.end('body')
      assert.equal((await answered).statusCode, 200)
      assert.equal(seen?.headers['x-registry-auth'], auth)
      assert.equal(seen?.headers.expect, undefined)
      assert.equal(seen?.headers['content-length'], '4')
    } finally {
      await gateway.stop()
      engine.close()
    }
  })
})
