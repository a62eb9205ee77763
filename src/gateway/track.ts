// Registers a passage as under way from the moment it may go on until its last byte, and writes its
// end to the audit once.
import type { Socket } from 'node:net'
import type { Audit, Ended } from '../audit/record.ts'
import { recordTarget } from '../docker/record-target.ts'
import type { Incoming } from './body.ts'
import type { Passage } from './guard.ts'
import { lastWordsFor, type LastWords } from './last-words.ts'
import type { Session, Sessions } from './sessions.ts'

export interface Tracker {
  readonly audit: Audit
  readonly sessions: Sessions
  readonly now: () => number
  /** `id`: of the request that it came from. */
  readonly complain: (error: unknown, id?: string) => void
}

/** `lastWord` is `why` as this stream may say it, where it may. */
export type Cut = (
  why: string,
  lastWord: Uint8Array | undefined,
  code: 'denied' | 'engine-silent',
) => void

/** One object for each request that goes on: what others see of it, and what its way tells it. */
export class Track implements Session {
  readonly id: string
  readonly peer: Passage['peer']
  readonly basis: Passage['basis']
  readonly generation: number
  readonly operation: string
  readonly target: string
  readonly streams: boolean
  readonly interactive: boolean
  readonly since: number
  /** Sees what goes to the client; undefined where nothing could be said at the end. */
  readonly see: ((part: Uint8Array) => void) | undefined

  readonly #tracker: Tracker
  readonly #passage: Passage
  readonly #socket: Socket
  readonly #readBefore: number
  readonly #writtenBefore: number
  readonly #lastWords: LastWords | undefined
  readonly #leave: () => void
  #cut: Cut
  #status = 0
  #over = false
  #endedWhy: string | undefined
  #made: readonly string[] | undefined

  /** `cut`: how it is cut at first. */
  constructor(tracker: Tracker, passage: Passage, incoming: Incoming, cut: Cut) {
    const { endpoint, permission } = passage.operation
    const { socket } = incoming.raw
    this.id = passage.id
    this.peer = passage.peer
    this.basis = passage.basis
    this.generation = passage.generation
    this.operation = permission
    this.target = recordTarget(passage.basis.asked)
    this.streams = endpoint.streams || endpoint.hijacks
    this.interactive = passage.terminal?.interactive === true
    this.since = passage.startedAt
    this.#tracker = tracker
    this.#passage = passage
    this.#socket = socket
    this.#readBefore = socket.bytesRead
    this.#writtenBefore = socket.bytesWritten
    this.#cut = cut
    const lastWords = this.streams ? lastWordsFor(permission) : undefined
    const transcript = passage.terminal?.transcript
    this.#lastWords = lastWords
    this.see =
      lastWords &&
      ((part) => {
        transcript?.output(part)
        lastWords.see(part)
      })
    // Not in the middle of a part: it would reach the client after the last word.
    transcript?.failing((why) => queueMicrotask(() => this.end(why)))
    this.#leave = tracker.sessions.add(this)
  }

  bytes(): { readonly in: number; readonly out: number } {
    return {
      in: this.#socket.bytesRead - this.#readBefore,
      out: this.#socket.bytesWritten - this.#writtenBefore,
    }
  }

  end(why: string, code: 'denied' | 'engine-silent' = 'denied'): void {
    if (this.#over || this.#endedWhy !== undefined) return
    this.#endedWhy = why
    // What has not begun is not ended: the engine is just not there for it.
    const words = code === 'denied' ? `this was ended: ${why}` : why
    const lastWord = this.#lastWords?.say(words)
    if (lastWord !== undefined) this.#passage.terminal?.transcript?.output(lastWord)
    this.#cut(words, lastWord, code)
  }

  /** It was ended from here: what then breaks is nobody's fault. */
  get wasEnded(): boolean {
    return this.#endedWhy !== undefined
  }

  status(status: number): void {
    this.#status = status
  }

  /** What has come into being by it. */
  made(things: readonly string[]): void {
    this.#made = things
  }

  /** How to cut it from now on. */
  cutBy(cut: Cut): void {
    this.#cut = cut
  }

  /** To be called with its last byte; what is said again later is nothing new. */
  over(how: Ended['how'], status = this.#status, counted = this.bytes()): void {
    if (this.#over) return
    this.#over = true
    const { audit, now, complain } = this.#tracker
    this.#leave()
    this.#passage.release()
    try {
      const sealed = this.#passage.terminal?.transcript?.close()
      const made = this.#made
      audit.ended({
        id: this.id,
        who: this.peer.principal.name,
        operation: this.operation,
        status,
        bytesIn: counted.in,
        bytesOut: counted.out,
        durationMs: now() - this.since,
        ...(made !== undefined && made.length > 0 && { made }),
        ...(sealed && { transcript: sealed }),
        how: this.#endedWhy === undefined ? how : 'ended',
        ...(this.#endedWhy !== undefined && { why: this.#endedWhy }),
      })
    } catch (error) {
      complain(error, this.id)
    }
  }
}
