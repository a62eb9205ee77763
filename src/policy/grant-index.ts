// Finds the grants that are meant for a principal without looking at all of them, so that ten
// thousand grants cost a request what ten cost. Pure.
import type { Principal } from '../identity/principal.ts'
import { isMeantFor, subjectKinds, valuesOf, type Fact, type Grant } from './grant.ts'
import { literalPrefix, literalPrefixes } from './uri-pattern.ts'

export type GrantIndex = (principal: Principal) => readonly Grant[]

/** Each grant is filed under the rarest of its facts: `org: Example` may stand in every one. */
export function indexGrants(grants: readonly Grant[]): GrantIndex {
  const uses = new Map<string, number>()
  for (const grant of grants) {
    for (const key of grant.facts.map(keyOf)) uses.set(key, (uses.get(key) ?? 0) + 1)
  }
  const filed = new Map<string, Grant[]>()
  const toAnyone: Grant[] = []
  for (const grant of grants) {
    const [rarest] = grant.facts
      .map(keyOf)
      .toSorted((one, other) => (uses.get(one) ?? 0) - (uses.get(other) ?? 0))
    if (rarest === undefined) {
      toAnyone.push(grant)
      continue
    }
    const beside = filed.get(rarest)
    if (beside === undefined) filed.set(rarest, [grant])
    else beside.push(grant)
  }
  return (principal) => {
    const candidates = [...toAnyone]
    for (const key of keysOf(principal)) candidates.push(...(filed.get(key) ?? []))
    return candidates.filter((grant) => isMeantFor(grant, principal))
  }
}

function keyOf([kind, value]: Fact): string {
  return kind === 'uri' && value.includes('*') ? `uri*:${literalPrefix(value)}` : `${kind}:${value}`
}

function keysOf(principal: Principal): ReadonlySet<string> {
  const stated = subjectKinds.flatMap((kind) =>
    valuesOf(principal, kind).map((value) => `${kind}:${value}`),
  )
  const prefixes = principal.uri.flatMap(literalPrefixes).map((prefix) => `uri*:${prefix}`)
  return new Set([...stated, ...prefixes])
}
