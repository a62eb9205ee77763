// The gateway put together: the listener, the guard and the forwarder in one Fastify instance. Plain
// and upgraded requests walk the same way.
import { ServerResponse, type IncomingMessage, type RequestListener } from 'node:http'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import httpProxy from '@fastify/http-proxy'
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify'
import { isOwn } from '../docker/catalog-own.ts'
import type { Failure } from '../errors.ts'
import { failure } from '../errors.ts'
import { boundRest, readUpgradeBody, upgradeBodyMs, type Incoming } from './body.ts'
import { expiryHeader, type ExpiryNotices } from './expiry-notice.ts'
import { forward, proxyOptions, type Forwarder } from './forward.ts'
import { pass, type Guard } from './guard.ts'
import { answerOwn, type OwnParts } from './own-endpoints.ts'
import { answerUnreadable, createListener, type ListenerParts } from './tls.ts'

export interface Gateway {
  readonly app: FastifyInstance
  readonly server: Server
}

export interface GatewayParts {
  readonly expiry: ExpiryNotices
  readonly listener: ListenerParts
  readonly guard: Guard
  readonly forwarder: Omit<Forwarder, 'answer' | 'refuse'>
  readonly own: OwnParts
}

const taken = Symbol('as it came in')
const left = Symbol('what of it is left to http-proxy')
/**
 * No WeakMap tells these of a request: the collection of young objects takes its values for alive, and by
 * them each request with all that it touches, until the old ones are collected, which is seldom.
 */
interface Taken extends IncomingMessage {
  [taken]?: Incoming
  [left]?: () => void
}

export async function createGateway(parts: GatewayParts): Promise<Gateway> {
  let server: Server | undefined

  const app = fastify({
    serverFactory: (handler) => {
      server = createListener(parts.listener, accept(handler, parts.expiry))
      acceptUpgrades(server, handler, parts.expiry, parts.forwarder.complain)
      return server
    },
    logger: false,
    // No route has a schema: what would compile them is not even loaded.
    schemaController: {
      compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas },
    },
    clientErrorHandler: answerUnreadable(parts.listener.unread),
    exposeHeadRoutes: false,
    return503OnClosing: false,
  })
  const answerFailure = (reply: FastifyReply, failed: Failure, id: string): void => {
    answer(reply, failed.status, `dockgate: ${failed.message} (quote ${id})`)
  }
  const forwarder: Forwarder = {
    ...parts.forwarder,
    answer: answerFailure,
    refuse: (reply, { status, message }) => answer(reply, status, message),
  }

  // Bodies are nobody's to parse but ours.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.setErrorHandler((error, request, reply) => {
    const id = (request.raw as Taken)[taken]?.id
    parts.forwarder.complain(error, id)
    const internal = failure('internal')
    if (!reply.raw.headersSent) answerFailure(reply, internal, id ?? 'the time')
    else reply.raw.destroy()
  })

  const walk = async ({ raw }: { raw: Taken }, reply: FastifyReply): Promise<void> => {
    const incoming = raw[taken]
    if (incoming === undefined) throw new Error('INVARIANT: every request came in through `accept`')
    const outcome = await pass(parts.guard, incoming)
    if ('message' in outcome) {
      answer(reply, outcome.status, outcome.message)
      boundRest(raw, parts.guard.bodyMs())
    } else if (isOwn(outcome.operation.endpoint)) await answerOwn(parts.own, outcome, reply)
    else {
      const more = forward(forwarder, outcome, incoming, reply)
      if (more !== undefined) raw[left] = more
    }
  }
  // Before its handler, which reads the target a second time: only what is filtered goes that far.
  await app.register(httpProxy, {
    ...proxyOptions(parts.guard.engine),
    preHandler: (request, reply, done) => void walk(request, reply).then(() => done(), done),
    handler: async ({ raw }: { raw: Taken }, reply: FastifyReply) => {
      raw[left]?.()
      await reply
    },
  })
  // A method that the router does not know walks the same way, to its refusal.
  app.setNotFoundHandler(walk as never)
  await app.ready()
  if (server === undefined) throw new Error('fastify made no server')
  return { app, server }
}

function noSchemas(): never {
  throw new Error('INVARIANT: no route has a schema')
}

/** Connections on which a request may become a stream, until its answer has ended. */
const held = new WeakSet<object>()

