// An engine that restarts leaves connections behind that nobody answers on.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection, requestBytes } from '../helpers/raw-http.ts'

const folder = mkdtempSync(join(tmpdir(), 'dockgate-restart-'))
after(() => rmSync(folder, { recursive: true }))
const roles = 'grants: [{to: {name: admin}, roles: [admin]}]\n'
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'

/** Answers the first request on each connection; at the second one it is gone. */
async function listen(path: string): Promise<{ seen: string[]; close(): void }> {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const engine = createServer((socket) => {
    sockets.add(socket)
    let count = 0
    socket.on('error', () => {})
    socket.on('data', (part) => {
      seen.push(part.toString('latin1').split(' HTTP', 1).join())
      count += 1
      if (count === 1) socket.write(answer)
      else socket.destroy()
    })
  })
  await once(engine.listen(path), 'listening')
  return {
    seen,
    close() {
      engine.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function ask(gateway: GatewayProcess, method: string, path: string): Promise<number> {
  const socket = await gateway.connect(gateway.identity('admin'))
  const connection = new RawConnection(socket)
  connection.send(requestBytes({ method, path }))
  const { status } = (await connection.answer(method)) ?? { status: 0 }
  connection.close()
  return status
}

const rows = [
  ['GET', '/containers/json', 200, 2],
  ['HEAD', '/_ping', 200, 2],
  ['POST', '/containers/prune', 502, 1],
  ['DELETE', '/containers/x', 502, 1],
] as const

describe('on a connection that the engine has left', () => {
  for (const [method, path, status, times] of rows) {
    it(`${method} ${path} is sent ${times === 1 ? 'once only' : 'again, once'}`, async () => {
      const socketPath = join(folder, `${method}.sock`)
      const engine = await listen(socketPath)
      const gateway = await startGatewayProcess({ roles, enginePath: socketPath })
      try {
        assert.equal(await ask(gateway, 'GET', '/info'), 200)
        assert.equal(await ask(gateway, method, path), status)
        assert.deepEqual(engine.seen.slice(1), Array(times).fill(`${method} ${path}`))
      } finally {
        await gateway.stop()
        engine.close()
      }
    })
  }
})
