// Bytes through a tunnel: each comes out once and in order, whatever it came in with; each side's end, its
// slowness and its death are the other's.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { array, assert as check, asyncProperty, constantFrom, integer } from 'fast-check'
import { until } from '../helpers/crowded-gateway.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection } from '../helpers/raw-http.ts'

const folder = mkdtempSync(join(tmpdir(), 'dockgate-tunnels-'))
const path = join(folder, 'engine.sock')
const mib = 1024 * 1024

const answers = {
  upgrade:
    'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n' +
    'Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
  'plain hijack': 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n',
}
type Kind = keyof typeof answers
const kinds = Object.keys(answers) as Kind[]

/** What the engine does with a connection that has become a stream. */
let serve: (socket: Socket) => void = () => {}

const engine = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {})
  let text = ''
  const onHead = (part: Buffer): void => {
    text += part.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    if (end === -1) return
    socket.off('data', onHead)
    socket.write(/\r\nUpgrade:/i.test(text) ? answers.upgrade : answers['plain hijack'])
    const early = Buffer.from(text.slice(end + 4), 'latin1')
    if (early.length > 0) socket.unshift(early)
    serve(socket)
  }
  socket.on('data', onHead)
})

describe('through a tunnel', () => {
  let gateway: GatewayProcess
  before(async () => {
    await once(engine.listen(path), 'listening')
    const roles = 'grants: [{to: {name: admin}, roles: [admin]}]\n'
    gateway = await startGatewayProcess({ roles, enginePath: path })
  })
  after(async () => {
    await gateway.stop()
    engine.close()
    rmSync(folder, { recursive: true })
  })

  async function attach(kind: Kind, early = ''): Promise<TLSSocket> {
    const socket = await gateway.connect(gateway.identity('admin'))
    socket.on('error', () => undefined)
    const upgrade = kind === 'upgrade' ? 'Connection: Upgrade\r\nUpgrade: tcp\r\n' : ''
    socket.write(
      `POST /v1.41/containers/web/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\n${upgrade}Content-Length: 0\r\n\r\n${early}`,
    )
    let text = ''
    while (!text.includes('\r\n\r\n')) {
      const part = socket.read(1) as Buffer | null
      if (part === null) await once(socket, 'readable')
      else text += part.toString('latin1')
    }
    return socket
  }

  for (const kind of kinds) {
    it(`an echo is what was sent, however it was cut (${kind})`, () =>
      check(
        asyncProperty(
          array(integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 12 }),
          constantFrom('', 'early'),
          async (sizes, early) => {
            // What follows a hijack in one breath, where nothing was asked to be upgraded, ends it.
            const first = kind === 'upgrade' ? early : ''
            serve = (socket) => void socket.pipe(socket)
            const sent = sizes.map((size) => randomBytes(size))
            const client = await attach(kind, first)
            const connection = new RawConnection(client)
            for (const part of sent) client.write(part)
            const whole = Buffer.concat([Buffer.from(first), ...sent])
            assert.ok((await connection.bytes(whole.length)).equals(whole))
            client.end()
            assert.equal((await connection.bytes()).length, 0)
          },
        ),
        { numRuns: 25, interruptAfterTimeLimit: 8_000 },
      ))

    it(`the end of the client's side reaches the engine after all that was sent, whose output comes after it (${kind})`, async () => {
      const output = randomBytes(3 * mib)
      const input = randomBytes(2 * mib)
      let got = ''
      serve = (socket) => {
        const hash = createHash('sha256')
        socket.on('data', (part: Buffer) => hash.update(part))
        socket.on('end', () => {
          got = hash.digest('hex')
          socket.end(output)
        })
      }
      const client = await attach(kind)
      const connection = new RawConnection(client)
      client.end(input)
      assert.ok((await connection.bytes()).equals(output))
      assert.equal(got, createHash('sha256').update(input).digest('hex'))
      assert.ok(client.readableEnded)
      const last = (): string =>
        gateway
          .logs()
          .match(/.*"bytesIn":\d+.*/g)
          ?.at(-1) ?? ''
      // An end may wait some milliseconds for other records to be written with.
      await until(() => last().includes(`"bytesIn":${input.length},`))
      const ended = last()
      assert.match(ended, /"how":"finished"/)
      assert.match(ended, new RegExp(`"bytesIn":${input.length},"bytesOut":${output.length}`))
    })

    it(`a client that does not read holds up the engine, and nothing grows (${kind})`, async () => {
      const output = randomBytes(24 * mib)
      let from: Socket | undefined
      serve = (socket) => {
        from = socket
        socket.end(output)
      }
      const client = await attach(kind)
      const atFirst = memoryOf(gateway.pid)
      await stopsGrowing(
        () => from?.bytesWritten ?? 0,
        () => from?.writableLength ?? 0,
      )
      assert.ok(memoryOf(gateway.pid) - atFirst < 16 * mib)
      assert.ok(Buffer.concat(await client.toArray()).equals(output))
    })

    it(`an engine that does not read holds up the client, and nothing grows (${kind})`, async () => {
      let to: Socket | undefined
      serve = (socket) => {
        socket.pause()
        to = socket
      }
      const client = await attach(kind)
      client.resume()
      const input = randomBytes(24 * mib)
      const atFirst = memoryOf(gateway.pid)
      client.write(input)
      await stopsGrowing(
        () => client.bytesWritten,
        () => client.writableLength,
      )
      assert.ok(memoryOf(gateway.pid) - atFirst < 16 * mib)
      const parts: Buffer[] = []
      let bytes = 0
      assert.ok(to)
      to.on('data', (part: Buffer) => {
        parts.push(part)
        bytes += part.length
      })
      to.resume()
      while (bytes < input.length) await once(to, 'data')
      assert.ok(Buffer.concat(parts).equals(input))
      client.destroy()
    })

    it(`an engine that dies leaves no orderly end (${kind})`, async () => {
      serve = (socket) => {
        socket.pause()
        // A unix socket that is closed with bytes unread is reset.
        setTimeout(() => socket.destroy(), 300)
      }
      const client = await attach(kind)
      let ended = false
      client.on('end', () => (ended = true))
      client.resume()
      client.write(randomBytes(mib))
      await new Promise((resolve) => client.once('close', resolve).once('end', resolve))
      assert.equal(ended, false)
    })

    it(`a client that dies takes its connection to the engine along (${kind})`, async () => {
      const gone = new Promise<void>((resolve) => {
        serve = (socket) => {
          socket.resume()
          socket.once('close', () => resolve())
          socket.once('end', () => socket.destroy())
        }
      })
      const client = await attach(kind)
      client.write(randomBytes(200_000))
      client.destroy()
      await gone
    })

    it(`nothing of one is in another beside it (${kind})`, async () => {
      serve = (socket) => void socket.pipe(socket)
      await Promise.all(
        Array.from({ length: 5 }, async (_none, index) => {
          const client = await attach(kind)
          const connection = new RawConnection(client)
          const whole = Buffer.alloc(mib + index, String(index))
          for (let at = 0; at < whole.length; at += 70_001)
            client.write(whole.subarray(at, at + 70_001))
          assert.ok((await connection.bytes(whole.length)).equals(whole))
          connection.close()
        }),
      )
    })
  }
})

/** Until as much is told twice, with some still waiting. */
async function stopsGrowing(told: () => number, waiting: () => number): Promise<void> {
  for (let last = -1; last !== told() - waiting() || waiting() === 0;) {
    last = told() - waiting()
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