/**
 * What follows a hijacking request in the same breath is the client's input to a container. Node has
 * parsed it as requests already: they are not made, and the connection ends.
 */
function isHeld(raw: IncomingMessage): boolean {
  if (!held.has(raw.socket)) return false
  raw.socket.destroy()
  return true
}

function notify(
  expiry: ExpiryNotices,
  { socket }: IncomingMessage,
  response: ServerResponse,
): void {
  const expires = expiry.of(socket)
  if (expires !== undefined) response.setHeader(expiryHeader, expires)
}

/** Node's name for the answer that is under way on a connection. */
function answerOn(socket: object): ServerResponse | undefined {
  return (Reflect.get(socket, '_httpMessage') as ServerResponse | null | undefined) ?? undefined
}

function holding(raw: IncomingMessage, response: ServerResponse): () => void {
  return () => {
    held.add(raw.socket)
    // Behind an answer that is to come it has no connection to become a stream of.
    const before = answerOn(raw.socket)
    if (before !== response && before?.writableEnded === false) raw.socket.destroy()
    // Not `finish`: the next request of a client that has read the answer may come before that.
    response.once('prefinish', () => held.delete(raw.socket))
  }
}

/**
 * The router must not read the target, which has a reader of its own: it sees one constant path.
 */
function accept(handler: RequestListener, expiry: ExpiryNotices): RequestListener {
  return (raw, response) => {
    if (isHeld(raw)) return
    notify(expiry, raw, response)
    take(raw, { hold: holding(raw, response) })
    handler(raw, response)
  }
}

function take(raw: Taken, extra: Partial<Incoming>): void {
  raw[taken] = { raw, target: raw.url ?? '', ...extra }
  raw.url = '/'
}

function acceptUpgrades(
  server: Server,
  handler: RequestListener,
  expiry: ExpiryNotices,
  complain: (error: unknown) => void,
): void {
  server.on('checkContinue', (raw: IncomingMessage, response: ServerResponse) => {
    if (isHeld(raw)) return
    notify(expiry, raw, response)
    const hold = holding(raw, response)
    let waits = true
    const proceed = (): void => {
      if (waits) response.writeContinue()
      waits = false
    }
    take(raw, { hold, proceed })
    handler(raw, response)
  })
  // Node emits `upgrade` for every path: it is a request like any other until the engine says 101.
  server.on('upgrade', (raw: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isHeld(raw)) return
    socket.on('error', () => socket.destroy())
    // Behind an answer that is to come an upgrade has no connection to take; one whose last byte is
    // written is over in a moment.
    const before = answerOn(socket)
    if (before?.writableEnded === false) {
      socket.destroy()
      return
    }
    const isFree =
      before?.writableFinished === false
        ? new Promise((resolve) => before.once('close', resolve))
        : undefined
    const tooSlow = setTimeout(() => socket.destroy(), upgradeBodyMs)
    const begin = async (): Promise<void> => {
      const body = await readUpgradeBody(raw, socket, head)
      await isFree
      // Another has waited for its turn before it, or the client is gone.
      if (answerOn(socket) !== undefined) {
        socket.destroy()
        return
      }
      if (isFree !== undefined && 'setTimeout' in socket) (socket as Socket).setTimeout(0)
      clearTimeout(tooSlow)
      const protocol = raw.headers.upgrade ?? ''
      take(raw, { upgraded: { socket, protocol, body } })
      const response = new ServerResponse(raw)
      response.shouldKeepAlive = false
      notify(expiry, raw, response)
      response.assignSocket(socket as never)
      response.on('finish', () => {
        response.detachSocket(socket as never)
        socket.end()
        setTimeout(() => socket.destroy(), 2_000).unref()
      })
      handler(raw, response)
    }
    begin().catch((error: unknown) => {
      complain(error)
      socket.destroy()
    })
  })
}

/** Whoever met a limit, or a gateway that cannot write its record, may try again soon. */
const retryAfterS = 1

function answer(reply: FastifyReply, status: number, message: string): void {
  const body = `${JSON.stringify({ message })}\n`
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...(status === 429 || status === 503 ? { 'Retry-After': retryAfterS } : {}),
  }
  if (!reply.sent) reply.hijack()
  if (reply.raw.headersSent) {
    reply.raw.destroy()
    return
  }
  reply.raw.writeHead(status, headers).end(reply.request.raw.method === 'HEAD' ? undefined : body)
}
