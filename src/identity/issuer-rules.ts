// Which names an authority may put into certificates, where several are trusted: everything that a
// certificate states must be named by the rule of whoever signed it, or a partner's authority could
// issue the name of one's own administrator. Pure.
import type { Principal } from './principal.ts'

export const namedKinds = ['name', 'org', 'unit', 'email', 'dns', 'uri', 'ip'] as const
export type NamedKind = (typeof namedKinds)[number]

/** Patterns by kind; `*` at one place stands for any characters but none. What is not listed may not be stated. */
export type IssuerRule = 'anyone' | Readonly<Partial<Record<NamedKind, readonly string[]>>>

/** By the SHA-256 of the authority's certificate, lower-case hex. */
export type IssuerRules = Readonly<Record<string, IssuerRule>>

/** The first thing that the issuer may not state, in words; undefined where it may state all. */
export function whyNotNamed(
  rules: IssuerRules | undefined,
  issuer: string,
  principal: Principal,
): string | undefined {
  if (rules === undefined) return undefined
  const rule = Object.hasOwn(rules, issuer) ? rules[issuer] : undefined
  if (rule === undefined) return 'its issuer may name nobody here'
  if (rule === 'anyone') return undefined
  for (const kind of namedKinds) {
    const stated = kind === 'name' ? [principal.name] : principal[kind]
    const allowed = rule[kind] ?? []
    const odd = stated.find((value) => !allowed.some((pattern) => fits(pattern, value)))
    if (odd !== undefined) return `its issuer may not name the ${kind} ${JSON.stringify(odd)} here`
  }
  return undefined
}

function fits(pattern: string, value: string): boolean {
  const cut = pattern.indexOf('*')
  if (cut < 0) return pattern === value
  const head = pattern.slice(0, cut)
  const tail = pattern.slice(cut + 1)
  const isLonger = value.length > head.length + tail.length
  return isLonger && value.startsWith(head) && value.endsWith(tail)
}
