// A client that ends its writing side after a plain request (nc -N, socat) still reads its answer.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection, requestBytes, type RawAsk } from '../helpers/raw-http.ts'

const roles = 'grants: [{to: {name: alice}, roles: [admin]}, {to: {name: bob}, roles: [viewer]}]'
const folder = mkdtempSync(join(tmpdir(), 'dockgate-half-close-'))
const path = join(folder, 'engine.sock')
let begun: ((response: ServerResponse) => void) | undefined

// It answers late, so that the client's end is always there before the answer.
function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url?.includes('/events') === true) {
    response.writeHead(200).flushHeaders()
    begun?.(response)
    return
  }
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () =>
    setTimeout(() => response.end(`["${Buffer.concat(parts).toString()}"]`), 100),
  )
}

describe('a client that ends its side', () => {
  const engine = createServer(answer)
  let gateway: GatewayProcess
  before(async () => {
    await once(engine.listen(path), 'listening')
    gateway = await startGatewayProcess({ roles, enginePath: path })
  })
  after(async () => {
    await gateway.stop()
    engine.closeAllConnections()
    engine.close()
    rmSync(folder, { recursive: true })
  })

  const rows: readonly (readonly [string, string, RawAsk, number, RegExp])[] = [
    ['a question', 'alice', { method: 'GET', path: '/containers/json' }, 200, /^\[""\]$/],
    ['a body', 'alice', { method: 'POST', path: '/auth', body: '{}' }, 200, /^\["\{\}"\]$/],
    ['a refusal', 'bob', { method: 'POST', path: '/auth', body: '{}' }, 403, /bob may not/],
    ['no body', 'bob', { method: 'HEAD', path: '/_ping' }, 200, /^$/],
  ]
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [what, who, ask, status, body] of rows) {
      it(`reads the answer that is ${what} over ${version}, and the connection ends`, async () => {
        const only = { minVersion: version, maxVersion: version }
        const socket = await gateway.connect(gateway.identity(who), only)
        const connection = new RawConnection(socket)
        connection.send(requestBytes(ask))
        connection.finish()
        const answered = await connection.answer(ask.method)
        assert.equal(answered?.status, status)
        assert.match(String(answered?.body), body)
        assert.equal((await connection.bytes()).length, 0)
        if (!socket.closed) await once(socket, 'close')
      })
    }
  }

  it('ends with it the stream that it was reading, at the engine too', async () => {
    const stream = new Promise<ServerResponse>((resolve) => (begun = resolve))
    const socket = await gateway.connect(gateway.identity('alice'))
    const connection = new RawConnection(socket)
    connection.send(requestBytes({ method: 'GET', path: '/events' }))
    const atEngine = await stream
    await once(socket, 'data')
    connection.finish()
    await Promise.all([once(atEngine, 'close'), once(socket, 'close')])
  })
})
