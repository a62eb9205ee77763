// Registers a passage as under way from the moment it may go on until its last byte, and writes its
// end to the audit once.
import type { Audit, Ended } from '../audit/record.ts'
import { recordTarget } from '../docker/record-target.ts'
import type { Incoming } from './body.ts'
import type { Passage } from './guard.ts'
import { lastWordsFor } from './last-words.ts'
import type { Session, Sessions } from './sessions.ts'

export interface Tracker {
  readonly audit: Audit
  readonly sessions: Sessions
  readonly now: () => number
  /** `id`: of the request that it came from. */
  readonly complain: (error: unknown, id?: string) => void
}

export interface Track {
  status(status: number): void
  /** What has come into being by it. */
  made(things: readonly string[]): void
  /** How to cut it from now on. */
  cutBy(cut: Cut): void
  /** It was ended from here: what then breaks is nobody's fault. */
  readonly wasEnded: boolean
  /** Sees what goes to the client; undefined where nothing could be said at the end. */
  readonly see: ((part: Uint8Array) => void) | undefined
  end(end: Pick<Ended, 'how'> & Partial<Ended>): void
}

/** `lastWord` is `why` as this stream may say it, where it may. */
export type Cut = (
  why: string,
  lastWord: Uint8Array | undefined,
  code: 'denied' | 'engine-silent',
) => void

export function trackSession(
  tracker: Tracker,
  passage: Passage,
  incoming: Incoming,
  cutAtFirst: Cut,
): Track {
  const { socket } = incoming.raw
  const readBefore = socket.bytesRead
  const writtenBefore = socket.bytesWritten
  const { endpoint, permission } = passage.operation
  const streams = endpoint.streams || endpoint.hijacks
  const lastWords = streams ? lastWordsFor(permission) : undefined
  const transcript = passage.terminal?.transcript
  let status = 0
  let over = false
  let endedWhy: string | undefined
  let made: readonly string[] = []
  let cut = cutAtFirst
  const bytes = (): { in: number; out: number } => ({
    in: socket.bytesRead - readBefore,
    out: socket.bytesWritten - writtenBefore,
  })
  const session: Session = {
    id: passage.id,
    peer: passage.peer,
    basis: passage.basis,
    generation: passage.generation,
    operation: permission,
    target: recordTarget(passage.basis.asked),
    streams,
    interactive: passage.terminal?.interactive === true,
    since: passage.startedAt,
    bytes,
    end: (why, code = 'denied') => {
      if (over || endedWhy !== undefined) return
      endedWhy = why
      // What has not begun is not ended: the engine is just not there for it.
      const words = code === 'denied' ? `this was ended: ${why}` : why
      const lastWord = lastWords?.say(words)
      if (lastWord !== undefined) transcript?.output(lastWord)
      cut(words, lastWord, code)
    },
  }
  // Not in the middle of a part: it would reach the client after the last word.
  transcript?.failing((why) => queueMicrotask(() => session.end(why)))
  tracker.sessions.add(session)
  return {
    status: (given) => void (status = given),
    made: (things) => void (made = things),
    cutBy: (given) => void (cut = given),
    get wasEnded() {
      return endedWhy !== undefined
    },
    see:
      lastWords &&
      ((part) => {
        transcript?.output(part)
        lastWords.see(part)
      }),
    end: (end) => {
      if (over) return
      over = true
      tracker.sessions.remove(session)
      passage.release()
      const counted = bytes()
      try {
        const sealed = transcript?.close()
        tracker.audit.ended({
          id: passage.id,
          who: session.peer.principal.name,
          operation: session.operation,
          status,
          bytesIn: counted.in,
          bytesOut: counted.out,
          durationMs: tracker.now() - passage.startedAt,
          ...(made.length === 0 ? {} : { made }),
          ...(sealed && { transcript: sealed }),
          ...end,
          ...(endedWhy === undefined ? {} : { how: 'ended' as const, why: endedWhy }),
        })
      } catch (error) {
        tracker.complain(error, passage.id)
      }
    },
  }
}
