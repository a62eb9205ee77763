// The listener: HTTPS with client certificates and nothing else. Each connection is judged here,
// before the HTTP parser sees a byte of it.
import { constants } from 'node:crypto'
import https from 'node:https'
import type { RequestListener } from 'node:http'
import type { TLSSocket } from 'node:tls'

/** What of the PKI the listener needs, as PEM text. */
export interface TlsMaterial {
  readonly key: string
  readonly cert: string
  readonly ca: string
  readonly crl: string | undefined
}

export interface ConnectionLimits {
  /** A client that has not finished its handshake by then is cut off. */
  readonly handshakeTimeoutMs: number
  /** From the first byte of a request to the end of its headers. */
  readonly headersTimeoutMs: number
  /** An idle keep-alive connection is closed after this. */
  readonly keepAliveTimeoutMs: number
  readonly maxHeaderBytes: number
}

/**
 * What to do with a connection whose handshake is done: hand it to HTTP, tell its owner one sentence
 * (only ever an owner of a certificate of ours), or drop it without a word.
 */
export type Verdict =
  | { readonly admit: true }
  | { readonly admit: false; readonly cause: string; readonly tell?: string }

export function secureContext(material: TlsMaterial): https.ServerOptions {
  return {
    key: material.key,
    cert: material.cert,
    ca: material.ca,
    ...(material.crl === undefined ? {} : { crl: material.crl }),
    minVersion: 'TLSv1.2',
    // In TLS 1.2 a client could else show another certificate later than the one that was judged.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    // Forward secrecy and authenticated encryption only.
    ciphers: [
      'TLS_AES_128_GCM_SHA256',
      'TLS_AES_256_GCM_SHA384',
      'TLS_CHACHA20_POLY1305_SHA256',
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-RSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-RSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
      'ECDHE-RSA-CHACHA20-POLY1305',
    ].join(':'),
    honorCipherOrder: true,
    ecdhCurve: 'X25519:prime256v1:secp384r1',
  }
}

export interface ListenerParts {
  readonly material: TlsMaterial
  readonly limits: ConnectionLimits
  readonly judge: (socket: TLSSocket) => Verdict
  readonly refused: (socket: TLSSocket, cause: string) => void
}

export function createListener(parts: ListenerParts, handler: RequestListener): https.Server {
  const { limits } = parts
  const server = https.createServer(
    {
      ...secureContext(parts.material),
      requestCert: true,
      // `judge` refuses instead, so that the owner of an expired certificate can be told why.
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      // The docker CLI closes its writing side when stdin ends and reads on: without this,
      // `docker run busybox echo hi` prints nothing and exits 0.
      allowHalfOpen: true,
      noDelay: true,
      handshakeTimeout: limits.handshakeTimeoutMs,
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      insecureHTTPParser: false,
    },
    handler,
  )
  server.timeout = 0
  // Node's switch for answering a client that has ended its side after asking; it has no option.
  Object.assign(server, { httpAllowHalfOpen: true })

  // INVARIANT: HTTP parsing starts only for connections that `judge` admits.
  const [startHttp, ...others] = server.listeners('secureConnection')
  if (startHttp === undefined || others.length > 0) {
    throw new Error('node:https does not start HTTP with one secureConnection listener')
  }
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    const verdict = parts.judge(socket)
    if (verdict.admit) {
      startHttp.call(server, socket)
      return
    }
    parts.refused(socket, verdict.cause)
    if (verdict.tell === undefined) socket.destroy()
    else tellAndClose(socket, verdict.tell)
  })
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    parts.refused(socket, error.code ?? error.message)
    socket.destroy()
  })
  return server
}

/** Answers whatever the client asks with one sentence, in a form that the docker CLI prints. */
function tellAndClose(socket: TLSSocket, message: string): void {
  const body = `${JSON.stringify({ message: `dockgate: ${message}` })}\n`
  const close = (): void => {
    socket.destroy()
  }
  const timer = setTimeout(close, 5_000).unref()
  socket.on('error', close)
  socket.on('close', () => clearTimeout(timer))
  // Go's HTTP client drops an answer that comes before the question: wait for its first bytes,
  // which nobody reads.
  socket.once('data', () => {
    socket.resume()
    socket.end(
      'HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nConnection: close\r\n' +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      () => setTimeout(close, 500).unref(),
    )
  })
}
