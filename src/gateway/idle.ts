// Ends interactive sessions on which nothing came or went for as long as their role lets them be idle.
// Streams that only show something are never idle: silence is what they often have to show.
import type { Policy } from '../policy/policy.ts'
import type { Session } from './sessions.ts'

export interface IdleParts {
  readonly sessions: () => Iterable<Session>
  readonly policy: () => Policy
  /** Milliseconds on a clock that never jumps: after a jump everybody would have been idle. */
  readonly clock: () => number
}

interface Activity {
  bytes: number
  atMs: number
}

/** What no byte passes costs nothing but a look now and then. */
const lookEveryMs = 500

/** Returns what looks, to be called often. */
export function createIdleWatch({ sessions, policy, clock }: IdleParts): () => void {
  const activities = new WeakMap<Session, Activity>()
  let lookedMs = clock()

  return () => {
    const nowMs = clock()
    if (nowMs - lookedMs < lookEveryMs) return
    lookedMs = nowMs
    for (const session of sessions()) {
      if (!session.interactive) continue
      const { in: came, out: went } = session.bytes()
      const activity = activities.get(session)
      if (activity?.bytes !== came + went) {
        activities.set(session, { bytes: came + went, atMs: nowMs })
        continue
      }
      const { name } = session.basis.role
      const idleMs = policy().roles.get(name)?.streams?.idleMs
      if (idleMs === undefined || nowMs - activity.atMs < idleMs) continue
      session.end(
        `nothing came or went for as long as role "${name}" lets it be idle (streams.idle)`,
      )
    }
  }
}
