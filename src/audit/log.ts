// The audit as the gateway sees it. A record is handed to the operating system before `decided` returns,
// and a failed write is an exception: what is not recorded is not done.
import { LogFile, type LogFileOptions } from './log-file.ts'
import type { Position } from './line.ts'
import type { Audit } from './record.ts'
import { openSigningKey } from './signing-key.ts'

export interface AuditOptions extends LogFileOptions {
  readonly keyPath: string
  /** While no record can be written: refuse all, or let through what only reads. */
  readonly onFailure: 'refuse' | 'allow-reads'
  /** Told once, when it begins. */
  readonly failing: (error: unknown) => void
  readonly recovered: () => void
}

/** How long a record may wait for a signature. */
const checkpointEveryMs = 10_000

interface Outage {
  readonly since: string
  readonly error: string
  /** What went unrecorded. */
  decided: number
  ended: number
}

export interface AuditLog extends Audit {
  /** What the gateway says of itself; never throws, and may be missing where nothing can be written. */
  note(event: 'worker' | 'chains', fields: object): void
  /** The last record of this process. */
  readonly last: Position | undefined
}

export function createAudit(options: AuditOptions): AuditLog {
  const log = new LogFile(options, openSigningKey(options.keyPath))
  let outage: Outage | undefined

  /** Runs what writes; while that fails nothing is lost but what `lost` counts. */
  function attempt(write: () => void, lost?: 'decided' | 'ended'): void {
    try {
      if (outage !== undefined) {
        log.append('resumed', outage)
        outage = undefined
        options.recovered()
      }
      write()
    } catch (error) {
      if (outage === undefined) {
        const since = new Date(options.now()).toISOString()
        outage = { since, error: String(error), decided: 0, ended: 0 }
        options.failing(error)
      }
      if (lost !== undefined) outage[lost] += 1
      throw error
    }
  }

  let timer: NodeJS.Timeout | undefined
  const tick = (): void => {
    try {
      if (outage !== undefined || log.unsigned > 0) attempt(() => log.checkpoint('time'))
    } catch {
      // It was told when it began; the next record tries again.
    }
  }
  return {
    readsGoOn: options.onFailure === 'allow-reads',
    open() {
      log.open()
      timer = setInterval(tick, checkpointEveryMs).unref()
    },
    decided: (record) => attempt(() => log.append('decided', record), 'decided'),
    ended(record) {
      try {
        attempt(() => log.append('ended', record), 'ended')
      } catch {
        // What is over cannot be refused: it is counted.
      }
    },
    note(event, fields) {
      try {
        attempt(() => log.append(event, fields))
      } catch {
        // It was told when it began.
      }
    },
    get last() {
      return log.last
    },
    close() {
      clearInterval(timer)
      try {
        log.close()
      } catch (error) {
        // The next start says that this end was none.
        options.failing(error)
      }
    },
  }
}
