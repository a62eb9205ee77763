// Hijacked requests (attach, exec start, session, grpc, attach/ws): asks the engine over a connection
// of its own and, only once the engine has answered with a raw stream, splices the two sockets with
// half-close kept in both directions. Any other answer is relayed as an ordinary one.
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable, Writable } from 'node:stream'
import { tellClosed } from './connections.ts'
import type { Engine, EngineRequest } from './engine.ts'
import { endToEnd } from './headers.ts'
import { carry } from './wire/carry.ts'

export type TunnelEnd = 'finished' | 'client-left' | 'engine-broke'

export interface TunnelParts {
  readonly engine: Engine
  readonly request: EngineRequest
  /** The client's side, still in the hands of node:http. */
  readonly reply: ServerResponse
  /** Set where the client asked for an upgrade: its raw socket and the protocol. */
  readonly upgrade: { readonly socket: Duplex; readonly protocol: string } | undefined
  /** An answer that is no stream: to be relayed like a plain one. */
  readonly relay: (answer: IncomingMessage) => void
  /** The engine could not be asked. */
  readonly failed: (error: Error) => void
  /** The streams are spliced; the answer's status. */
  readonly opened: (status: number) => void
  readonly closed: (how: TunnelEnd, bytesIn: number, bytesOut: number) => void
  /** Sees what goes to the client. */
  readonly seen: (part: Uint8Array) => void
  /** Sees what comes from the client, where somebody wants to. */
  readonly heard: ((part: Uint8Array) => void) | undefined
}

const rawStreams: ReadonlySet<string> = new Set([
  'application/vnd.docker.raw-stream',
  'application/vnd.docker.multiplexed-stream',
])

/**
 * Returns how to cut it, perhaps with a last word to the client; before the engine has answered, the
 * client is left to whoever cuts.
 */
export function openTunnel(parts: TunnelParts): (lastWord?: Uint8Array) => void {
  const outgoing = parts.engine.open(parts.request, parts.upgrade?.protocol)
  let client: Duplex | undefined
  let release = (): void => undefined
  let answered = false

  /** What is wrong with one answer ends one stream, and nobody else's. */
  const contain = (act: () => void): void => {
    try {
      act()
    } catch (error) {
      client?.destroy()
      outgoing.destroy()
      parts.failed(error instanceof Error ? error : new Error(String(error)))
    }
  }
  outgoing.on('upgrade', (answer, upstream, head) =>
    contain(() => becomeStream(answer, upstream, head)),
  )
  outgoing.on('response', (answer) => contain(() => takeAnswer(answer)))

  function becomeStream(answer: IncomingMessage, upstream: Duplex, head: Buffer): void {
    answered = true
    // An upgrade that the client did not ask for cannot be given to it.
    if (parts.upgrade === undefined) {
      upstream.destroy()
      parts.failed(new Error('the engine upgraded a request that asked for no upgrade'))
      return
    }
    client = parts.upgrade.socket
    parts.reply.detachSocket(client as never)
    writeHead(client, answer)
    if (head.length > 0) client.write(head)
    parts.opened(answer.statusCode ?? 101)
    parts.seen(head)
    release = splice(client, upstream, upstream, parts, head.length)
  }

  function takeAnswer(answer: IncomingMessage): void {
    answered = true
    const type = answer.headers['content-type'] ?? ''
    if (answer.statusCode !== 200 || !rawStreams.has(type) || hasFraming(answer)) {
      parts.relay(answer)
      return
    }
    // Hijacked without an Upgrade header, as docker-py does: the engine writes raw bytes until it
    // closes, and reads raw bytes from the moment it has read the request.
    client = parts.upgrade?.socket ?? takeOver(parts.reply)
    if (parts.upgrade !== undefined) parts.reply.detachSocket(client as never)
    writeHead(client, answer)
    parts.opened(200)
    release = splice(client, answer, socketOf(outgoing), parts, 0)
  }
  outgoing.on('error', (error) => {
    if (!answered) parts.failed(error)
  })
  // A client that goes before the engine has answered takes its question with it.
  const waiting = parts.upgrade?.socket ?? parts.reply.socket
  waiting?.once('close', () => {
    if (answered) return
    answered = true
    outgoing.destroy()
    parts.closed('client-left', 0, 0)
  })
  return (lastWord) => {
    release()
    outgoing.destroy()
    if (client !== undefined) cutAfter(client, lastWord, client)
  }
}

