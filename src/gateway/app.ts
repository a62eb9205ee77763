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

/** What is filtered carries the rest of its way to where Fastify hands it to http-proxy. */
const rest = Symbol('the rest of its way')
interface Filtered extends IncomingMessage {
  [rest]?: { readonly id: string; readonly send: (reply: FastifyReply) => void }
}

/** Takes a request on its way, to its end. */
type Receive = (incoming: Incoming, response: ServerResponse) => void

export async function createGateway(parts: GatewayParts): Promise<Gateway> {
  let server: Server | undefined
  let route: RequestListener | undefined

  const app = fastify({
    serverFactory: (handler) => {
      route = handler
      server = createListener(parts.listener, accept(receive, parts.expiry))
      acceptUpgrades(server, receive, parts.expiry, parts.forwarder.complain)
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
  const answerFailure = (response: ServerResponse, failed: Failure, id: string): void => {
    answer(response, failed.status, `dockgate: ${failed.message} (quote ${id})`)
  }
  const forwarder: Forwarder = {
    ...parts.forwarder,
    answer: answerFailure,
    refuse: (response, { status, message }) => answer(response, status, message),
  }
  const unforeseen = (error: unknown, response: ServerResponse, id: string | undefined): void => {
    parts.forwarder.complain(error, id)
    if (!response.headersSent) answerFailure(response, failure('internal'), id ?? 'the time')
    else response.destroy()
  }

  const walk = async (incoming: Incoming, response: ServerResponse): Promise<void> => {
    const outcome = await pass(parts.guard, incoming)
    if ('message' in outcome) {
      answer(response, outcome.status, outcome.message)
      boundRest(incoming.raw, parts.guard.bodyMs())
    } else if (isOwn(outcome.operation.endpoint)) await answerOwn(parts.own, outcome, response)
    else {
      const send = forward(forwarder, outcome, incoming, response)
      if (send === undefined) return
      const raw: Filtered = incoming.raw
      raw[rest] = { id: outcome.id, send }
      // The router must not read the target, which has a reader of its own.
      raw.url = '/'
      route?.(raw, response)
    }
  }
  function receive(incoming: Incoming, response: ServerResponse): void {
    walk(incoming, response).catch((error: unknown) => unforeseen(error, response, incoming.id))
  }

  // Only what is filtered goes through Fastify's router and reply, which take 6 % of the CPU of a ping.
  // Bodies are nobody's to parse but ours.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.setErrorHandler((error, { raw }: { raw: Filtered }, reply) =>
    unforeseen(error, reply.raw, raw[rest]?.id),
  )
  await app.register(httpProxy, {
    ...proxyOptions(parts.guard.engine),
    // In the place of http-proxy's own, which reads the target a second time.
    handler: async ({ raw }: { raw: Filtered }, reply: FastifyReply) => {
      if (raw[rest] === undefined) throw new Error('INVARIANT: all that comes was judged')
      raw[rest].send(reply)
      await reply
    },
  })
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

function accept(receive: Receive, expiry: ExpiryNotices): RequestListener {
  return (raw, response) => {
    if (isHeld(raw)) return
    notify(expiry, raw, response)
    receive({ raw, target: raw.url ?? '', hold: holding(raw, response) }, response)
  }
}

function acceptUpgrades(
  server: Server,
  receive: Receive,
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
    receive({ raw, target: raw.url ?? '', hold, proceed }, response)
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
      const response = new ServerResponse(raw)
      response.shouldKeepAlive = false
      notify(expiry, raw, response)
      response.assignSocket(socket as never)
      response.on('finish', () => {
        response.detachSocket(socket as never)
        socket.end()
        setTimeout(() => socket.destroy(), 2_000).unref()
      })
      receive({ raw, target: raw.url ?? '', upgraded: { socket, protocol, body } }, response)
    }
    begin().catch((error: unknown) => {
      complain(error)
      socket.destroy()
    })
  })
}

/** Whoever met a limit, or a gateway that cannot write its record, may try again soon. */
const retryAfterS = 1

function answer(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const body = `${JSON.stringify({ message })}\n`
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...(status === 429 || status === 503 ? { 'Retry-After': retryAfterS } : {}),
  }
  response.writeHead(status, headers).end(response.req.method === 'HEAD' ? undefined : body)
}
