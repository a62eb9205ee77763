// Whether what is under way may go on under other roles than those that let it through. Pure.
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import type { Principal } from '../identity/principal.ts'
import { admit, authorize } from './authorize.ts'
import type { Role } from './role.ts'

/** By what a request was let through. */
export interface Basis {
  readonly role: Role
  /** As it was read, before anything in it was filled in or put in place of a name. */
  readonly asked: Operation
  /** What the engine said that its references mean; undefined where it was not asked. */
  readonly things?: ReadonlyMap<Reference, Thing | undefined>
  readonly hostPaths?: ReadonlyMap<string, string>
}

export type Standing =
  | { readonly stands: true }
  | { readonly stands: false; readonly why: string }
  /** It depends on what its references mean, which must be asked first. */
  | { readonly stands: 'unknown' }

const stands: Standing = Object.freeze({ stands: true })

export function stillAllows(roles: readonly Role[], principal: Principal, basis: Basis): Standing {
  const { asked, role, things } = basis
  const admission = admit(roles, principal, asked)
  if ('allow' in admission) return { stands: false, why: admission.message }
  if ('through' in admission && same(admission.through.hide, role.hide)) return stands
  if ('through' in admission) return changed(principal, asked)
  if (things === undefined) return { stands: 'unknown' }
  const decision = authorize(admission.judge, principal, asked, things, basis.hostPaths)
  if (!decision.allow) return { stands: false, why: decision.message }
  const now = roles.find((candidate) => candidate.name === decision.role)
  // What names nothing was confined to a reach when it began, and shows what that reach shows.
  const isNamed = asked.references.some(({ wants }) => wants === 'target')
  if (now === undefined || !same(now.hide, role.hide) || (!isNamed && !same(now.on, role.on))) {
    return changed(principal, asked)
  }
  return stands
}

function changed(principal: Principal, { permission }: Operation): Standing {
  return { stands: false, why: `${principal.name} may ${permission} in another way now` }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
