// Sends a passage to the engine and its answer to the client: what goes as it comes straight, what is
// filtered through @fastify/http-proxy, whose upstream requests are made by our own engine client, what
// is hijacked through a tunnel. Every byte is streamed.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy'
import { failure, GatewayError, type Failure } from '../errors.ts'
import type { EventsOfTheirs } from './answer-events.ts'
import { viewAnswer } from './answer-view.ts'
import { boundRest, type Incoming } from './body.ts'
import { engineFailure, type Engine, type EngineRequest } from './engine.ts'
import type { Passage } from './guard.ts'
import { endToEnd, withoutConnectionHeaders } from './headers.ts'
import type { Timing } from './metrics.ts'
import { seeMade } from './see-made.ts'
import { passStraight } from './straight.ts'
import { Track, type Tracker } from './track.ts'
import { cutAfter, openTunnel } from './tunnel.ts'
import type { Refusal } from './turn-away.ts'

export interface Forwarder extends Tracker {
  readonly timing: Timing
  readonly engine: Engine
  /** How long a body that nobody wants any more may go on. */
  readonly bodyMs: () => number
  readonly events: EventsOfTheirs
  /** Tells the client of a failure that is nobody's decision. */
  readonly answer: (response: ServerResponse, failed: Failure, id: string) => void
  /** Tells the client of a decision that came while it was sending. */
  readonly refuse: (response: ServerResponse, refusal: Refusal) => void
}

/**
 * What a request carries through http-proxy to its upstream call. Symbols survive the copies that
 * reply-from makes of the headers; nothing else of what it builds is used, since it resolves the
 * target a second time.
 */
const carried = Symbol('the judged request')
interface Carrier {
  [carried]?: EngineRequest
}

/** The options of http-proxy that make our engine client its upstream. */
export function proxyOptions(engine: Engine): FastifyHttpProxyOptions {
  const upstream = {
    request(
      options: { headers: Carrier },
      done: (error: Error | null, answer?: UpstreamAnswer) => void,
    ): void {
      const request = options.headers[carried]
      if (request === undefined) {
        done(new Error('INVARIANT: only a judged request goes to the engine'))
        return
      }
      engine.send(request, (error, answer) => {
        if (answer === undefined) done(error ?? new Error('no answer'))
        else
          done(null, {
            statusCode: answer.statusCode ?? 502,
            headers: answer.headers,
            body: answer,
          })
      })
    },
  }
  return {
    upstream: 'http://engine',
    undici: upstream as never,
    disableCache: true,
    disableRequestLogging: true,
    retryMethods: [],
    proxyPayloads: false,
  }
}

interface UpstreamAnswer {
  readonly statusCode: number
  readonly headers: IncomingMessage['headers']
  readonly body: IncomingMessage
}

/**
 * Takes a passage the rest of the way; the response is finished when the client has its last byte. What
 * comes back is to be called in the hands of http-proxy, for an answer that is filtered.
 */
