// An engine that hangs, is slow, breaks off, is replaced or comes back at the same path: clients are told,
// nothing waits for ever, and the gateway goes on without a restart.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, RawConnection, requestBytes, type RawAnswer } from '../helpers/raw-http.ts'

const folder = mkdtempSync(join(tmpdir(), 'dockgate-engine-faults-'))
const enginePath = join(folder, 'engine.sock')
const roles =
  'grants: [{to: {name: admin}, roles: [admin]}, {to: {name: bob}, roles: [developer]}]\n'

type Behavior = (request: IncomingMessage, response: ServerResponse) => void

/** An engine at the one path that does what is said; undefined answers as a healthy one. */
async function listen(behave: Behavior, version = '20.10.24'): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    request.resume()
    if (request.url?.endsWith('/version') === true) {
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify({ Version: version, ApiVersion: '1.41' }))
    } else behave(request, response)
  })
  server.listen(enginePath)
  await once(server, 'listening')
  return {
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

let gateway: GatewayProcess
before(async () => {
  gateway = await startGatewayProcess({ roles, enginePath, env: { DOCKGATE_PATIENCE: '1s' } })
})
after(async () => {
  await gateway.stop()
  rmSync(folder, { recursive: true })
})

const ask = (method: string, path: string, who = 'admin'): Promise<RawAnswer> =>
  askDoor(gateway.door(gateway.identity(who)), { method, path })
const healthy: Behavior = (_request, response) => response.end('[]')

describe('an engine', () => {
  it('that is not there is told of, and found again when its socket is made anew', async () => {
    for (const version of ['20.10.24', '28.5.2']) {
      const gone = await ask('GET', '/containers/json')
      assert.equal(gone.status, 502)
      assert.match(gone.body.toString(), /cannot be reached: there is no such socket/)
      const engine = await listen(healthy, version)
      try {
        assert.equal((await ask('GET', '/containers/json')).status, 200)
        assert.match((await ask('GET', '/version')).body.toString(), new RegExp(version))
      } finally {
        await engine.close()
      }
    }
  })

  it('that is slow is waited for, as long as it says that it is there', async () => {
    const engine = await listen((_request, response) => {
      setTimeout(() => response.end('[]'), 4_000)
    })
    try {
      assert.equal((await ask('GET', '/containers/json')).status, 200)
      assert.equal((await ask('POST', '/containers/prune')).status, 200)
    } finally {
      await engine.close()
    }
  })

  it('that breaks off in the middle of a body leaves an answer that is seen to be broken', async () => {
    const rows = [
      ['with a length', { 'Content-Length': '100' }],
      ['in chunks', {}],
    ] as const
    let headers: Readonly<Record<string, string>> = {}
    const engine = await listen((_request, response) => {
      response.writeHead(200, headers)
      response.write('[{"Id":"1"}')
      setTimeout(() => response.destroy(), 50)
    })
    try {
      for (const [what, given] of rows) {
        headers = given
        const socket = await gateway.connect(gateway.identity('admin'))
        const connection = new RawConnection(socket)
        connection.send(requestBytes({ method: 'GET', path: '/containers/json' }))
        const bytes = (await connection.bytes()).toString('latin1')
        assert.match(bytes, /^HTTP\/1\.1 200 /, what)
        // Neither the last chunk nor as many bytes as were said.
        assert.ok(!bytes.endsWith('0\r\n\r\n'), what)
        connection.close()
      }
    } finally {
      await engine.close()
    }
    assert.match(gateway.logs(), /"how":"(engine-broke|client-left)"/)
  })
})

describe('an engine that hangs', () => {
  const rows = [
    ['GET', '/containers/json', 'admin', 'a list'],
    ['POST', '/containers/prune', 'admin', 'what changes things'],
    ['POST', '/containers/x/attach?stream=1', 'admin', 'what becomes a stream'],
    ['POST', '/containers/x/start', 'bob', 'what asks for names first'],
  ] as const
  it('keeps nobody waiting for ever, and is spoken to again when it goes on', async () => {
    let hangs = true
    const silent = createServer((request, response) => {
      request.resume()
      if (!hangs) response.end('[]')
    })
    silent.listen(enginePath)
    await once(silent, 'listening')
    try {
      const start = Date.now()
      await Promise.all(
        rows.map(async ([method, path, who, what]) => {
          const { status, body } = await ask(method, path, who)
          assert.equal(status, 504, what)
          assert.match(body.toString(), /the Docker Engine at unix:.* does not answer/, what)
        }),
      )
      assert.ok(Date.now() - start < 8_000)
      hangs = false
      assert.equal((await ask('GET', '/containers/json')).status, 200)
    } finally {
      silent.closeAllConnections()
      silent.close()
    }
  })
})
