// The log on disk: appends records to the chain, notices when somebody else touched the file, rotates it,
// and takes the chain up again after a crash, with a record of what it found.
import {
  closeSync,
  existsSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename } from 'node:path'
import { signCheckpoint } from './checkpoint.ts'
import { nextRotatedPath, readFirst, rotatedFiles } from './files.ts'
import { headPathOf, openHead, type Head } from './head.ts'
import { Lines } from './lines-to-write.ts'
import { origin, type Position } from './line.ts'
import { examine, type Trouble } from './recovery.ts'
import { expiredFiles, type Keep } from './retention.ts'
import type { SigningKey } from './signing-key.ts'

export interface LogFileOptions {
  readonly path: string
  readonly rotate: {
    readonly bytes: number
    /** A new file for each day, by UTC. */
    readonly daily: boolean
  }
  readonly keep: Keep
  readonly now: () => number
  /** Told of all lines that were written, in their order; never throws, never waits. */
  readonly written?: (lines: readonly string[]) => void
}

/** A record that waits to be written. */
export interface Entry {
  readonly time: string
  readonly event: string
  readonly fields: object
}

interface Opened {
  readonly file: number
  readonly head: Head
  readonly inode: number
  /** Day of its first record. */
  readonly day: string
  bytes: number
  /** When its path was looked at. */
  lookedMs: number
  /** Nothing but the checkpoint that begins it: not worth a rotation. */
  fresh: boolean
}

type Why = 'opened' | 'count' | 'time' | 'rotated' | 'continued' | 'closed'

/**
 * How often it is looked whether somebody else touched the file, while records come without a pause. Chain
 * and head show as well what they did in between.
 */
const lookEveryMs = 20

/** So many records at most wait for a signature; verification takes more for a forgery. */
export const recordsPerCheckpoint = 1_000

export class LogFile {
  readonly #options: LogFileOptions
  readonly #key: SigningKey
  /** What this process knows to be last. */
  #last: Position | undefined
  #opened: Opened | undefined
  #unsigned = 0
  #firstOpening = true
  /** What was found at an opening and is not on record yet. */
  #troubles: Trouble[] = []

  constructor(options: LogFileOptions, key: SigningKey) {
    this.#options = options
    this.#key = key
  }

  /** Records since the last checkpoint. */
  get unsigned(): number {
    return this.#unsigned
  }

  get last(): Position | undefined {
    return this.#last
  }

