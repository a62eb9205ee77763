// Starts and stops the gateway: files read, the listener up, every change of the files taken in, and on
// the first signal a drain that a second signal or a timer cuts short.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { createAudit } from '../audit/log.ts'
import { formatFault } from '../config/fault.ts'
import type { Settings } from '../config/settings.ts'
import type { Policy } from '../policy/policy.ts'
import { createEventsOfTheirs } from './answer-events.ts'
import { createGateway } from './app.ts'
import { createAuthenticator } from './authenticate.ts'
import { createConnections } from './connections.ts'
import { openControl, type Control } from './control.ts'
import { createDenials } from './denials.ts'
import { createEngine } from './engine.ts'
import { createMetrics } from './metrics.ts'
import { createNames } from './names.ts'
import { createOperate } from './operate.ts'
import { createQuotas } from './quotas.ts'
import { createTurns } from './turns.ts'
import { createRecheck, type Recheck } from './recheck.ts'
import { remindersOf } from './reminders.ts'
import { createSessions } from './sessions.ts'
import { createKeeper, type Reload } from './state.ts'
import { secureContext } from './tls.ts'
import { watchFiles } from './watch.ts'
import { version } from '../version.ts'

export interface ServeOptions {
  /** Each reads its file anew, and throws FaultyConfig where it cannot be used. */
  readonly loadSettings: () => Settings
  readonly loadPolicy: () => Policy
  readonly log: Logger
  readonly now: () => number
}

export interface Serving {
  readonly host: string
  readonly port: number
  /** Stops accepting, lets what is under way finish for a while, then ends it. */
  close(): Promise<void>
}

/** What runs out is told of at each change of the files, and this often between. */
const remindEveryMs = 6 * 3_600_000

export async function serve(options: ServeOptions): Promise<Serving> {
  const { log, now } = options
  const places = options.loadSettings()
  const watch = watchFiles(watched(places))
  const keeper = createKeeper(
    { settings: options.loadSettings, policy: options.loadPolicy, now },
    (before, after) => {
      log.level = after.settings.logLevel
      const { material } = after.trust
      // A new context drops the keys of session tickets too, so only where there is need.
      if (before.trust.material !== material) server.setSecureContext(secureContext(material))
      recheck.run()
    },
  )
  const { settings } = keeper.current
  const engine = createEngine(settings.enginePath)
  const denials = createDenials(now)
  const record = createAudit({
    ...settings.audit,
    now,
    failing: (error) => log.error({ err: error }, 'the audit cannot be written'),
    recovered: () => log.warn('the audit can be written again'),
  })
  const metrics = createMetrics({
    version: version(),
    state: () => keeper.current,
    lastReload: () => keeper.lastReload,
    sessions: () => sessions.all(),
    connections: () => connections.size,
  })
  const audit = metrics.counting(denials.counting(record))
  const sessions = createSessions((session) => recheck.added(session))
  const authenticator = createAuthenticator(() => keeper.current.trust, now)
  const complain = (error: unknown): void => log.error({ err: error }, 'unexpected')
  const connections = createConnections()

  const { app, server } = await createGateway({
    listener: {
      material: keeper.current.trust.material,
      limits: settings,
      judge: (socket) => authenticator.judge(socket),
      refused: (socket, cause) => {
        metrics.refused(cause)
        log.warn({ address: socket.remoteAddress, cause }, 'connection refused')
      },
    },
    guard: {
      authenticator,
      policy: () => keeper.current.policy,
      generation: () => keeper.current.generation,
      engine,
      audit,
      now,
      maxBodyBytes: settings.maxBodyBytes,
      quotas: createQuotas(engine),
      turns: createTurns(),
    },
    forwarder: {
      engine,
      events: createEventsOfTheirs(engine, now),
      audit,
      sessions,
      now,
      complain,
      timing: metrics,
    },
    own: { operate: () => operate, metrics, policy: () => keeper.current.policy, audit, now },
  })
  const recheck: Recheck = createRecheck({
    authenticator,
    state: () => keeper.current,
    sessions: () => sessions.all(),
    connections,
    engine,
    now,
  })
  function reload(why: string): Reload {
    const done = keeper.reload(why)
    metrics.reloaded(done)
    tell(log, done)
    remind()
    return done
  }
  function remind(): void {
    const { trust, settings: told } = keeper.current
    for (const reminder of remindersOf(trust, told.remindMs, now())) log.warn(reminder)
  }
  const operate = createOperate({
    version: version(),
    startedAt: now(),
    listen: () => placeOf(server.address()),
    state: () => keeper.current,
    lastReload: () => keeper.lastReload,
    reload,
    sessions: () => sessions.all(),
    connections: () => connections.size,
    denials,
    engine,
    nameOf: createNames(engine),
    now,
  })
  tell(log, keeper.lastReload)
  remind()
  const reminding = setInterval(remind, remindEveryMs).unref()
  server.on('secureConnection', (socket: TLSSocket) => {
    metrics.handshake(socket.isSessionReused())
    connections.add(socket)
  })
  watch.start(() => {
    try {
      reload('a file changed')
    } catch (error) {
      complain(error)
    }
  })
  server.listen({ ...settings.listen, backlog: 1024 })
  await once(server, 'listening')
  // Not before the port is ours: a second gateway started by mistake must not touch the log.
  try {
    audit.open()
  } catch (error) {
    server.close()
    throw new Error(`the audit cannot be opened: ${String(error)}`, { cause: error })
  }
  const { address, port } = server.address() as AddressInfo
  let control: Control | undefined
  try {
    control = await openControl(settings.controlPath, operate, complain)
  } catch (error) {
    // It serves without: a read-only folder must not keep anybody from their containers.
    log.warn(
      { err: error, path: settings.controlPath },
      'no control socket; hint: DOCKGATE_CONTROL',
    )
  }

  async function close(): Promise<void> {
    const { graceMs } = keeper.current.settings
    watch.close()
    recheck.close()
    clearInterval(reminding)
    control?.close()
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    const deadline = setTimeout(() => {
      for (const session of sessions.all()) session.end('the gateway stops')
      for (const socket of connections) socket.destroy()
    }, graceMs)
    await stopped
    // Tunnels are no longer the server's: it does not wait for them.
    while (connections.size > 0) {
      const [socket] = connections
      if (socket !== undefined) await once(socket, 'close')
    }
    clearTimeout(deadline)
    await app.close()
    engine.close()
    audit.close()
  }
  return { host: address, port, close }
}

/** Every file that counts without a restart. */
function watched({ home, certs, rolesPath }: Settings): readonly string[] {
  const names = ['ca.pem', 'crl.pem', 'server/cert.pem', 'server/key.pem']
  return [join(home, 'dockgate.yaml'), rolesPath, ...names.map((name) => join(certs, name))]
}

function tell(log: Logger, { why, changed, faults, needsRestart, generation }: Reload): void {
  if (changed.length > 0) log.info({ why, changed, generation }, 'reloaded')
  for (const fault of faults) {
    log.error({ why }, `not reloaded, what was there before stays in force: ${formatFault(fault)}`)
  }
  if (needsRestart.length > 0) log.warn({ settings: needsRestart }, 'these need a restart')
}

function placeOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return 'nowhere'
  return `${address.address.includes(':') ? `[${address.address}]` : address.address}:${address.port}`
}
