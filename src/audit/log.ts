// The audit as the gateway sees it. A decision is handed to the operating system before its promise
// resolves, and a failed write rejects it: what is not recorded is not done. What is decided in one turn of
// the event loop, and what has ended since the last, goes in one write.
import { LogFile, type Entry, type LogFileOptions } from './log-file.ts'
import type { Position } from './line.ts'
import type { Audit } from './record.ts'
import { openSigningKey } from './signing-key.ts'
import { endsOfTheDead, type Begun } from './unended.ts'

export interface AuditOptions extends LogFileOptions {
  readonly keyPath: string
  /** While no record can be written: refuse all, or let through what only reads. */
  readonly onFailure: 'refuse' | 'allow-reads'
  /** Told once, when it begins. */
  readonly failing: (error: unknown) => void
  readonly recovered: () => void
  /** Streams of the process that had this chain before and died. */
  readonly lost?: readonly Begun[]
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

/** An end waits for a decision to go with, but no longer than this. */
const endsWaitMs = 10

/** What waits to be written, and who waits for that. */
interface Waiting extends Entry {
  readonly written?: () => void
  readonly lost?: (error: unknown) => void
}

export interface AuditLog extends Audit {
  /** What the gateway says of itself; never throws, and may be missing where nothing can be written. */
  note(event: 'worker' | 'chains' | 'grant', fields: object): void
  /** The last record of this process. */
  readonly last: Position | undefined
}

export function createAudit(options: AuditOptions): AuditLog {
  const log = new LogFile(options, openSigningKey(options.keyPath))
  let outage: Outage | undefined
  let queue: Waiting[] = []
  let soon: NodeJS.Immediate | undefined
  let later: NodeJS.Timeout | undefined

  /** Runs what writes, with what went unrecorded told first. */
  function attempt(write: () => void): void {
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
      throw error
    }
  }

  function flush(): void {
    clearImmediate(soon)
    clearTimeout(later)
    soon = undefined
    later = undefined
    const records = queue
    if (records.length === 0) return
    queue = []
    let written = 0
    let why: unknown
    try {
      attempt(() => log.appendAll(records, (count) => void (written = count)))
    } catch (error) {
      why = error
    }
    for (const [index, { event, written: tell, lost }] of records.entries()) {
      if (index < written) tell?.()
      else {
        // Nothing is lost but what is counted.
        if (outage !== undefined) outage[event === 'decided' ? 'decided' : 'ended'] += 1
        lost?.(why)
      }
    }
  }
  const timed = timeWriter(options.now)

  let timer: NodeJS.Timeout | undefined
  const tick = (): void => {
    try {
      flush()
      if (outage !== undefined || log.unsigned > 0) attempt(() => log.checkpoint('time'))
    } catch {
      // It was told when it began; the next record tries again.
    }
  }
  return {
    isFailing: () => outage !== undefined,
    readsGoOn: options.onFailure === 'allow-reads',
    open() {
      const ends = endsOfTheDead(options.path, options.lost ?? [])
      log.open()
      for (const fields of ends) queue.push({ time: timed(), event: 'ended', fields })
      flush()
      timer = setInterval(tick, checkpointEveryMs).unref()
    },
    decided: (fields) =>
      new Promise((written, lost) => {
        queue.push({ time: timed(), event: 'decided', fields, written, lost })
        soon ??= setImmediate(flush)
      }),
    ended(fields) {
      queue.push({ time: timed(), event: 'ended', fields })
      if (soon === undefined) later ??= setTimeout(flush, endsWaitMs)
    },
    note(event, fields) {
      flush()
      try {
        attempt(() => log.append(event, fields))
      } catch {
        // It was told when it began.
      }
    },
    get last() {
      return log.last
    },
    flush,
    close() {
      clearInterval(timer)
      try {
        flush()
        log.close()
      } catch (error) {
        // The next start says that this end was none.
        options.failing(error)
      }
    },
  }
}

/** The time as text, made once a millisecond. */
function timeWriter(now: () => number): () => string {
  let at = Number.NaN
  let text = ''
  return () => {
    const time = now()
    if (time !== at) {
      at = time
      text = new Date(time).toISOString()
    }
    return text
  }
}
