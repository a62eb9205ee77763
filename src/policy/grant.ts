// A grant: which principals have which roles, perhaps only from some networks or until some time.
// Pure. Everything that a grant names must match, and each thing exactly.
import type { Principal } from '../identity/principal.ts'
import { canonicalAddress, isInside, type Address, type Network } from './network.ts'
import { matchesUri } from './uri-pattern.ts'

export const subjectKinds = ['name', 'org', 'unit', 'email', 'dns', 'uri', 'ip', 'serial'] as const
export type SubjectKind = (typeof subjectKinds)[number]

/** One fact that a certificate must state. */
export type Fact = readonly [kind: SubjectKind, value: string]

export interface Grant {
  /** All of them must match; empty only in a grant to anyone. */
  readonly facts: readonly Fact[]
  /** Meant for every certificate of the authority, said in so many words. */
  readonly anyone: boolean
  readonly roles: readonly string[]
  /** Undefined: from anywhere. */
  readonly from: readonly Network[] | undefined
  /** Milliseconds since the epoch; undefined: for ever. */
  readonly untilMs: number | undefined
  /** Where it stands in roles.yaml. */
  readonly line: number
}

/** Whether the grant is meant for this certificate, wherever and whenever it is used. */
export function isMeantFor(grant: Grant, principal: Principal): boolean {
  // A grant that names nothing must never match everybody by having nothing to disagree with.
  if (grant.facts.length === 0) return grant.anyone
  return grant.facts.every(([kind, value]) => states(principal, kind, value))
}

/** Whether the grant is in force for a request from `address` at `nowMs`. */
export function isInForce(grant: Grant, address: Address | undefined, nowMs: number): boolean {
  if (grant.untilMs !== undefined && !(nowMs < grant.untilMs)) return false
  if (grant.from === undefined) return true
  return address !== undefined && grant.from.some((network) => isInside(address, network))
}

function states(principal: Principal, kind: SubjectKind, value: string): boolean {
  if (kind === 'uri') return principal.uri.some((uri) => matchesUri(value, uri))
  return valuesOf(principal, kind).includes(value)
}

/** What the certificate states of one kind, in the spelling that grants are compared with. */
export function valuesOf(principal: Principal, kind: SubjectKind): readonly string[] {
  switch (kind) {
    case 'name':
      return [principal.name]
    case 'serial':
      return [principal.serial]
    case 'ip':
      return principal.ip.flatMap((text) => canonicalAddress(text) ?? [])
    case 'org':
    case 'unit':
    case 'email':
    case 'dns':
    case 'uri':
      return principal[kind]
  }
}
