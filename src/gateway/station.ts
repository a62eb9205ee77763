// What every process that serves has: the listener, the way of a request, what is under way, and the
// watch over who still may. Where the files come from, and who else serves beside it, it is told.
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Logger } from 'pino'
import type { Audit } from '../audit/record.ts'
import { sweepTranscripts } from '../audit/sweep-transcripts.ts'
import type { LoadLimits } from '../config/load-limits.ts'
import type { Settings } from '../config/settings.ts'
import type { Failure } from '../errors.ts'
import type { Policy } from '../policy/policy.ts'
import type { Giver } from '../policy/temporary-grant.ts'
import { createEventsOfTheirs } from './answer-events.ts'
import { createGateway } from './app.ts'
import { createArrivals } from './arrivals.ts'
import { createAuthenticator, type Peer } from './authenticate.ts'
import { createConnections } from './connections.ts'
import { createDenials } from './denials.ts'
import { watchDescriptors } from './descriptors.ts'
import { createEngine } from './engine.ts'
import { createExpiryNotices } from './expiry-notice.ts'
import { createGrantCheck, grantRow, type GrantRow } from './give-grant.ts'
import { createGivenRights } from './given-rights.ts'
import { createLoad, type Load as ClientLoad } from './load.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createNames } from './names.ts'
import { askEngine, createOperate, type Load, type Operate, type OwnOperate } from './operate.ts'
import type { Others } from './part.ts'
import { createQuotas } from './quotas.ts'
import { createRecheck, type Recheck } from './recheck.ts'
import { createSeldom } from './seldom.ts'
import { createSessions, type Session } from './sessions.ts'
import { createSilence } from './silence.ts'
import type { Reload, State } from './state.ts'
import { openTemporaryGrants, type SignedGrant } from './temporary-grants.ts'
import type { CountStream } from './stream-counts.ts'
import { createTerminals, type Resize, type Terminals } from './terminals.ts'
import { applyLimits, secureContext, type Verdict } from './tls.ts'
import type { ClaimNames } from './claims.ts'
import { createMade } from './trial.ts'
import type { TakeTurns } from './turns.ts'
import { version } from '../version.ts'

export interface StationParts {
  /** As at the start: a listener and sockets are opened with them. */
  readonly settings: Settings
  readonly log: Logger
  readonly now: () => number
  readonly state: () => State
  readonly lastReload: () => Reload
  readonly reload: (why: string) => Reload | Promise<Reload>
  readonly audit: Audit
  /** Of volumes and networks by name, of owners whose things are counted, and of images' names. */
  readonly turns: {
    readonly volumes: TakeTurns
    readonly quotas: TakeTurns
    readonly images: ClaimNames
  }
  readonly countStream: CountStream
  /** The other processes that serve, where there are any. */
  readonly others?: Others
  /** Tells the other processes of a terminal's new size. */
  readonly resized?: (resize: Resize) => void
  /** What `/_dockgate/` tells; without it, what this process knows. */
  readonly shown?: {
    readonly operate: Operate
    readonly metrics: Pick<Metrics, 'text'>
  }
  /** Hears of each request that goes on; what it gives is called when that is over. */
  readonly began?: (session: Session) => () => void
  readonly ticketKeys?: () => Buffer
}

/** Where to listen; a descriptor is of a socket that listens already. */
export type Place = Settings['listen'] | { readonly fd: number }

export interface Station {
  readonly operate: OwnOperate
  readonly metrics: Metrics
  /** Between this process and the others, of what limits allow all of them. */
  readonly lending: Pick<ClientLoad, 'give' | 'take'>
  readonly terminals: Pick<Terminals, 'resize'>
  load(): Load
  /** To be called when another state is in force. */
  changed(before: State, after: State): void
  /** Takes the port, and only then takes up the audit. */
  listen(where: Place): Promise<AddressInfo>
  /** Stops accepting, lets what is under way finish for a while, then ends it. */
  close(graceMs: number): Promise<void>
}

/** Strangers cause these: more of them are counted only. */
const refusalsToldEachSecond = 5
/** Transcripts are kept for whole days. */
const sweepEveryMs = 3_600_000

