// A grant for people: to whom, from where, until when.
import type { Grant } from '../policy/grant.ts'

export interface GrantWords {
  readonly to: string
  readonly roles: readonly string[]
  readonly from?: readonly string[]
  readonly until?: string
}

export function grantWords({ facts, anyone, roles, from, untilMs }: Grant): GrantWords {
  return {
    to: anyone ? 'every certificate' : facts.map(([kind, value]) => `${kind}=${value}`).join(', '),
    roles,
    ...(from === undefined ? {} : { from: from.map(({ text }) => text) }),
    ...(untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }),
  }
}
