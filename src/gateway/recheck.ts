// Whoever loses the right loses the session: after each change of the files, and when the time of a
// certificate, a grant or the revocation list is over, all that is under way is judged again.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Policy } from '../policy/policy.ts'
import type { Role } from '../policy/role.ts'
import { stillAllows } from '../policy/still-allows.ts'
import type { Authenticator } from './authenticate.ts'
import type { Connections } from './connections.ts'
import type { Engine } from './engine.ts'
import { createIdleWatch } from './idle.ts'
import { resolveReferences } from './resolve.ts'
import type { Session } from './sessions.ts'
import type { State } from './state.ts'

export interface RecheckParts {
  readonly authenticator: Authenticator
  readonly state: () => State
  /** What is in force now, and a number that grows with it. */
  readonly policy: () => Policy
  readonly generation: () => number
  readonly sessions: () => Iterable<Session>
  readonly connections: Connections
  readonly engine: Engine
  readonly now: () => number
  /** Milliseconds on a clock that never jumps. */
  readonly clock: () => number
}

export interface Recheck {
  /** Judges everything again; to be called after each change. */
  run(): void
  /** To be called for each new session: it may have been judged by what is in force no more. */
  added(session: Session): void
  close(): void
}

/** How often the clock is looked at: it may jump, which no timer of its own would notice. */
const tickMs = 200
/** How long the engine may take to say what a name means before a session is ended unasked. */
const askMs = 500
/** What a closing connection still has to say has this long to arrive. */
const lingerMs = 200

export function createRecheck(parts: RecheckParts): Recheck {
  const { authenticator, now } = parts
  let due = Number.POSITIVE_INFINITY

  const foresee = (moment: number): void => {
    if (moment > now()) due = Math.min(due, moment)
  }
  // Certificates and lists are good up to and with their last millisecond.
  const foreseeEnd = (session: Session): void => {
    foresee(session.peer.principal.notAfter + 1)
    foresee(lastsUntil(session))
  }
  /** By the rules of its role that are in force now. */
  function lastsUntil({ streams, since, basis }: Session): number {
    const longestMs = parts.policy().roles.get(basis.role.name)?.streams?.longestMs
    return streams && longestMs !== undefined ? since + longestMs : Number.POSITIVE_INFINITY
  }

  function judge(session: Session): void {
    const { peer, basis } = session
    const outdated = authenticator.outdated(peer)
    if (outdated !== undefined) {
      session.end(outdated)
      return
    }
    if (now() >= lastsUntil(session)) {
      session.end(`no stream by role "${basis.role.name}" lasts longer (streams.longest)`)
      return
    }
    const roles = parts.policy().rolesOf(peer.principal, peer.address, now())
    const standing = stillAllows(roles, peer.principal, basis)
    if (standing.stands === false) session.end(givenWhy(basis.role, roles) ?? standing.why)
    else if (standing.stands === 'unknown') void ask(session)
  }

  /** An administrator's request was not looked into; with fewer rights it must be. */
  async function ask(session: Session): Promise<void> {
    const { peer, basis } = session
    const unknown = 'it cannot be told whether this may go on'
    try {
      const tooLate = new AbortController()
      const asked = resolveReferences(parts.engine, basis.asked.references)
      const late = sleep(askMs, undefined, { signal: tooLate.signal }).catch(() => undefined)
      const things = await Promise.race([asked, late])
      tooLate.abort()
      const roles = parts.policy().rolesOf(peer.principal, peer.address, now())
      const standing =
        things && stillAllows(roles, peer.principal, { ...basis, things, hostPaths: new Map() })
      if (standing?.stands !== true) {
        session.end(standing?.stands === false ? standing.why : unknown)
      }
    } catch {
      session.end(unknown)
    }
  }

  function run(): void {
    due = parts.policy().nextEnd(now())
    foresee((parts.state().trust.revocations?.nextUpdate ?? 0) + 1)
    for (const session of parts.sessions()) {
      foreseeEnd(session)
      judge(session)
    }
    for (const socket of parts.connections) {
      const peer = authenticator.peerOf(socket)
      if (peer !== undefined && authenticator.outdated(peer) !== undefined) {
        setTimeout(() => socket.destroy(), lingerMs).unref()
      }
    }
  }

  const endIdle = createIdleWatch(parts)
  run()
  const timer = setInterval(() => {
    if (now() >= due) run()
    endIdle()
  }, tickMs)
  timer.unref()

  return {
    run,
    added(session) {
      foreseeEnd(session)
      if (session.generation !== parts.generation()) judge(session)
    },
    close: () => clearInterval(timer),
  }
}

/** Words for whoever goes on without what they had for a while. */
function givenWhy({ name, grant }: Role, roles: readonly Role[]): string | undefined {
  if (grant === undefined || roles.some((role) => role.grant === grant)) return undefined
  return `the temporary right that it was by (${name}) is over`
}