export function forward(
  forwarder: Forwarder,
  passage: Passage,
  incoming: Incoming,
  response: ServerResponse,
): ((reply: FastifyReply) => void) | undefined {
  let isGone = false
  let release: ((done?: () => void) => void) | undefined
  const letGo = (): void => {
    isGone = true
    release?.(passage.keep())
  }
  const engineRequest: EngineRequest = {
    method: incoming.raw.method ?? '',
    path: passage.target,
    headers: requestHeaders(passage, incoming),
    body: requestBody(passage, incoming),
    started: (given) => {
      release = given
      if (isGone) given(passage.keep())
    },
  }
  const { socket } = incoming.raw
  // Before the engine's answer there is room for one of ours.
  const track = new Track(forwarder, passage, incoming, (why, _lastWord, code) => {
    const failed = failure(code, why)
    if (response.headersSent) socket.destroy()
    else forwarder.answer(response, failed, passage.id)
    letGo()
    queueMicrotask(() => track.over('ended', failed.status))
  })
  if (track.wasEnded) return undefined
  if (socket.destroyed) {
    // They left while it was judged: nothing else would tell that it is over.
    track.over('client-left', 0)
    return undefined
  }
  const failed = (error: unknown): void => {
    if (track.wasEnded) return undefined
    const refusal = passage.context?.refused()
    if (refusal !== undefined) {
      forwarder.refuse(response, refusal)
      return
    }
    track.over('engine-broke', 502)
    const known = error instanceof GatewayError ? error.failure : undefined
    forwarder.answer(response, known ?? engineFailure(forwarder.engine, error), passage.id)
  }

  const answered = forwarder.timing.handedOver(passage)
  if (passage.operation.endpoint.hijacks) {
    const { transcript, recordsInput = false } = passage.terminal ?? {}
    const cut = openTunnel({
      engine: forwarder.engine,
      request: engineRequest,
      reply: response,
      upgrade: incoming.upgraded,
      relay: (answer) => {
        answered()
        // No stream, but it may have been on the screen all the same.
        if (transcript !== undefined && answer.statusCode === 200) {
          answer.on('data', (part: Buffer) => {
            transcript.begin()
            transcript.output(part)
          })
        }
        relay(answer, response, track)
      },
      failed,
      opened: (status) => {
        answered()
        transcript?.begin()
        track.status(status)
        track.cutBy((_why, lastWord) => cut(lastWord))
      },
      closed: (how, bytesIn, bytesOut) =>
        track.over(how, undefined, { in: bytesIn, out: bytesOut }),
      seen: (part) => track.see?.(part),
      heard: recordsInput ? (part) => transcript?.input(part) : undefined,
    })
    release = (done) => {
      cut()
      done?.()
    }
    return undefined
  }

  const stopWaiting = boundHalfOpen(incoming.raw.socket, response)
  // `close` comes last, whoever ended it: before the answer is complete, the engine is let go.
  response.once('close', () => {
    stopWaiting()
    passage.context?.close()
    boundRest(incoming.raw, forwarder.bodyMs())
    if (!response.writableFinished) letGo()
    const { headersSent, statusCode, writableFinished } = response
    track.over(writableFinished ? 'finished' : 'client-left', headersSent ? statusCode : 0)
  })
  incoming.proceed?.()
  if (passage.view === undefined) {
    let made: ReturnType<typeof seeMade>
    try {
      const straight = passStraight({
        lines: forwarder.engine.lines,
        request: engineRequest,
        response,
        answered(status) {
          answered()
          if (track.wasEnded) return false
          made = seeMade(passage, status, track)
          track.cutBy((_why, lastWord) => {
            straight.stop()
            cutAfter(response, lastWord, socket)
          })
          return true
        },
        failed,
        see:
          passage.made === undefined && track.see === undefined
            ? undefined
            : (part, isLast) => {
                track.see?.(part)
                made?.(part, isLast)
              },
      })
      release = (done) => straight.letGo(done)
    } catch (error) {
      failed(error)
    }
    return undefined
  }
  return (reply) =>
    sendFiltered(forwarder, passage, engineRequest, reply, { track, answered, failed, socket })
}

interface Filtering {
  readonly track: Track
  readonly answered: () => void
  readonly failed: (error: unknown) => void
  readonly socket: Socket
}

