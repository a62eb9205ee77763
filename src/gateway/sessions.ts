// What is under way: one entry for each request that was let through, until its last byte. An entry
// can be ended, which cuts both its client and its request at the engine.
import type { Basis } from '../policy/still-allows.ts'
import type { Peer } from './authenticate.ts'
import { Members } from './members.ts'

export interface Session {
  readonly id: string
  readonly peer: Peer
  /** By what it was let through, and the generation of the state at that time. */
  readonly basis: Basis
  readonly generation: number
  readonly operation: string
  readonly target: string
  /** It may go on for ever. */
  readonly streams: boolean
  /** Somebody types or has a terminal, and its role minds how long nothing comes or goes. */
  readonly interactive: boolean
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly bytes: () => { readonly in: number; readonly out: number }
  /** Cuts it; `why` goes to the audit, and to the client where the protocol has room. */
  readonly end: (why: string, code?: 'denied' | 'engine-silent') => void
}

export interface Sessions {
  /** To be called, once, when it is over: what it gives. */
  add(session: Session): () => void
  /** Those who are here now. */
  all(): Iterable<Session>
  readonly size: number
}

/**
 * `added` hears of each new session, and may end it; `began` hears of it too, and what it gives is called
 * when the session is over.
 */
export function createSessions(
  added: (session: Session) => void,
  began?: (session: Session) => () => void,
): Sessions {
  const live = new Members<Session>()
  return {
    add(session) {
      const member = live.add(session)
      const over = began?.(session)
      added(session)
      return () => {
        live.remove(member)
        over?.()
      }
    },
    all: () => live,
    get size() {
      return live.size
    },
  }
}
