// Roles and grants, compiled: everything that can be decided at load is decided here, so that a
// request costs a look into a set. Pure.
import { permissions } from '../docker/catalog.ts'
import type { Principal } from '../identity/principal.ts'
import { builtinRoles, type RoleSource } from './builtin-roles.ts'
import { isInForce, type Grant } from './grant.ts'
import { indexGrants } from './grant-index.ts'
import { parseAddress } from './network.ts'
import { presets } from './presets.ts'
import { expand } from './permission.ts'
import type { Role } from './role.ts'

/** What roles.yaml says, checked: every name in it means something. */
export interface RolesFile {
  readonly roles: readonly RoleSource[]
  readonly grants: readonly Grant[]
}

export interface Policy {
  /** Changes whenever the meaning of the file does. */
  readonly digest: string
  readonly roles: ReadonlyMap<string, Role>
  readonly sources: ReadonlyMap<string, RoleSource>
  /** As they stand in the file. */
  readonly grants: readonly Grant[]
  /** The grants in force for this principal, from this address, now. */
  grantsOf(principal: Principal, address: string, nowMs: number): readonly Grant[]
  /** Those that decide: none that is on trial. */
  rolesOf(principal: Principal, address: string, nowMs: number): readonly Role[]
  /** Those that decide nothing, and are only asked what they would say. */
  trialsOf(principal: Principal, address: string, nowMs: number): readonly Role[]
  /** When the next grant ends after `nowMs`; infinite when none does. */
  nextEnd(nowMs: number): number
}

const none: readonly Role[] = Object.freeze([])

/** Answers remembered by fingerprint; a certificate more than this costs one look into the index. */
const remembered = 10_000

export function compilePolicy(file: RolesFile, digest: string): Policy {
  const sources = new Map(
    [...builtinRoles, ...presets, ...file.roles].map((source) => [source.name, source]),
  )
  const roles = new Map<string, Role>()
  for (const source of sources.values()) roles.set(source.name, compileRole(source, sources))
  const onTrial = [...sources.values()].filter((source) => source.onTrial)
  const trials = new Map(onTrial.map(({ name }) => [name, roles.get(name)]))
  const inForce = new Map([...roles].filter(([name]) => !trials.has(name)))
  const find = indexGrants(file.grants)
  const ends = file.grants.flatMap(({ untilMs }) => untilMs ?? [])

  // The grants meant for a certificate never change; which of them are in force may.
  interface Known {
    readonly grants: readonly Grant[]
    readonly always: readonly Role[] | undefined
  }
  const known = new Map<string, Known>()

  function look(principal: Principal): Known {
    const found = known.get(principal.fingerprint)
    if (found !== undefined) return found
    const grants = find(principal)
    const conditional = grants.some(
      (grant) => grant.from !== undefined || grant.untilMs !== undefined,
    )
    const entry = { grants, always: conditional ? undefined : rolesIn(grants, inForce) }
    if (known.size >= remembered) known.clear()
    known.set(principal.fingerprint, entry)
    return entry
  }
  function grantsOf(principal: Principal, address: string, nowMs: number): readonly Grant[] {
    const from = parseAddress(address)
    return look(principal).grants.filter((grant) => isInForce(grant, from, nowMs))
  }
  return Object.freeze({
    digest,
    roles,
    sources,
    grants: file.grants,
    grantsOf,
    nextEnd: (nowMs: number) => Math.min(...ends.filter((end) => end > nowMs)),
    rolesOf: (principal: Principal, address: string, nowMs: number) =>
      look(principal).always ?? rolesIn(grantsOf(principal, address, nowMs), inForce),
    trialsOf: (principal: Principal, address: string, nowMs: number) =>
      trials.size === 0 ? none : rolesIn(grantsOf(principal, address, nowMs), trials),
  })
}

/**
 * The first role that allows decides how far a list reaches. So the widest comes first, and the order
 * of the file decides nothing.
 */
function rolesIn(
  grants: readonly Grant[],
  roles: ReadonlyMap<string, Role | undefined>,
): readonly Role[] {
  const names = new Set(grants.flatMap((grant) => grant.roles))
  return widestFirst([...names].toSorted().flatMap((name) => roles.get(name) ?? []))
}

export function widestFirst(roles: readonly Role[]): readonly Role[] {
  return Object.freeze(
    roles.toSorted(
      (one, other) => breadth(other) - breadth(one) || one.hide.length - other.hide.length,
    ),
  )
}

function breadth(role: Role): number {
  if (role.on.kind === 'all') return role.limits === 'none' ? 3 : 2
  return role.on.kind === 'own' ? 0 : 1
}

/**
 * What a role includes gives it permissions and denials only: reach, limits, rules of streams and
 * transcripts, what it hides and what it may grant are its own, so that including `admin` lifts no limit unless the role says
 * so itself.
 */
function compileRole(source: RoleSource, sources: ReadonlyMap<string, RoleSource>): Role {
  const allow = new Set<string>()
  const deny = new Set<string>()
  const seen = new Set<string>()
  const collect = (from: RoleSource): void => {
    if (seen.has(from.name)) return
    seen.add(from.name)
    for (const pattern of from.allow) allow.add(pattern)
    for (const pattern of from.deny) deny.add(pattern)
    for (const name of from.includes) {
      const included = sources.get(name)
      if (included !== undefined) collect(included)
    }
  }
  collect(source)
  return Object.freeze({
    name: source.name,
    allows: expand(allow, permissions),
    denies: expand(deny, permissions),
    on: source.on,
    limits: source.limits,
    hide: source.hide,
    ...(source.mayGrant === undefined ? {} : { mayGrant: source.mayGrant }),
    ...(source.streams && { streams: source.streams }),
    ...(source.transcript && { transcript: source.transcript }),
  })
}

/** Every permission of a role and of those it includes, denials left aside. */
export function permissionsAllowed(
  source: RoleSource,
  sources: ReadonlyMap<string, RoleSource>,
): ReadonlySet<string> {
  return compileRole(source, sources).allows
}
