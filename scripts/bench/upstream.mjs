// An engine that does nothing, fast: what is measured in front of it is the gate, not the engine. It reads
// just enough HTTP/1.1 for its clients here, and says how many bytes it took.
import { createServer } from 'node:net'

const [, , path] = process.argv
const chunk = Buffer.alloc(256 * 1024, 'x')
/** It is in no data here. */
const lastChunk = Buffer.from('0\r\n\r\n')
const row = {
  Id: 'a'.repeat(64),
  Names: ['/web'],
  Image: 'busybox:local',
  Command: 'sleep 600',
  Created: 1_700_000_000,
  Ports: [],
  Labels: { 'dockgate.owner': 'dev', 'com.example.stage': 'test' },
  State: 'running',
  Status: 'Up 2 hours',
  HostConfig: { NetworkMode: 'default' },
  Mounts: [],
}
const inspect = JSON.stringify({
  Id: 'sha256:' + 'b'.repeat(64),
  Name: '/web',
  RepoTags: ['busybox:local'],
  Config: { Labels: {} },
})
const answers = new Map([
  ['/_ping', plain('OK', 'text/plain')],
  ['/version', plain('{"ApiVersion":"1.41","Version":"20.10.24"}')],
  ['/containers/json', plain(JSON.stringify(Array.from({ length: 5 }, () => row)))],
  [
    '/containers/create',
    plain(`{"Id":"${'c'.repeat(64)}","Warnings":[]}`, 'application/json', '201 Created'),
  ],
])
const other = plain(inspect)
/** What `?all=1` lists. */
const many = plain(JSON.stringify(Array.from({ length: 500 }, () => row)))

function plain(body, type = 'application/json', status = '200 OK') {
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nApi-Version: 1.41\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  let held = Buffer.alloc(0)
  /** What the connection has become: requests, a body of so many bytes, or an echo. */
  let mode = 'head'
  let left = 0
  let isChunked = false
  /** The last bytes of the body. */
  let tail = Buffer.alloc(0)
  let afterBody = other
  socket.on('data', (bytes) => {
    if (mode === 'echo') {
      socket.write(bytes)
      return
    }
    if (mode === 'body') {
      left -= bytes.length
      tail = Buffer.concat([tail, bytes.subarray(-lastChunk.length)]).subarray(-lastChunk.length)
      if (left > 0 && !(isChunked && tail.equals(lastChunk))) return
      mode = 'head'
      socket.write(afterBody)
      return
    }
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
    for (let end = held.indexOf('\r\n\r\n'); end !== -1; end = held.indexOf('\r\n\r\n')) {
      const head = held.toString('latin1', 0, end)
      held = held.subarray(end + 4)
      const target = (head.split(' ', 2)[1] ?? '').replace(/^\/v[0-9.]+/, '').replace(/\?.*/, '')
      if (target.endsWith('/attach')) {
        mode = 'echo'
        socket.write(
          'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
        )
        if (held.length > 0) socket.write(held)
        held = Buffer.alloc(0)
        return
      }
      if (target === '/events') {
        // A stream that stays open and says nothing.
        socket.write(
          'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
        )
        return
      }
      if (target.endsWith('/get')) {
        pour(socket, Number(/[?&]names=(\d+)/.exec(head)?.[1] ?? 0))
        continue
      }
      isChunked = /\r\ntransfer-encoding: chunked/i.test(head)
      const stated = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
      const length = isChunked ? Infinity : stated
      const isMany = target === '/containers/json' && /^GET \S*[?&]all=1/.test(head)
      const answer = isMany ? many : (answers.get(target) ?? other)
      if (length > held.length) {
        mode = 'body'
        left = length - held.length
        tail = held.subarray(-lastChunk.length)
        held = Buffer.alloc(0)
        afterBody = answer
        return
      }
      held = held.subarray(length)
      socket.write(answer)
    }
  })
  socket.on('end', () => socket.end())
})

function pour(socket, bytes) {
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nContent-Length: ${bytes}\r\n\r\n`,
  )
  let left = bytes
  const more = () => {
    while (left > 0) {
      const part = left >= chunk.length ? chunk : chunk.subarray(0, left)
      left -= part.length
      if (!socket.write(part)) {
        socket.once('drain', more)
        return
      }
    }
  }
  more()
}

server.listen(path, 4096, () => process.stdout.write('ready\n'))
