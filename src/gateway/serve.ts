// Starts and stops the gateway of one process: files read, the listener up, every change of the files
// taken in, and on the first signal a drain that a second signal or a timer cuts short.
import type { Logger } from 'pino'
import { createAudit } from '../audit/log.ts'
import { compileRoles } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import { openAuditSink, sinkLastMs } from './audit-sink.ts'
import { createClaims } from './claims.ts'
import { openControl, type Control, type ControlParts } from './control.ts'
import { createEndGrant } from './end-grant.ts'
import type { GrantRow } from './give-grant.ts'
import type { Operate } from './operate.ts'
import { createReminding, tellReload, watchedFiles } from './reloading.ts'
import { createKeeper, type Reload } from './state.ts'
import { createStation, type Place, type Station } from './station.ts'
import { createStreamCounts } from './stream-counts.ts'
import { createTurns } from './turns.ts'
import { watchFiles } from './watch.ts'

export interface ServeOptions {
  /** Each reads its file anew, and throws FaultyConfig where it cannot be used. */
  readonly loadSettings: () => Settings
  readonly readRoles: () => string
  readonly log: Logger
  readonly now: () => number
  /** A socket that listens already, in the place of the one that the settings name. */
  readonly listening?: Place
}

export interface Serving {
  readonly host: string
  readonly port: number
  readonly operate: Operate
  /** Stops accepting, lets what is under way finish for a while, then ends it. */
  close(): Promise<void>
}

export async function serve(options: ServeOptions): Promise<Serving> {
  const { log, now } = options
  const watch = watchFiles(watchedFiles(options.loadSettings()))
  const keeper = createKeeper(
    {
      settings: options.loadSettings,
      policy: () => compileRoles(options.readRoles()),
      now,
    },
    (before, after) => station.changed(before, after),
  )
  const { settings } = keeper.current
  const sink = openAuditSink(settings, log, (count) => station.metrics.unsent(count))
  const written = sink && ((lines: readonly string[]) => sink.take(lines, process.pid))
  const audit = createAudit({
    ...settings.audit,
    now,
    ...(written && { written }),
    ...tellingOutages(log),
  })
  const station: Station = await createStation({
    settings,
    log,
    now,
    state: () => keeper.current,
    lastReload: () => keeper.lastReload,
    reload,
    audit,
    turns: { volumes: createTurns(), quotas: createTurns(), images: createClaims() },
    countStream: createStreamCounts(),
  })
  const reminding = createReminding(log, () => keeper.current, now)
  function reload(why: string): Reload {
    const done = keeper.reload(why)
    station.metrics.reloaded(done)
    tellReload(log, done)
    reminding.remind()
    return done
  }
  tellReload(log, keeper.lastReload)
  reminding.remind()
  watch.start(() => {
    try {
      reload('a file changed')
    } catch (error) {
      log.error({ err: error }, 'unexpected')
    }
  })
  const { address: host, port } = await station.listen(options.listening ?? settings.listen)
  const { operate } = station
  const grants = async (): Promise<readonly GrantRow[]> => (await operate.status()).temporaryGrants
  const endGrant = createEndGrant({ folder: settings.grantsPath, grants, audit, now })
  const parts = { ...operate, endGrant }
  const control = await openControlIfPossible(settings.controlPath, parts, log)

  return {
    host,
    port,
    operate,
    async close() {
      watch.close()
      reminding.close()
      control?.close()
      await station.close(keeper.current.settings.graceMs)
      await sink?.close(sinkLastMs)
    },
  }
}

export function tellingOutages(log: Logger): {
  readonly failing: (error: unknown) => void
  readonly recovered: () => void
} {
  return {
    failing: (error) => log.error({ err: error }, 'the audit cannot be written'),
    recovered: () => log.warn('the audit can be written again'),
  }
}

/** It serves without: a read-only folder must not keep anybody from their containers. */
export async function openControlIfPossible(
  path: string,
  operate: ControlParts,
  log: Logger,
): Promise<Control | undefined> {
  try {
    return await openControl(path, operate, (error) => log.error({ err: error }, 'unexpected'))
  } catch (error) {
    log.warn({ err: error, path }, 'no control socket; hint: DOCKGATE_CONTROL')
    return undefined
  }
}
