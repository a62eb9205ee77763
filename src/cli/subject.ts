// Whom a command line means: a name, or facts that a certificate must state.
import { principalOf } from '../identity/facts.ts'
import type { Principal } from '../identity/principal.ts'
import { subjectKinds } from '../policy/grant.ts'
import { UsageError } from './arguments.ts'

export function readSubject(who: string): Record<string, string> {
  if (!who.includes('=')) return { name: who }
  const to: Record<string, string> = {}
  for (const part of who.split(',')) {
    const cut = part.indexOf('=')
    const kind = part.slice(0, cut)
    if (cut < 1 || !subjectKinds.some((known) => known === kind)) {
      throw new UsageError(
        `cannot read ${JSON.stringify(part)}`,
        `KIND=VALUE, with KIND of ${subjectKinds.join(', ')}`,
      )
    }
    if (Object.hasOwn(to, kind)) throw new UsageError(`${who} says ${kind} twice`)
    to[kind] = part.slice(cut + 1)
  }
  return to
}

/** Somebody whose certificate states just this. */
export function principalAs(who: string): Principal {
  const facts = readSubject(who)
  const { name = '', serial = '' } = facts
  return principalOf({ name, serial, fingerprint: `as:${who}` }, (kind) => {
    const value = facts[kind]
    return value === undefined ? [] : [value]
  })
}