/** What is filtered goes the way of streams, through http-proxy. */
function sendFiltered(
  forwarder: Forwarder,
  passage: Passage,
  engineRequest: EngineRequest,
  reply: FastifyReply,
  { track, answered, failed, socket }: Filtering,
): void {
  reply.from('/', {
    rewriteRequestHeaders: () => ({ [carried]: engineRequest }) as never,
    rewriteHeaders: (headers) => withoutConnectionHeaders(headers) as never,
    onResponse: (_request, _reply, answer) => {
      answered()
      const { stream } = answer as unknown as { stream: IncomingMessage }
      const send = (body: Readable | Buffer): void => {
        if (track.wasEnded) return
        void reply.send(body)
        if (body instanceof Uint8Array) return
        // The headers of a long stream reach the client now; those of an answer that is here, with it.
        setImmediate(() => {
          if (!reply.raw.headersSent && !reply.raw.destroyed) reply.raw.flushHeaders()
        })
        const { see } = track
        if (see !== undefined) body.on('data', see)
        // The engine is let go when the client's side has closed: before, that would be its error.
        track.cutBy((_why, lastWord) => {
          body.unpipe()
          cutAfter(reply.raw, lastWord, socket)
        })
      }
      const made = seeMade(passage, stream.statusCode ?? 502, track)
      if (made !== undefined) {
        stream.on('data', (part: Buffer) => made(part, false))
        stream.on('end', () => made(Buffer.alloc(0), true))
      }
      // What is no 200 is a word about the request, and shows no thing.
      const { view } = passage
      if (view === undefined || stream.statusCode !== 200) {
        send(stream)
        return
      }
      reply.removeHeader('content-length')
      viewAnswer(forwarder, view, stream).then(send).catch(failed)
    },
    onError: (_reply, { error }) => failed(error.cause ?? error),
  })
}

/** How long a client that has ended its side is waited for: with its answer to come, and under way. */
const halfOpenMs = { waiting: 30_000, reading: 1_000 }

/**
 * Whoever ends their side right after asking (`nc -N`, `socat`) still reads. But nothing tells them from
 * one who is gone until bytes are sent, so that a stream under way ends soon, as it does at the engine
 * itself, and an answer that does not come is not waited for without end.
 */
function boundHalfOpen(socket: Socket, response: ServerResponse): () => void {
  let timer: NodeJS.Timeout | undefined
  const ended = (): void => {
    const leftMs = response.headersSent ? halfOpenMs.reading : halfOpenMs.waiting
    timer = setTimeout(() => socket.destroy(), leftMs)
  }
  if (socket.readableEnded) ended()
  else socket.once('end', ended)
  return () => {
    socket.off('end', ended)
    clearTimeout(timer)
  }
}

function requestHeaders(passage: Passage, incoming: Incoming): string[] {
  const headers = endToEnd(incoming.raw.rawHeaders)
  // What is filtered must come as it is.
  if (passage.view !== undefined) without(headers, 'accept-encoding')
  if (passage.body === undefined) return headers
  without(headers, 'content-type')
  headers.push('Content-Type', 'application/json')
  return headers
}

function without(headers: string[], lower: string): void {
  for (let index = headers.length - 2; index >= 0; index -= 2) {
    if (headers[index]?.toLowerCase() === lower) headers.splice(index, 2)
  }
}

function requestBody(passage: Passage, incoming: Incoming): EngineRequest['body'] {
  if (passage.body !== undefined) return passage.body
  if (passage.bytes !== undefined) return passage.bytes
  if (passage.operation.endpoint.body === 'none') return undefined
  const { raw, upgraded } = incoming
  if (passage.context !== undefined) return { stream: passage.context.open(raw) }
  if (upgraded !== undefined) return upgraded.body instanceof Uint8Array ? upgraded.body : undefined
  const length = raw.headers['content-length']
  if (raw.headers['transfer-encoding'] !== undefined) return { stream: raw }
  if (length === undefined || length === '0') return undefined
  return { stream: raw, length: Number(length) }
}

/** Relays an answer that did not become a stream; the connection ends with it. */
function relay(answer: IncomingMessage, response: ServerResponse, track: Track): void {
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, [
    ...endToEnd(answer.rawHeaders),
    ...lengthOf(answer),
    'Connection',
    'close',
  ])
  answer.on('error', () => response.destroy())
  answer.pipe(response)
  response.once('close', () => {
    answer.destroy()
    track.over(response.writableFinished ? 'finished' : 'client-left', answer.statusCode ?? 502)
  })
}

function lengthOf(answer: IncomingMessage): string[] {
  const length = answer.headers['content-length']
  return length === undefined ? [] : ['Content-Length', length]
}
