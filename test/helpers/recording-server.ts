// A TLS server that remembers every byte that was said to it after the handshake.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'

export interface Recording {
  readonly url: string
  /** Handshakes that were begun, and what came after them. */
  readonly connections: () => number
  readonly heard: () => string
  close(): Promise<void>
}

export async function startRecording(tls: { cert: string; key: string }): Promise<Recording> {
  let heard = ''
  let connections = 0
  const server = createServer(
    { ...tls, requestCert: true, rejectUnauthorized: false },
    (socket) => {
      socket.on('error', () => {})
      socket.on('data', (part: Buffer) => {
        heard += part.toString('latin1')
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
      })
    },
  )
  server.on('connection', () => connections++)
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `https://localhost:${port}`,
    connections: () => connections,
    heard: () => heard,
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}
