// `dockgate serve`: the gateway in the foreground, until a signal.
import cluster from 'node:cluster'
import { pino } from 'pino'
import { loadSettings, readRolesText } from '../config/load.ts'
import { serve as serveAlone } from '../gateway/serve.ts'
import { missingOf } from '../gateway/readiness.ts'
import { readArguments } from './arguments.ts'
import { createServiceManager, handedSocket } from './service-manager.ts'
import { nextSignal } from './signals.ts'
import type { Io, Verb } from './verb.ts'

const help = `usage: dockgate serve

Serves the Docker API over mutual TLS, until SIGTERM or SIGINT; a second signal ends it at once.

  DOCKGATE_HOME    where certs/, roles.yaml, dockgate.yaml and audit.log live (default: this folder)
  DOCKGATE_LISTEN  address to listen on (default 0.0.0.0:2376)
  DOCKGATE_ENGINE  the engine's socket (default unix:///var/run/docker.sock)
  DOCKGATE_AUDIT   the audit's file (default audit.log)
  DOCKGATE_AUDIT_KEY  the key that signs it, made where it is missing (default audit-key.pem)
  DOCKGATE_AUDIT_SINK  where a copy of the audit goes: stdout, or the syslog daemon at
                   tcp://host:port, udp://host:port or unix:///socket
  DOCKGATE_LOG     fatal, error, warn, info (default), debug, trace; the log goes to stderr
  DOCKGATE_GRACE   how long streams may go on after the first signal (default 10s)
  DOCKGATE_CONTROL the socket for "dockgate status" and its like (default control.sock)
  DOCKGATE_GRANTS  where rights that were given for a while are kept (default grants)
  DOCKGATE_CRL     an expired or unreadable revocation list: refuse everybody (default), or warn
  DOCKGATE_WORKERS how many processes serve (default 1), or auto: one for each core
  DOCKGATE_REMIND  how long before it the log tells of what runs out (default 168h)

Without the DOCKGATE_ before them and in lower case, all but the first may stand in dockgate.yaml.

examples:
  dockgate serve
  DOCKGATE_LISTEN=127.0.0.1:2376 dockgate serve
`

export const serve: Verb = {
  help,
  async run(args, io) {
    const usage = { min: 0, max: 0, usage: 'dockgate serve' }
    if (readArguments(args, {}, usage).values.help === true) {
      io.stdout.write(help)
      return 0
    }
    return runGateway(io)
  },
}

/** Resolves when the gateway has stopped. */
export async function runGateway(io: Io, ready?: (port: number) => void): Promise<number> {
  const now = (): number => io.now().getTime()
  const log = pino({ level: 'info' }, pino.destination({ dest: 2, sync: true }))
  // Nobody knows what holds after that, so it judges no more: whoever watches over it starts another, which
  // puts on record what was under way.
  process.on('uncaughtException', (error, origin) => {
    log.fatal({ err: error, origin }, 'unexpected, and the end of this process')
    process.exit(1)
  })
  if (cluster.isWorker) {
    const { serveAsWorker } = await import('../gateway/workers/worker.ts')
    return serveAsWorker({ log, now })
  }
  const settings = loadSettings(io.env, io.cwd)
  log.level = settings.logLevel
  const listening = handedSocket(io.env, process.pid)
  const start =
    settings.workers === 1
      ? serveAlone
      : (await import('../gateway/workers/primary.ts')).servePrimary
  // From here on: one of several workers serves before all are up, and a signal would end it without a word.
  const stop = nextSignal()
  // The second signal ends it now, whatever is still under way.
  void stop.then(nextSignal).then(() => process.exit(1))
  const serving = await start({
    loadSettings: () => loadSettings(io.env, io.cwd),
    readRoles: () => readRolesText(settings.rolesPath),
    log,
    now,
    ...(listening === undefined ? {} : { listening }),
  })
  const host = serving.host.includes(':') ? `[${serving.host}]` : serving.host
  const where = `tcp://${host}:${serving.port}`
  // Collectors read nothing there but records.
  if (settings.audit.sink?.kind === 'stdout') log.info({ where }, 'listening')
  else io.stdout.write(`dockgate: listening on ${where}\n`)
  ready?.(serving.port)
  const manager = createServiceManager(io.env, process.pid, log)
  manager?.watch(async () => missingOf(await serving.operate.status(), now()))

  const signal = await stop
  log.info({ signal }, 'stopping')
  manager?.stopping()
  await serving.close()
  // What a reader of stdout has not taken by now would keep this process for as long as it likes.
  if (process.stdout.writableLength > 0) process.exit(0)
  return 0
}
