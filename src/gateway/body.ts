// The client's request body: read whole only where it is judged, and never beyond its cap.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { failure, type Failure } from '../errors.ts'

/**
 * A request as it reached us. An upgraded one has given its socket away: what lay in its body was
 * read already, and `early` is what the client sent beyond it, which waits for the engine's answer.
 */
export interface Incoming {
  readonly raw: IncomingMessage
  /** The request target as the client wrote it. */
  readonly target: string
  /** By which the audit, the client's denial and the log speak of it; given when it is judged. */
  id?: string
  readonly upgraded?: {
    readonly socket: Duplex
    readonly protocol: string
    readonly body: Buffer | Failure
  }
  /** Tells a client that waits with `Expect: 100-continue` to go on. */
  readonly proceed?: () => void
  /** From now on the connection may become a stream: what else comes on it is no request. */
  readonly hold?: () => void
}

/** True when the request announces a body that is not known to be empty. */
export function announcesBody(raw: IncomingMessage): boolean {
  const length = raw.headers['content-length']
  return raw.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

export async function readWholeBody(
  incoming: Omit<Incoming, 'target'>,
  maxBytes: number,
  withinMs: number,
): Promise<Buffer | Failure> {
  if (incoming.upgraded !== undefined) return incoming.upgraded.body
  const { raw } = incoming
  if (!announcesBody(raw)) return Buffer.alloc(0)
  if (Number(raw.headers['content-length'] ?? 0) > maxBytes) return tooLarge(maxBytes)
  incoming.proceed?.()
  if (raw.destroyed) return failure('bad-body', 'the request body broke off')
  const chunks: Buffer[] = []
  let bytes = 0
  return new Promise((resolve) => {
    const done = (result: Buffer | Failure): void => {
      clearTimeout(late)
      raw.off('data', take).off('end', whole).off('close', gone)
      resolve(result)
    }
    const take = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > maxBytes) done(tooLarge(maxBytes))
      else chunks.push(chunk)
    }
    const whole = (): void =>
      done(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks))
    const gone = (): void => done(failure('bad-body', 'the request body broke off'))
    const late = setTimeout(() => {
      const seconds = withinMs / 1_000
      done(failure('body-too-slow', `the request body did not come to its end in ${seconds} s`))
    }, withinMs)
    raw.on('data', take).once('end', whole).once('close', gone)
    // Also the error of a body that breaks off is told by `close`.
    raw.once('error', () => {})
  })
}

/** What nobody reads any more may go on for so long, so that whoever still sends can read the answer. */
export function boundRest(raw: IncomingMessage, withinMs: number): void {
  if (raw.complete || raw.socket.destroyed) return
  const stop = (): void => {
    if (!raw.complete) raw.socket.destroy()
  }
  setTimeout(stop, withinMs).unref()
}

function tooLarge(maxBytes: number): Failure {
  return failure(
    'body-too-large',
    `the request body is larger than the ${maxBytes} bytes that may be judged`,
  )
}

/** An upgrade's body is a few bytes of JSON (exec start) or nothing. */
const maxUpgradeBodyBytes = 64 * 1024
/** They come with the request, or soon after it. */
export const upgradeBodyMs = 10_000

/**
 * Takes the `content-length` bytes of an upgraded request's body from its socket and puts back what
 * follows. Node up to 24 hands the body over unparsed, in `head` and on the socket.
 */
export async function readUpgradeBody(
  raw: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<Buffer | Failure> {
  if (raw.headers['transfer-encoding'] !== undefined) {
    return failure('bad-body', 'an upgraded request must state the length of its body')
  }
  const length = Number(raw.headers['content-length'] ?? 0)
  if (length > maxUpgradeBodyBytes) return tooLarge(maxUpgradeBodyBytes)
  if (parsesUpgradeBodies) {
    socket.unshift(head)
    return length === 0
      ? Buffer.alloc(0)
      : readWholeBody({ raw }, maxUpgradeBodyBytes, upgradeBodyMs)
  }
  let bytes = head
  while (bytes.length < length) {
    const chunk = await nextChunk(socket)
    if (chunk === null) return failure('bad-body', 'the request body broke off')
    bytes = Buffer.concat([bytes, chunk])
  }
  if (bytes.length > length) socket.unshift(bytes.subarray(length))
  return bytes.subarray(0, length)
}

/** From this version on Node parses the body of an upgraded request itself. */
const parsesUpgradeBodies = Number(process.versions.node.split('.')[0]) >= 26

function nextChunk(socket: Duplex): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const take = (): void => {
      const chunk = socket.read() as Buffer | null
      if (chunk === null && !socket.readableEnded && !socket.destroyed) {
        socket.once('readable', take)
        return
      }
      socket.off('end', none).off('close', none)
      resolve(chunk)
    }
    const none = (): void => {
      socket.off('readable', take).off('end', none).off('close', none)
      resolve(null)
    }
    socket.once('end', none).once('close', none)
    take()
  })
}
