// What a certificate says of somebody beside their name, as it stands in a record: so that a record can
// be judged again by other grants. Pure.
import type { Principal } from './principal.ts'

export type Facts = Readonly<Record<string, readonly string[]>>

const kinds = ['org', 'unit', 'dns', 'email', 'uri', 'ip'] as const
const known = new WeakMap<Principal, Facts | undefined>()

/** Undefined where it says nothing else; the same value each time for the same principal. */
export function factsOf(principal: Principal): Facts | undefined {
  if (known.has(principal)) return known.get(principal)
  const said = kinds.filter((kind) => principal[kind].length > 0)
  const facts =
    said.length === 0
      ? undefined
      : Object.freeze(Object.fromEntries(said.map((kind) => [kind, principal[kind]])))
  known.set(principal, facts)
  return facts
}

/** Somebody as a record tells of them; what it does not say they do not have. */
export function principalOfRecord(name: string, fingerprint: string, facts: unknown): Principal {
  const given = typeof facts === 'object' && facts !== null ? (facts as Facts) : {}
  const list = (kind: string): readonly string[] => {
    const values: unknown = Object.hasOwn(given, kind) ? given[kind] : []
    return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : []
  }
  // Policies remember by the fingerprint, and older records say less of the same certificate.
  return principalOf({ name, fingerprint: `${fingerprint} ${JSON.stringify(given)}` }, list)
}

/** Somebody who has shown no certificate, with what `list` says that theirs would state. */
export function principalOf(
  said: Pick<Principal, 'name' | 'fingerprint'> & Partial<Principal>,
  list: (kind: (typeof kinds)[number]) => readonly string[],
): Principal {
  return {
    org: list('org'),
    unit: list('unit'),
    dns: list('dns'),
    email: list('email'),
    uri: list('uri'),
    ip: list('ip'),
    serial: '',
    notBefore: 0,
    notAfter: Number.MAX_SAFE_INTEGER,
    ...said,
  }
}
