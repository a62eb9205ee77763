// A role that somebody gives to somebody for a while: what may be given by whom, and the policy with
// what was given in it. Pure. What is given never reaches further than its giver may give at that very
// moment by roles.yaml alone, so that nobody passes on what was given to them, and whatever takes the
// giver's right takes what they gave.
import { nearest } from '../nearest.ts'
import type { Principal } from '../identity/principal.ts'
import { widestFirst, type Policy } from './policy.ts'
import type { Role } from './role.ts'

/** Who gives, and from where. */
export interface Giver {
  readonly principal: Principal
  readonly address: string
}

export interface TemporaryGrant {
  readonly id: string
  /** The name that the receiver's certificate states, exactly. */
  readonly to: string
  readonly role: string
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly until: number
  readonly giver: Giver
}

export const grantPermission = 'dockgate.grant'

/** What a role may grant at a time where it does not say how long. */
export const usualLongestMs = 8 * 3_600_000
/** What lasts longer than a week is no temporary right: it belongs into roles.yaml. */
export const longestMs = 7 * 24 * 3_600_000

/**
 * Why the giver may not give this, now; undefined where they may. `policy` is that of roles.yaml: what
 * was given to the giver for a while gives nothing on.
 */
export function whyNotGiven(
  policy: Policy,
  grant: Omit<TemporaryGrant, 'id'>,
  nowMs: number,
): string | undefined {
  const { giver, to, role } = grant
  const { principal, address } = giver
  const roles = policy.rolesOf(principal, address, nowMs)
  const denier = roles.find(({ denies }) => denies.has(grantPermission))
  if (denier !== undefined) return `role "${denier.name}" denies it`
  const givers = roles.filter(({ allows }) => allows.has(grantPermission))
  if (givers.length === 0) {
    return `no role that ${principal.name} has by roles.yaml allows ${grantPermission}`
  }
  if (!policy.roles.has(role)) {
    const near = nearest(role, policy.roles.keys())
    return `there is no role ${JSON.stringify(role)}${near === undefined ? '' : ` (did you mean ${near}?)`}`
  }
  if (policy.sources.get(role)?.onTrial === true) return `role "${role}" is on trial`
  if (to === principal.name) return 'nobody gives a right to themselves'
  const longest = Math.max(...givers.map((one) => longestOf(one, role)))
  if (longest <= 0) return `none of their roles may grant "${role}" (mayGrant)`
  if (grant.until > principal.notAfter) return "it would outlast its giver's own certificate"
  return grant.until - grant.since > longest
    ? `they may grant "${role}" for ${spanText(longest)} at most`
    : undefined
}

function longestOf({ mayGrant }: Role, role: string): number {
  if (mayGrant === undefined) return 0
  return mayGrant === 'all' ? longestMs : (mayGrant.get(role) ?? 0)
}

function spanText(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`
}

export interface Given {
  /** Those meant for a name; undefined where there is none. */
  readonly to: (name: string) => readonly TemporaryGrant[] | undefined
  readonly all: () => readonly TemporaryGrant[]
  /** Whether the giver's certificate still counts. */
  readonly isGood: (giver: Giver) => boolean
}

/** Why it gives nothing now; undefined where it is in force. */
export function whyNotInForce(
  policy: Policy,
  grant: TemporaryGrant,
  given: Given,
  nowMs: number,
): string | undefined {
  if (!(nowMs < grant.until)) return 'its time is over'
  if (!given.isGood(grant.giver)) return "its giver's certificate does not count any more"
  return whyNotGiven(policy, grant, nowMs)
}

/** `policy` with what was given for a while; whoever was given nothing costs one look into a map. */
export function withTemporary(policy: Policy, given: Given): Policy {
  const made = new WeakMap<TemporaryGrant, Role>()
  const roleOf = (grant: TemporaryGrant, role: Role): Role => {
    const known = made.get(grant) ?? onlyAdding(role, grant.id)
    made.set(grant, known)
    return known
  }
  return Object.freeze({
    ...policy,
    nextEnd: (nowMs: number) =>
      Math.min(
        policy.nextEnd(nowMs),
        ...given.all().flatMap(({ until }) => (until > nowMs ? [until] : [])),
      ),
    rolesOf(principal: Principal, address: string, nowMs: number): readonly Role[] {
      const own = policy.rolesOf(principal, address, nowMs)
      const grants = given.to(principal.name)
      if (grants === undefined) return own
      const lent = new Map<string, Role>()
      for (const grant of grants) {
        const role = policy.roles.get(grant.role)
        // What they have anyway is not given, and two grants of one role are one.
        const has = lent.has(grant.role) || own.some(({ name }) => name === grant.role)
        if (role === undefined || has) continue
        if (whyNotInForce(policy, grant, given, nowMs) !== undefined) continue
        lent.set(grant.role, roleOf(grant, role))
      }
      return lent.size === 0 ? own : widestFirst([...own, ...lent.values()])
    },
  })
}

/** A role's denials bound the role, not what its holder has besides: a gift takes nothing away. */
function onlyAdding(role: Role, grant: string): Role {
  const allows = new Set([...role.allows].filter((permission) => !role.denies.has(permission)))
  return Object.freeze({ ...role, allows, denies: new Set<string>(), grant })
}
