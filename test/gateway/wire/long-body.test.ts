// The quick way to read long bodies leans on names that Node keeps for itself: this says whether the Node
// that runs it has them still.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import { takeBody } from '../../../src/gateway/wire/long-body.ts'
import { createAuthority } from '../../helpers/authority.ts'

interface Read {
  readonly isTaken: boolean
  readonly bytes: number
  /** In how many pieces of memory the body came, once it was taken. */
  readonly memories: number
}

const authority = createAuthority('long bodies')
let told: (read: Read) => void
const server = createServer(authority.issue(), (request, response) => {
  const memories = new Set<ArrayBufferLike>()
  let bytes = 0
  let isTaken = false
  const length = request.headers['content-length']
  request.on('data', (part: Buffer) => (bytes += part.length))
  request.once('data', () =>
    setImmediate(() => {
      const left = length === undefined ? undefined : Number(length) - bytes
      isTaken = takeBody(request, left, (part) => {
        bytes += part.length
        memories.add(part.buffer)
        return true
      })
    }),
  )
  request.on('end', () => {
    told({ isTaken, bytes, memories: memories.size })
    response.end()
  })
})

describe('a long body is read into one piece of memory', () => {
  before(() => once(server.listen(0, '127.0.0.1'), 'listening'))
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const chunk = Buffer.from(`8000\r\n${'y'.repeat(0x8000)}\r\n`)
  const rows = [
    ['of a stated length', `Content-Length: ${64 * 0x8000}`, Buffer.alloc(0x8000), ''],
    ['in chunks', 'Transfer-Encoding: chunked', chunk, '0\r\n\r\n'],
  ] as const
  for (const [name, framing, part, last] of rows) {
    it(name, async () => {
      const read = new Promise<Read>((resolve) => (told = resolve))
      const { port } = server.address() as AddressInfo
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      socket.write(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`)
      for (let count = 0; count < 64; count++) {
        await new Promise((resolve) => socket.write(part, resolve))
      }
      socket.write(last)
      const { isTaken, bytes, memories } = await read
      socket.destroy()
      assert.ok(isTaken)
      assert.equal(bytes, 64 * 0x8000)
      // Until the first end of a chunk, the parser is asked for what it copies.
      assert.ok(memories <= (last === '' ? 1 : 8), `${memories} pieces`)
    })
  }
})