export async function createStation(parts: StationParts): Promise<Station> {
  const { log, now, settings, state } = parts
  const engine = createEngine(settings.enginePath, settings.patienceMs)
  const denials = createDenials(now)
  const descriptors = watchDescriptors(log)
  const metrics = createMetrics({
    version: version(),
    state,
    lastReload: parts.lastReload,
    sessions: () => sessions.all(),
    connections: () => connections.size,
    audit: parts.audit,
    descriptorsOut: () => descriptors.areOut,
    engineAnswers: async () => (await askEngine(engine)).fault === null,
    load: () => ({ inFlight: load.inFlight, streams: load.streams, waiting: arrivals.waiting }),
  })
  const clock = (): number => performance.now()
  const limits = (): LoadLimits => state().settings.load
  const refusals = createSeldom(refusalsToldEachSecond, clock)
  const tellRefused = (address: string | undefined, cause: string): void => {
    const untold = refusals()
    if (untold === undefined) return
    log.warn({ address, cause, ...(untold > 0 && { untold }) }, 'connection refused')
  }
  const { others, countStream } = parts
  const load = createLoad({
    limits,
    clock,
    shed: (limit) => metrics.shed(limit),
    countStream,
    others,
  })
  const arrivals = createArrivals({
    limits,
    clock,
    others,
    shed: (limit, socket) => {
      metrics.shed(limit)
      tellRefused(socket.remoteAddress, `limits.${limit}`)
    },
  })
  const audit = metrics.counting(denials.counting(parts.audit))
  const sessions = createSessions((session) => recheck.added(session), parts.began)
  const authenticator = createAuthenticator(
    () => state().trust,
    () => state().settings.issuers,
    now,
  )
  const complain = (error: unknown, id?: string): void =>
    log.error({ err: error, ...(id !== undefined && { id }) }, 'unexpected')
  const connections = createConnections()
  const ownCertificate = (): X509Certificate => new X509Certificate(state().trust.material.cert)
  const grants = await openTemporaryGrants({
    folder: settings.grantsPath,
    now,
    recognize: (cert, address) => authenticator.recognize(cert, address),
    server: ownCertificate,
    complain: (what) => log.error(what),
  })
  const isGood = (giver: Giver): boolean => authenticator.outdated(giver as Peer) === undefined
  const given = createGivenRights(grants, isGood, now)
  const written = (): Policy => state().policy
  const policy = (): Policy => given.policy(written())
  const idle = (grant: SignedGrant): string | undefined => given.idle(written(), grant)
  const temporaryGrants = (): readonly GrantRow[] =>
    grants.all().map((grant) => grantRow(grant, idle(grant)))
  const generation = (): number => state().generation + grants.version

  const terminals = createTerminals({
    engine,
    settings: () => state().settings.transcripts,
    ...(parts.resized && { tellOthers: parts.resized }),
    clock,
    complain: (about, what) => log.error(about, what),
  })
  const sweep = (): void => {
    const { folder, keepDays } = state().settings.transcripts
    sweepTranscripts(folder, keepDays, now())
  }
  const sweeping = setInterval(sweep, sweepEveryMs).unref()
  const expiry = createExpiryNotices({
    remindMs: () => state().settings.remindMs,
    now,
    warn: (about, what) => log.warn(about, what),
  })
  const { app, server } = await createGateway({
    expiry,
    listener: {
      material: state().trust.material,
      limits: settings,
      judge(socket) {
        const verdict = authenticator.judge(socket)
        const peer = verdict.admit ? authenticator.peerOf(socket) : undefined
        if (peer === undefined) return verdict
        const settle = (full: Failure | undefined): Verdict => {
          if (full !== undefined) {
            return { admit: false, cause: full.code, tell: full.message, status: full.status }
          }
          expiry.admitted(socket, peer.principal)
          return verdict
        }
        const full = load.connect(peer, socket)
        return full instanceof Promise ? full.then(settle) : settle(full)
      },
      refused: (socket, cause) => {
        metrics.refused(cause)
        tellRefused(socket.remoteAddress, cause)
      },
      arrivals,
      unread: (cause) => metrics.unread(cause),
    },
    guard: {
      authenticator,
      policy,
      generation,
      engine,
      audit,
      now,
      maxBodyBytes: settings.maxBodyBytes,
      bodyMs: () => limits().time.body,
      load,
      maxHeaders: () => limits().headers.count,
      quotas: createQuotas(engine, parts.turns.quotas),
      turns: parts.turns.volumes,
      claims: parts.turns.images,
      made: createMade(),
      terminals,
      checkGrant: createGrantCheck({ policy: written, server: ownCertificate, now }),
    },
    forwarder: {
      engine,
      bodyMs: () => limits().time.body,
      events: createEventsOfTheirs(engine, now),
      audit,
      sessions,
      now,
      complain,
      timing: metrics,
    },
    own: {
      operate: () => parts.shown?.operate ?? operate,
      metrics: { type: metrics.type, text: () => (parts.shown?.metrics ?? metrics).text() },
      policy,
      state,
      audit,
      now,
      grants,
      idle,
      told: (what, about) => log.warn(about, what),
    },
  })
  const recheck: Recheck = createRecheck({
    authenticator,
    state,
    policy,
    generation,
    sessions: () => sessions.all(),
    connections,
    engine,
    now,
    clock,
  })
  grants.start(() => recheck.run())
  const operate = createOperate({
    version: version(),
    startedAt: now(),
    listen: () => placeOf(server.address()),
    state,
    lastReload: parts.lastReload,
    reload: parts.reload,
    sessions: () => sessions.all(),
    connections: () => connections.size,
    denials,
    engine,
    nameOf: createNames(engine),
    temporaryGrants,
    now,
  })
  const silence = createSilence({
    sessions: () => sessions.all(),
    engine,
    log,
    now,
    patienceMs: () => state().settings.patienceMs,
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    metrics.handshake(socket.isSessionReused())
    connections.add(socket)
  })

  async function listen(where: Place): Promise<AddressInfo> {
    server.listen({ ...where, backlog: 1024 })
    await once(server, 'listening')
    if (parts.ticketKeys !== undefined) server.setTicketKeys(parts.ticketKeys())
    // Not before the port is ours: a second gateway started by mistake must not touch the log.
    try {
      audit.open()
    } catch (error) {
      server.close()
      throw new Error(`the audit cannot be opened: ${String(error)}`, { cause: error })
    }
    sweep()
    return server.address() as AddressInfo
  }

  async function close(graceMs: number): Promise<void> {
    clearInterval(sweeping)
    recheck.close()
    silence.close()
    descriptors.close()
    grants.close()
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    const deadline = setTimeout(() => {
      for (const session of sessions.all()) session.end('the gateway stops')
      for (const socket of connections) socket.destroy()
    }, graceMs)
    await stopped
    // Tunnels are no longer the server's: it does not wait for them.
    while (connections.size > 0) {
      const { first } = connections
      if (first !== undefined) await once(first, 'close')
    }
    clearTimeout(deadline)
    await app.close()
    engine.close()
    audit.close()
  }

  return {
    operate,
    metrics,
    lending: load,
    terminals,
    load() {
      const rows = [...sessions.all()]
      return {
        connections: connections.size,
        underWay: rows.length,
        streams: rows.filter(({ streams }) => streams).length,
        denials: denials.lastHour(Infinity),
        temporaryGrants: temporaryGrants(),
      }
    },
    changed(before, after) {
      log.level = after.settings.logLevel
      const { material } = after.trust
      // A new context drops the keys of session tickets too, so only where there is need.
      if (before.trust.material !== material) {
        server.setSecureContext(secureContext(material))
        if (parts.ticketKeys !== undefined) server.setTicketKeys(parts.ticketKeys())
      }
      applyLimits(server, after.settings)
      recheck.run()
    },
    listen,
    close,
  }
}

export function placeOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return 'nowhere'
  return `${address.address.includes(':') ? `[${address.address}]` : address.address}:${address.port}`
}
