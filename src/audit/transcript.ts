// What somebody saw at a terminal, as a file in asciinema's format (version 2) that any of its players
// shows. Nothing is told to have been written that was not: who writes here hears at once that it failed.
import { createHash } from 'node:crypto'
import { closeSync, ftruncateSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { harmless } from './line.ts'

/** What the record of a session's end says of its transcript. */
export interface TranscriptSeal {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  /** Why it does not go on to the session's end. */
  readonly broke?: string
}

export interface TranscriptOptions {
  readonly path: string
  readonly title: string
  readonly columns: number
  readonly rows: number
  /** Past this the session is not to go on: what went on unseen would be what somebody hides. */
  readonly maxBytes: number
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Milliseconds on a clock that never jumps. */
  readonly clock: () => number
  readonly closed: () => void
}

export interface Transcript {
  /** The session is there. A transcript that was never begun leaves no file. */
  begin(): void
  output(part: Uint8Array): void
  input(part: Uint8Array): void
  resized(columns: number, rows: number): void
  /** Whom to tell, once, why the session may not go on. */
  failing(tell: (why: string) => void): void
  close(): TranscriptSeal | undefined
}

/** Throws where there can be no such file. */
export function openTranscript(options: TranscriptOptions): Transcript {
  mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 })
  const written = new Written(options)
  try {
    const { columns: width, rows: height, startedAt, title } = options
    const timestamp = Math.floor(startedAt / 1_000)
    written.line({ version: 2, width, height, timestamp, title })
    return written
  } catch (error) {
    written.close()
    throw error
  }
}

class Written implements Transcript {
  readonly #options: TranscriptOptions
  readonly #file: number
  readonly #hash = createHash('sha256')
  readonly #since: number
  // A character may begin in one part and end in the next.
  readonly #shown = new StringDecoder('utf8')
  readonly #typed = new StringDecoder('utf8')
  #bytes = 0
  #begun = false
  #broke: string | undefined
  #isFull = false
  #tell: ((why: string) => void) | undefined

  constructor(options: TranscriptOptions) {
    this.#options = options
    this.#since = options.clock()
    this.#file = openSync(options.path, 'wx', 0o600)
  }

  begin(): void {
    this.#begun = true
  }

  failing(tell: (why: string) => void): void {
    this.#tell = tell
  }

  output(part: Uint8Array): void {
    this.#event('o', this.#shown.write(part))
  }

  input(part: Uint8Array): void {
    this.#event('i', this.#typed.write(part))
  }

  resized(columns: number, rows: number): void {
    this.#event('r', `${columns}x${rows}`)
  }

  close(): TranscriptSeal | undefined {
    this.#event('o', this.#shown.end())
    this.#event('i', this.#typed.end())
    const { path, closed } = this.#options
    closed()
    try {
      closeSync(this.#file)
      if (!this.#begun) unlinkSync(path)
    } catch (error) {
      this.#broke ??= codeOf(error)
    }
    if (!this.#begun) return undefined
    return {
      path,
      bytes: this.#bytes,
      sha256: this.#hash.digest('hex'),
      ...(this.#broke === undefined ? {} : { broke: this.#broke }),
    }
  }

  #event(code: 'o' | 'i' | 'r', text: string): void {
    if (text === '' || this.#broke !== undefined) return
    const seconds = Math.round((this.#options.clock() - this.#since) * 1_000) / 1_000_000
    try {
      this.line([seconds, code, text])
    } catch (error) {
      this.#broke = codeOf(error)
      this.#tell?.(`its transcript cannot be written (${this.#broke})`)
      return
    }
    if (this.#isFull || this.#bytes < this.#options.maxBytes) return
    this.#isFull = true
    this.#tell?.('its transcript is full (transcripts.size)')
  }

  /** The file has whole lines only, and the hash is of what it has. */
  line(value: object): void {
    const bytes = Buffer.from(`${harmless(JSON.stringify(value))}\n`)
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#file, bytes, done)
    } catch (error) {
      ftruncateSync(this.#file, this.#bytes)
      throw error
    }
    this.#hash.update(bytes)
    this.#bytes += bytes.length
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
