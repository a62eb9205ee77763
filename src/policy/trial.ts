// What roles on trial would say to a request that others let through, and how far a role must reach for
// it. What is said here is for the record alone: nothing of it decides. Pure.
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import type { Failure } from '../errors.ts'
import type { Principal } from '../identity/principal.ts'
import { admit, authorize } from './authorize.ts'
import type { DenyReason } from './decision.ts'
import type { Role } from './role.ts'
import { findStranger } from './stranger.ts'

type Things = ReadonlyMap<Reference, Thing | undefined>

export interface Tried {
  readonly role: string | undefined
  readonly reason: DenyReason | Failure['code']
  readonly detail: string
}

/** All that is known of a request when it is tried. */
export interface Trying {
  readonly principal: Principal
  readonly asked: Operation
  /** With its body, or why that cannot be judged. */
  readonly read: Operation | Failure
  readonly things: Things
  readonly hostPaths?: ReadonlyMap<string, string>
}

/** Undefined where they would let it through. */
export function wouldDeny(roles: readonly Role[], trying: Trying): Tried | undefined {
  const { principal, asked, read, things, hostPaths } = trying
  const admission = admit(roles, principal, asked)
  if ('through' in admission) return undefined
  if (!('judge' in admission)) return told(admission)
  if (!('endpoint' in read)) {
    return { role: admission.judge[0]?.name, reason: read.code, detail: read.message }
  }
  const decision = authorize(admission.judge, principal, read, things, hostPaths)
  if (decision.allow) return undefined
  // What is not there is answered alike by the engine and by the role: nothing would change.
  const missing = read.references.some(({ wants }, index) => {
    const reference = read.references[index]
    return wants !== 'make' && reference !== undefined && things.get(reference) === undefined
  })
  return decision.reason === 'not-theirs' && missing ? undefined : told(decision)
}

function told(denied: {
  readonly role: string | undefined
  readonly reason: DenyReason
  readonly message: string
}): Tried {
  return { role: denied.role, reason: denied.reason, detail: denied.message }
}

export interface ReachNeeded {
  readonly reach: 'own' | 'team' | 'all'
  /** What keeps it from being the narrowest: `container 1a51…`. */
  readonly beyond?: readonly string[]
}

/** What is not there needs no reach: it is not found with any. */
export function reachNeeded(
  principal: Principal,
  operation: Operation,
  things: Things,
): ReachNeeded {
  const references = operation.references.filter(
    (reference) => reference.wants === 'make' || things.get(reference) !== undefined,
  )
  if (references.length === 0) return { reach: 'own' }
  const there = { ...operation, references }
  const strange = (kind: 'own' | 'team', of: Operation): boolean =>
    findStranger({ on: { kind }, limits: 'none' }, principal, of, things) !== undefined
  if (!strange('own', there)) return { reach: 'own' }
  const beyond = references.flatMap((reference) => {
    const thing = things.get(reference)
    const alone = { ...operation, references: [reference] }
    return thing !== undefined && strange('own', alone) ? [`${thing.kind} ${thing.id}`] : []
  })
  return { reach: strange('team', there) ? 'all' : 'team', beyond }
}
