// Bytes that follow a hijacking request without an Upgrade header are input for a container, perhaps
// somebody else's data: they must never be carried out as requests of this client.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { startGatewayProcess } from '../helpers/gateway-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'dockgate-held-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const hijacks = [
  'POST /containers/x/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n',
  'POST /exec/x/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
]
const followers = [
  'POST /containers/prune HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n',
  'PUT /containers/y/archive?path=/ HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
  'POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n',
]

describe('a connection that may become a stream', () => {
  for (const [first, hijack] of hijacks.entries()) {
    for (const [second, follower] of followers.entries()) {
      it(`makes no request of what follows (hijack ${first}, follower ${second})`, async () => {
        const path = join(folder, `${first}-${second}.sock`)
        let seen = ''
        const engine = createServer((socket) => {
          socket.on('error', () => {})
          socket.on('data', (chunk) => (seen += chunk.toString('latin1')))
        })
        await once(engine.listen(path), 'listening')
        const roles = 'grants: [{to: {name: admin}, roles: [admin]}]\n'
        const gateway = await startGatewayProcess({ roles, enginePath: path })
        try {
          const socket = await gateway.connect(gateway.identity('admin'))
          socket.on('error', () => {})
          socket.resume().once('end', () => socket.destroy())
          socket.write(hijack + follower)
          await once(socket, 'close')
          const [target = ''] = follower.split(' HTTP')
          assert.ok(!seen.includes(target), seen)
          assert.doesNotMatch(gateway.logs(), /container\.prune|container\.cp-in|builder\.grpc/)
        } finally {
          await gateway.stop()
          engine.close()
        }
      })
    }
  }
})