/** A client that does not read has this long for its last word. */
const lastWordMs = 200

/** INVARIANT: no orderly end, so that what was cut does not look finished. */
export function cutAfter(client: Writable, lastWord: Uint8Array | undefined, socket: Duplex): void {
  // `writable` of an answer says nothing of that.
  if (lastWord === undefined || !client.writable || client.writableEnded) {
    socket.destroy()
    return
  }
  const late = setTimeout(() => socket.destroy(), lastWordMs)
  client.write(lastWord, () => {
    clearTimeout(late)
    socket.destroy()
  })
}

function hasFraming(answer: IncomingMessage): boolean {
  return (
    answer.headers['content-length'] !== undefined ||
    answer.headers['transfer-encoding'] !== undefined
  )
}

function socketOf(outgoing: ClientRequest): Duplex {
  const { socket } = outgoing
  if (socket === null) throw new Error('an answered request has a socket')
  return socket
}

/**
 * Takes the client's socket from node:http in the middle of a request: an own `data` listener makes
 * the HTTP parser give the bytes back, and the server's listeners go.
 */
function takeOver(reply: ServerResponse): Duplex {
  const { socket } = reply
  if (socket === null) throw new Error('another answer is under way on its connection')
  reply.detachSocket(socket)
  const ignore = (): void => undefined
  socket.on('data', ignore)
  socket.pause()
  for (const event of ['data', 'end', 'drain', 'error', 'timeout', 'pause', 'resume']) {
    socket.removeAllListeners(event)
  }
  for (const listener of socket.listeners('close')) {
    if (listener !== tellClosed) socket.off('close', listener as () => void)
  }
  socket.setTimeout(0)
  return socket
}

function writeHead(client: Duplex, answer: IncomingMessage): void {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`]
  const headers = endToEnd(answer.rawHeaders)
  for (let index = 0; index < headers.length; index += 2) {
    lines.push(`${headers[index]}: ${headers[index + 1]}`)
  }
  const upgrade = answer.headers.upgrade
  lines.push(
    upgrade === undefined ? 'Connection: close' : `Connection: Upgrade\r\nUpgrade: ${upgrade}`,
  )
  client.write(`${lines.join('\r\n')}\r\n\r\n`)
}

/** Once one side is gone, what is already on its way to the other has this long to arrive. */
const lingerMs = 30_000

/**
 * `fromEngine` is `toEngine` itself for an upgrade, and the answer's body for a plain hijack. Returns
 * how to let go of the client, to whom nothing of the engine goes any more.
 */
function splice(
  client: Duplex,
  fromEngine: Readable,
  toEngine: Duplex,
  { closed, seen, heard }: TunnelParts,
  early: number,
): () => void {
  let bytesIn = 0
  let bytesOut = early
  let how: TunnelEnd | undefined
  let engineDone = false
  let released = false

  const finish = (end: TunnelEnd): void => {
    if (how !== undefined) return
    how = end
    closed(end, bytesIn, bytesOut)
  }
  const up = carry(client, toEngine, (part) => {
    bytesIn += part.length
    heard?.(part)
  })
  const down = carry(fromEngine, client, (part) => {
    bytesOut += part.length
    seen(part)
  })
  // The end of the one ends the writing side of the other, which is what half-close means.
  client.on('end', () => {
    if (!released) up.end()
  })
  fromEngine.on('end', () => {
    engineDone = true
    finish('finished')
    if (released) return
    // The engine closes both ways at once, so nothing more is read from the client; it gets all that
    // is still waiting for it, and time to close.
    down.end(() => setTimeout(() => client.destroy(), lingerMs).unref())
  })
  const broken = (): void => {
    if (engineDone || released) return
    finish('engine-broke')
    // INVARIANT: a broken stream never looks like a finished one, so no orderly end here.
    client.destroy()
  }
  fromEngine.on('error', broken)
  fromEngine.on('close', broken)
  toEngine.on('error', broken)
  client.on('error', () => {
    finish('client-left')
    toEngine.destroy()
  })
  client.on('close', () => {
    finish('client-left')
    toEngine.destroy()
  })
  return () => {
    released = true
    up.stop()
    down.stop()
    client.resume()
  }
}
