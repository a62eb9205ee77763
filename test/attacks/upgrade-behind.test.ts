// An upgrade in the same breath as a request whose answer is still to come: it has no connection to take, and
// ended the process once.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection, requestBytes } from '../helpers/raw-http.ts'

const folder = mkdtempSync(join(tmpdir(), 'dockgate-upgrade-'))
const path = join(folder, 'engine.sock')
const waiting: ServerResponse[] = []
const engine = createServer((request, response) => {
  request.resume()
  if (request.url?.includes('/containers/json') === true) waiting.push(response)
  else response.end('{}')
})
let gateway: GatewayProcess
before(async () => {
  await once(engine.listen(path), 'listening')
  const roles = 'grants: [{ to: { name: alice }, roles: [admin] }]\n'
  gateway = await startGatewayProcess({ roles, enginePath: path })
})
after(async () => {
  await gateway.stop()
  engine.closeAllConnections()
  engine.close()
  rmSync(folder, { recursive: true })
})

it('cuts an upgrade behind an answer that is to come, and serves everybody else', async () => {
  const first = requestBytes({ method: 'GET', path: '/containers/json' })
  const upgrade =
    'POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'
  const connection = await gateway.connect(gateway.identity('alice'))
  connection.on('error', () => {})
  connection.write(first + upgrade)
  connection.resume()
  await once(connection, 'end')
  connection.destroy()
  const other = new RawConnection(await gateway.connect(gateway.identity('alice')))
  other.send(requestBytes({ method: 'GET', path: '/info' }))
  assert.equal((await other.answer())?.status, 200)
  other.close()
})
