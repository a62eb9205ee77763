// What is done to a gate: requests, connections, streams, as raw bytes over TLS so that the client costs
// little and does the same to everyone.
import { connect } from 'node:tls'

export function open(peer, identity, more = {}) {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: peer.port,
      servername: 'localhost',
      ...identity,
      ...more,
    }
    const socket = connect({ ...options, ALPNProtocols: undefined }, () => {
      socket.setNoDelay(true)
      resolve(socket)
    })
    socket.on('error', reject)
  })
}

export function head(method, path, headers = {}, body = '') {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length =
    body === '' && method === 'GET' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: docker\r\n${lines.join('')}${length}\r\n${body}`
}

/**
 * Asks the same over and over on `connections` for `ms`; resolves to the number of answers. `opened` is
 * called when all are open, since a handshake costs as much as ten requests.
 */
export async function hammer(peer, identity, request, { connections, ms, status, opened }) {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(peer, identity)))
  opened?.()
  const bytes = Buffer.from(request)
  let count = 0
  let end = false
  const timer = setTimeout(() => (end = true), ms)
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise((resolve, reject) => {
          const read = answerReader((found) => {
            if (found !== status) reject(new Error(`${peer.name} answered ${found}, not ${status}`))
            count++
            if (end) resolve()
            else socket.write(bytes)
          })
          socket.on('data', read)
          socket.once('close', () => reject(new Error(`${peer.name} closed a connection`)))
          socket.write(bytes)
        }),
    ),
  )
  clearTimeout(timer)
  for (const socket of sockets) socket.removeAllListeners('close').destroy()
  return count
}

/** Calls back with the status at the end of each answer. */
export function answerReader(done) {
  let held = Buffer.alloc(0)
  let left = 0
  let status = 0
  let chunked = false
  return (bytes) => {
    let data = held.length === 0 ? bytes : Buffer.concat([held, bytes])
    held = Buffer.alloc(0)
    while (data.length > 0) {
      if (left > 0) {
        const taken = Math.min(left, data.length)
        left -= taken
        data = data.subarray(taken)
        if (left === 0) done(status)
        continue
      }
      if (chunked) {
        const at = data.indexOf('0\r\n\r\n')
        if (at === -1) {
          held = data.subarray(Math.max(0, data.length - 4))
          return
        }
        data = data.subarray(at + 5)
        chunked = false
        done(status)
        continue
      }
      const end = data.indexOf('\r\n\r\n')
      if (end === -1) {
        held = data
        return
      }
      const text = data.toString('latin1', 0, end)
      data = data.subarray(end + 4)
      status = Number(text.slice(9, 12))
      const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
      chunked = /\r\ntransfer-encoding: *chunked/i.test(text)
      left = Number(length ?? 0)
      if (left === 0 && !chunked) done(status)
    }
  }
}

/** One request on a connection of its own, with the session of an earlier one where it is given. */
export async function once(peer, identity, request, session) {
  const socket = await open(peer, identity, session === undefined ? {} : { session })
  let ticket
  socket.once('session', (given) => (ticket = given))
  await new Promise((resolve, reject) => {
    socket.on('data', answerReader(resolve))
    socket.once('close', reject)
    socket.write(request)
  })
  const resumed = socket.isSessionReused()
  socket.removeAllListeners('close').destroy()
  return { ticket, resumed }
}
