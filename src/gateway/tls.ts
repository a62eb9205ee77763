// The listener: HTTPS with client certificates and nothing else. Each connection is judged here,
// before the HTTP parser sees a byte of it.
import { constants } from 'node:crypto'
import https from 'node:https'
import { STATUS_CODES, type RequestListener, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { HandshakeTime, LoadLimits } from '../config/load-limits.ts'
import type { Arrivals } from './arrivals.ts'

/** What of the PKI the listener needs, as PEM text. */
export interface TlsMaterial {
  readonly key: string
  readonly cert: string
  readonly ca: string
  readonly crl: string | undefined
}

export interface ConnectionLimits extends HandshakeTime {
  readonly load: Pick<LoadLimits, 'time' | 'headers'>
}

/**
 * What to do with a connection whose handshake is done: hand it to HTTP, tell its owner one sentence
 * (only ever an owner of a certificate of ours), or drop it without a word.
 */
export type Verdict =
  | { readonly admit: true }
  | {
      readonly admit: false
      readonly cause: string
      readonly tell?: string
      /** HTTP status of what is told; 403 unless said. */
      readonly status?: number
    }

const eachList = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g

export function secureContext(material: TlsMaterial): https.ServerOptions {
  return {
    key: material.key,
    cert: material.cert,
    ca: material.ca,
    // Node reads one list of each text, and forgets what follows it.
    ...(material.crl === undefined ? {} : { crl: material.crl.match(eachList) ?? [] }),
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
  readonly judge: (socket: TLSSocket) => Verdict | Promise<Verdict>
  readonly refused: (socket: TLSSocket, cause: string) => void
  readonly arrivals: Pick<Arrivals, 'arrive' | 'settled'>
  /** Told of what came over an admitted connection and was no request. */
  readonly unread: (cause: string) => void
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
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(5_000, limits.load.time.headers / 2),
      insecureHTTPParser: false,
    },
    handler,
  )
  server.timeout = 0
  applyLimits(server, limits)
  // Node's switch for answering a client that has ended its side after asking; it has no option.
  Object.assign(server, { httpAllowHalfOpen: true })

  const [startTls, ...more] = server.listeners('connection')
  if (startTls === undefined || more.length > 0) {
    throw new Error('node:https does not start TLS with one connection listener')
  }
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    if (parts.arrivals.arrive(socket)) startTls.call(server, socket)
    else socket.destroy()
  })

  // INVARIANT: HTTP parsing starts only for connections that `judge` admits.
  const [startHttp, ...others] = server.listeners('secureConnection')
  if (startHttp === undefined || others.length > 0) {
    throw new Error('node:https does not start HTTP with one secureConnection listener')
  }
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    parts.arrivals.settled(socket)
    const verdict = parts.judge(socket)
    if (verdict instanceof Promise) {
      verdict.then(
        (late) => socket.destroyed || obey(socket, late),
        (error: unknown) => obey(socket, { admit: false, cause: String(error) }),
      )
    } else obey(socket, verdict)
  })
  const obey = (socket: TLSSocket, verdict: Verdict): void => {
    if (verdict.admit) {
      startHttp.call(server, socket)
      return
    }
    parts.refused(socket, verdict.cause)
    if (verdict.tell === undefined) socket.destroy()
    else tellAndClose(socket, verdict.tell, verdict.status ?? 403)
  }
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    parts.refused(socket, error.code ?? error.message)
    socket.destroy()
  })
  return server
}

/** These count for connections that come from then on. */
export function applyLimits(
  server: https.Server,
  { load: { time, headers } }: Pick<ConnectionLimits, 'load'>,
): void {
  server.headersTimeout = time.headers
  server.keepAliveTimeout = time.idle
  // One more than may be, so that it shows; Node drops what is beyond it.
  server.maxHeadersCount = headers.count + 1
  // Node reads it for each connection, and has no other way to change it.
  Object.assign(server, { maxHeaderSize: headers.bytes })
}

/** What comes over an admitted connection and is no request is answered with one sentence, and ends it. */
export function answerUnreadable(
  unread: (cause: string) => void,
): (error: NodeJS.ErrnoException, socket: Socket) => void {
  const told = new WeakSet<Socket>()
  return (error, socket) => {
    // The parser says so again of each part that still comes.
    if (told.has(socket)) return
    told.add(socket)
    unread(error.code ?? 'unknown')
    // Node's name for the answer that is under way on a connection.
    const under = Reflect.get(socket, '_httpMessage') as ServerResponse | null | undefined
    const isAnswering = under?.headersSent === true
    if (!socket.writable || isAnswering || error.code === 'ECONNRESET') {
      socket.destroy()
      return
    }
    const [status, message] = unreadable.get(error.code ?? '') ?? [400, 'this is no request']
    const answer = closingAnswer(status, `${message} (${error.code ?? 'unknown'})`)
    // From within the reading, TLS would say its goodbye before the answer.
    setImmediate(() => socket.end(answer))
    // With bytes unread, closing at once would be a reset that overtakes the answer.
    setTimeout(() => socket.destroy(), lingerMs).unref()
  }
}

const unreadable: ReadonlyMap<string, readonly [status: number, message: string]> = new Map([
  ['HPE_HEADER_OVERFLOW', [431, 'the headers are larger than limits.headers.bytes allows']],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', [413, 'the chunks of the body carry too much beside it']],
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    [408, 'the headers did not come in the time of limits.time.headers'],
  ],
])

function closingAnswer(status: number, message: string): string {
  const body = `${JSON.stringify({ message: `dockgate: ${message}` })}\n`
  const retry = status === 429 ? 'Retry-After: 1\r\n' : ''
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
    `Connection: close\r\n${retry}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

/** What still comes is not read for longer. */
const lingerMs = 500

/** Answers whatever the client asks with one sentence, in a form that the docker CLI prints. */
function tellAndClose(socket: TLSSocket, message: string, status: number): void {
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
    socket.end(closingAnswer(status, message), () => setTimeout(close, lingerMs).unref())
  })
}
