// One connection to the local socket, carried over a TLS connection of its own: raw bytes both ways,
// so that upgrades and half-close pass as they are. Nothing is parsed but the first word of a request
// that the gateway never answered, which then gets a 502.
import { isIP, type Socket } from 'node:net'
import { connect, type ConnectionOptions, type SecureContext } from 'node:tls'

export interface Gateway {
  readonly host: string
  readonly port: number
}

export interface RelayParts {
  readonly gateway: Gateway
  readonly context: SecureContext
  /** The TLS connection stands. */
  readonly reached: () => void
  /** There is no answer from the gateway, and why. */
  readonly failed: (why: string) => void
}

/** From the first packet to the end of the handshake. */
const connectTimeoutMs = 10_000
/** How long what is already written may take to arrive once the other side is gone. */
const lingerMs = 30_000
/** How soon a local client that vanished without a word is noticed. */
const probeMs = 1_000
/** A gateway that vanished without a word is noticed after this and ten probes of a second. */
const keepAliveMs = 30_000

export function relay(local: Socket, parts: RelayParts): void {
  const { gateway } = parts
  const options: ConnectionOptions & { allowHalfOpen: boolean } = {
    host: gateway.host,
    port: gateway.port,
    secureContext: parts.context,
    ...(isIP(gateway.host) === 0 ? { servername: gateway.host } : {}),
    ALPNProtocols: ['http/1.1'],
    // The docker CLI ends its side when stdin ends, and reads on.
    allowHalfOpen: true,
  }
  const remote = connect(options)
  remote.setNoDelay(true)
  remote.setKeepAlive(true, keepAliveMs)

  let state: 'connecting' | 'waiting' | 'answered' | 'failed' = 'connecting'
  let first: Buffer | undefined
  const fail = (why: string): void => {
    if (state === 'failed') return
    const unanswered = state !== 'answered'
    const isNews = state === 'connecting' || first !== undefined
    state = 'failed'
    clearTimeout(timer)
    remote.destroy()
    // A connection on which nothing was asked, ended by the gateway, is an idle one: no failure.
    if (unanswered && isNews) {
      parts.failed(why)
      answer502(local, first, `the gateway tcp://${placeOf(gateway)} ${why}`)
    } else local.destroy()
  }
  const timer = setTimeout(() => fail(`did not answer in ${connectTimeoutMs / 1000} s`), connectTimeoutMs) // prettier-ignore

  remote.once('secureConnect', () => {
    clearTimeout(timer)
    if (state !== 'connecting') return
    state = 'waiting'
    parts.reached()
    splice()
  })
  remote.on('error', (error: NodeJS.ErrnoException) => fail(inWords(error)))
  local.on('error', () => remote.destroy())
  local.once('close', () => {
    clearTimeout(timer)
    remote.destroy()
  })

  const splice = (): void => {
    local.once('data', (chunk: Buffer) => (first = chunk))
    // TLS 1.3 learns only after the handshake that a certificate is not taken: until the gateway has
    // said something, its end is a failure that the client must hear of.
    remote.once('data', () => (state = 'answered'))
    remote.on('end', () => {
      if (state !== 'answered')
        fail('closed the connection before it answered (is the certificate one of its CA, and not revoked?)') // prettier-ignore
      else local.end()
    })
    remote.once('close', () => {
      if (state !== 'answered') fail('closed the connection before it answered')
      else setTimeout(() => local.destroy(), lingerMs).unref()
    })
    local.once('end', () => watchForGone(local))
    local.pipe(remote)
    remote.pipe(local, { end: false })
  }
}

/**
 * A local process that has ended its writing side and one that died look alike to whoever only reads:
 * an empty write fails for the second, and the stream that it was waiting for ends with it.
 */
function watchForGone(local: Socket): void {
  const timer = setInterval(() => {
    // What is on its way finds out by itself.
    if (!local.writableEnded && local.writableLength === 0) local.write(nothing)
  }, probeMs).unref()
  local.once('close', () => clearInterval(timer))
}

const nothing = Buffer.alloc(0)

/** Answers in place of the gateway, in a form that docker prints, once there is a question. */
function answer502(local: Socket, asked: Buffer | undefined, message: string): void {
  if (local.destroyed) return
  const body = `${JSON.stringify({ message: `dockgate connect: ${message}` })}\n`
  const head = [
    'HTTP/1.1 502 Bad Gateway',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  const say = (question: Buffer): void => {
    const isHead = question.toString('latin1', 0, 5) === 'HEAD '
    local.end(`${head.join('\r\n')}\r\n\r\n${isHead ? '' : body}`)
  }
  setTimeout(() => local.destroy(), lingerMs).unref()
  local.once('end', () => local.end())
  // Go's HTTP client drops an answer that comes before the question.
  if (asked === undefined) local.once('data', say)
  else say(asked)
  // What it goes on to send (an image, a build context) is dropped, so that it comes to read.
  local.unpipe().resume()
}

/** Why there is no connection, in the words of whoever has to mend it. */
export function inWords(error: NodeJS.ErrnoException): string {
  const { code = '' } = error
  switch (code) {
    case 'ECONNREFUSED':
      return 'does not listen (connection refused)'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `cannot be found by its name (${code})`
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return `cannot be reached (${code})`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'showed a certificate for other names than the one it is called by'
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return "showed a certificate that is not from the bundle's CA"
    case 'CERT_HAS_EXPIRED':
      return 'showed a certificate that has expired'
    default:
      return `broke the connection off (${code === '' ? error.message : code})`
  }
}

export function placeOf({ host, port }: Gateway): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
