// What is under way: one entry for each request that was let through, until its last byte. An entry
// can be ended, which cuts both its client and its request at the engine.

export interface Session {
  readonly id: string
  readonly who: string
  readonly fingerprint: string
  readonly address: string
  readonly operation: string
  readonly target: string
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Cuts it; `why` goes to the audit. */
  readonly end: (why: string) => void
}

export interface Sessions {
  add(session: Session): void
  remove(session: Session): void
  all(): Iterable<Session>
  readonly size: number
}

export function createSessions(): Sessions {
  const live = new Set<Session>()
  return {
    add: (session) => void live.add(session),
    remove: (session) => void live.delete(session),
    all: () => live,
    get size() {
      return live.size
    },
  }
}
