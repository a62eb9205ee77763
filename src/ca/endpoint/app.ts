// The signing endpoint: HTTPS alone, a client certificate where one is renewed, JSON of known shape.
// It opens no socket but its own and, for identity tokens, the issuer's.
import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import fastify from 'fastify'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { ZodType } from 'zod'
import { CaError } from '../ca-error.ts'
import { readRequest } from '../certificate-request.ts'
import type { Certified } from '../certify.ts'
import { defaultHost } from '../client-bundle.ts'
import {
  enrollBody,
  exchangeBody,
  maxBodyBytes,
  paths,
  renewBody,
  supersedeBody,
} from '../endpoint-protocol.ts'
import type { SignedBody } from '../endpoint-protocol.ts'
import { verifyToken } from '../enrollment-token.ts'
import { readStored } from '../store.ts'
import type { Signer } from '../signer.ts'
import { shownBy } from './caller.ts'
import { limitCrowd } from './crowd.ts'
import { enroll } from './enroll.ts'
import { exchange } from './exchange.ts'
import { answerOf } from './failure.ts'
import { createIdentify } from './identity-token.ts'
import type { OwnCertificate } from './own-certificate.ts'
import { createQueue } from './queue.ts'
import { createRate } from './rate.ts'
import { renewOwn, supersedeOwn } from './renew-own.ts'
import type { EndpointSettings } from './settings.ts'

const maxConnections = 256
const maxConnectionsFromOne = 32
const maxWaiting = 64

export function createApp(
  signer: Signer,
  settings: EndpointSettings,
  own: OwnCertificate,
  log: Logger,
) {
  const app = fastify({
    https: {
      key: own.key,
      cert: own.chain,
      ca: signer.issuer.anchor + signer.issuer.chain,
      requestCert: true,
      // Who enrolls has no certificate yet; who renews is asked for it where it is needed.
      rejectUnauthorized: false,
      // Its clients are our own, so nothing older need be spoken.
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: 10_000,
      headersTimeout: 10_000,
      maxHeaderSize: 16 * 1024,
    },
    bodyLimit: maxBodyBytes,
    requestTimeout: 20_000,
    // Whoever shakes hands and then says nothing is covered by this alone.
    connectionTimeout: settings.idleMs ?? 40_000,
    keepAliveTimeout: 5_000,
    exposeHeadRoutes: false,
    logger: false,
    // No route has a schema: what would compile them is not in the bundle.
    schemaController: {
      compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas },
    },
  })
  const server: Server = app.server
  server.maxConnections = maxConnections
  limitCrowd(server, maxConnectionsFromOne)
  app.removeContentTypeParser('text/plain')

  const rate = createRate(settings.ratePerMinute)
  const inTurn = createQueue(maxWaiting)
  const identify = createIdentify(settings.issuers, signer.now)

  app.addHook('onRequest', async (request, reply) => {
    const waitMs = rate.take(request.ip, performance.now())
    if (waitMs === 0) return
    void reply.header('retry-after', Math.ceil(waitMs / 1000))
    throw new CaError('busy', 'too many requests from this address, try again later')
  })
  app.setErrorHandler((error, request, reply) => {
    const { status, body, detail } = answerOf(error)
    log[status >= 500 ? 'error' : 'warn'](
      { address: request.ip, path: request.routeOptions.url, status, ...detail },
      'refused',
    )
    return reply.code(status).send(body)
  })
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ message: 'there is nothing here: this is the signing endpoint' }),
  )

  const signed = (request: FastifyRequest, reply: FastifyReply, made: Certified): SignedBody => {
    const { issued, pem, host } = made
    const { name, serial, notAfter, by, from } = issued
    log.info({ address: request.ip, name, serial, notAfter, by, from }, 'signed')
    void reply.code(201)
    const { anchor: ca, chain } = signer.issuer
    return { name, serial, notAfter, certificate: pem + chain, ca, host: host ?? defaultHost }
  }

  app.post(paths.enroll, async (request, reply) => {
    const { token, csr } = read(enrollBody, request.body)
    const claims = await verifyToken(token, signer.issuer, signer.now())
    const key = readRequest(csr)
    const made = await inTurn(() => enroll(signer, settings, claims, key))
    return signed(request, reply, made)
  })
  app.post(paths.exchange, async (request, reply) => {
    const { token, csr } = read(exchangeBody, request.body)
    const identity = await identify(token)
    const key = readRequest(csr)
    const made = await inTurn(() => exchange(signer, settings, identity, key))
    return signed(request, reply, made)
  })
  app.post(paths.renew, async (request, reply) => {
    const shown = shownBy(request.raw.socket as TLSSocket)
    const { csr, hours } = read(renewBody, request.body)
    const key = readRequest(csr)
    const made = await inTurn(() => renewOwn(signer, settings, shown, key, hours))
    return signed(request, reply, made)
  })
  app.post(paths.supersede, async (request) => {
    const shown = shownBy(request.raw.socket as TLSSocket)
    read(supersedeBody, request.body)
    const revoked = await inTurn(() => supersedeOwn(signer, shown))
    log.info({ address: request.ip, revoked }, 'superseded')
    return { revoked }
  })
  // Signed and public: for the gateway's machine when it is another than the CA's.
  app.get(paths.crl, async (_request, reply) => {
    void reply.type('application/x-pem-file')
    return readStored(signer.folder, 'crl.pem')
  })
  return app
}

function read<T>(shape: ZodType<T>, body: unknown): T {
  const found = shape.safeParse(body)
  if (found.success) return found.data
  const [issue] = found.error.issues
  const where = issue?.path.join('.') ?? ''
  const what = `${where === '' ? '' : `${where}: `}${issue?.message ?? 'it cannot be read'}`
  throw new CaError('bad-request', `the body of the request is not of its shape: ${what}`)
}

function noSchemas(): never {
  throw new Error('INVARIANT: no route has a schema')
}