  open(): void {
    if (this.#opened === undefined) this.#open(false)
  }

  append(event: string, fields: object): void {
    this.appendAll([{ time: this.#time(), event, fields }], () => {})
  }

  /** In as few writes as can be; `wrote` is told how many are with the operating system so far. */
  appendAll(entries: readonly Entry[], wrote: (count: number) => void): void {
    const { rotate } = this.#options
    let opened = this.#ready()
    let lines = new Lines(this.#last)
    const flush = (count: number): void => {
      if (lines.count > 0) this.#write(opened, lines)
      wrote(count)
      lines = new Lines(this.#last)
    }
    for (const [index, { time, event, fields }] of entries.entries()) {
      if (this.#unsigned + lines.count >= recordsPerCheckpoint) {
        flush(index)
        this.#checkpoint(opened, time, 'count')
        lines = new Lines(this.#last)
      }
      const before = lines.bytes
      lines.add(time, event, fields)
      const full = opened.bytes + lines.bytes > rotate.bytes
      if (
        (opened.fresh && before === 0) ||
        !(full || (rotate.daily && time.slice(0, 10) > opened.day))
      ) {
        continue
      }
      lines.drop()
      flush(index)
      opened = this.#rotate(opened, time)
      lines = new Lines(this.#last)
      lines.add(time, event, fields)
    }
    flush(entries.length)
  }

  checkpoint(why: Why): void {
    // A head that was taken away is still written to, where nobody sees it.
    if (!existsSync(headPathOf(this.#options.path))) this.#letGo()
    const opened = this.#ready()
    this.#checkpoint(opened, this.#time(), why)
    // What is signed shall outlive the machine too; nobody waits for it.
    fdatasync(opened.file, () => {})
  }

  close(): void {
    try {
      if (this.#opened !== undefined) {
        this.checkpoint('closed')
        fsyncSync(this.#opened.file)
      }
    } finally {
      this.#letGo()
    }
  }

  #time(): string {
    return new Date(this.#options.now()).toISOString()
  }

  #one(time: string, event: string, fields: object): Lines {
    const lines = new Lines(this.#last)
    lines.add(time, event, fields)
    return lines
  }

  /** The file, if it still was the one at its path and as long as it was left when last looked. */
  #ready(): Opened {
    const opened = this.#opened
    if (opened === undefined) return this.#open(false)
    const atMs = this.#options.now()
    // Also where the clock was set back.
    if (Math.abs(atMs - opened.lookedMs) < lookEveryMs) return opened
    opened.lookedMs = atMs
    const found = statSync(this.#options.path, { throwIfNoEntry: false })
    if (found?.ino === opened.inode && found.size === opened.bytes) return opened
    this.#letGo()
    return this.#open(true)
  }

  #open(touched: boolean): Opened {
    const { path } = this.#options
    const found = examine(path, this.#last, touched)
    const file = openSync(path, 'a', 0o600)
    try {
      if (found.tornBytes > 0) ftruncateSync(file, found.wholeBytes)
      this.#opened = {
        file,
        head: openHead(headPathOf(path)),
        inode: statSync(path).ino,
        day: found.day ?? this.#time().slice(0, 10),
        bytes: found.wholeBytes,
        lookedMs: 0,
        fresh: false,
      }
      this.#last = found.last
      // Of a torn end nothing is left to be found again.
      const torn = this.#troubles.filter((trouble) => trouble.found === 'torn')
      this.#troubles = [...torn, ...found.troubles]
      this.#begin(this.#opened, found.how, found.previous)
      return this.#opened
    } catch (error) {
      if (this.#opened === undefined) closeSync(file)
      this.#letGo()
      throw error
    }
  }

  /** What stands first: in a new file a checkpoint that vouches for its start, then what was found. */
  #begin(opened: Opened, how: string, previous: string | undefined): void {
    const time = this.#time()
    if (opened.bytes === 0 && this.#last !== undefined && this.#last.seq > 0) {
      this.#checkpoint(opened, time, 'continued', previous)
    }
    if (this.#firstOpening) {
      this.#write(opened, this.#one(time, 'opened', { how, key: this.#key.id }))
      this.#firstOpening = false
    }
    for (const trouble of this.#troubles) {
      this.#write(opened, this.#one(time, 'recovered', trouble))
    }
    this.#troubles = []
    if (this.#unsigned > 0) this.#checkpoint(opened, time, 'opened')
    this.#retire(opened, time)
  }

  #write(opened: Opened, lines: Lines): void {
    const bytes = lines.take()
    try {
      // Killed in the middle of it, the log is ahead of its head: as far as this, and no further.
      if (lines.count > 1) opened.head.foretell(lines.last)
      // A full disk takes a part of a line before it says so.
      for (let done = 0; done < bytes.length;) done += writeSync(opened.file, bytes, done)
      opened.head.write(lines.last)
    } catch (error) {
      try {
        ftruncateSync(opened.file, opened.bytes)
      } catch {
        // The next opening finds what was left, and says so.
        this.#letGo()
      }
      throw error
    }
    opened.bytes += bytes.length
    opened.fresh = false
    this.#last = lines.last
    this.#unsigned += lines.count
    this.#options.written?.(lines.texts)
  }

  #checkpoint(opened: Opened, time: string, why: Why, file?: string): void {
    const { seq, hash } = this.#last ?? origin
    const jws = signCheckpoint(this.#key, { seq: seq + 1, prev: hash, time })
    const fields = { why, ...(file === undefined ? {} : { file }), jws }
    this.#write(opened, this.#one(time, 'checkpoint', fields))
    this.#unsigned = 0
  }

  #rotate(opened: Opened, time: string): Opened {
    const { path } = this.#options
    const rotated = nextRotatedPath(path, opened.day)
    this.#checkpoint(opened, time, 'rotated', basename(rotated))
    fsyncSync(opened.file)
    renameSync(path, rotated)
    this.#letGo()
    const next = this.#open(false)
    next.fresh = true
    return next
  }

  /** The record first: what goes is on record, and its absence is no fault. */
  #retire(opened: Opened, time: string): void {
    const rotated = rotatedFiles(this.#options.path)
    const expired = expiredFiles(rotated, this.#options.keep, time.slice(0, 10))
    if (expired.length === 0) return
    const first = readFirst(rotated[expired.length]?.path ?? this.#options.path)
    if (first === undefined) return
    const files = expired.map((file) => basename(file.path))
    this.#write(opened, this.#one(time, 'retired', { files, through: first.seq - 1 }))
    for (const file of expired) rmSync(file.path, { force: true })
  }

  #letGo(): void {
    const opened = this.#opened
    this.#opened = undefined
    if (opened === undefined) return
    closeSync(opened.file)
    opened.head.close()
  }
}
