// From what a certificate was seen to do to the smallest roles that would have let it: its permissions one
// by one, limits at what was asked for, a reach no wider than the things that it named. Pure.
import { openToAll } from './authorize.ts'
import { learnLimits } from './learn-limits.ts'
import { readSeen, type Seen } from './replay.ts'

export interface Learned {
  readonly permission: string
  readonly count: number
  readonly lastMs: number
}

export interface LearnedRole {
  readonly on: 'own' | 'team' | 'all'
  readonly allow: readonly Learned[]
  /** As roles.yaml has them. */
  readonly limits: Readonly<Record<string, unknown>>
}

type Reach = LearnedRole['on']
const widths: readonly Reach[] = ['own', 'team', 'all']

export function learnRoles(seen: readonly Seen[]): readonly LearnedRole[] {
  const asked = seen.filter(({ operation }) => !openToAll.has(operation))
  // Who makes nothing looks at what others have made: a list of its own things would be empty.
  const makes = asked.some(({ operation }) => /\.create$|^image\.build$/.test(operation))
  const reachOf = new Map<string, Reach>()
  for (const one of asked) {
    const needed = makes ? reachIn(one) : 'all'
    const before = reachOf.get(one.operation) ?? 'own'
    reachOf.set(one.operation, widths.indexOf(needed) > widths.indexOf(before) ? needed : before)
  }
  return widths.flatMap((on) => {
    const within = asked.filter(({ operation }) => reachOf.get(operation) === on)
    return within.length === 0 ? [] : [{ on, allow: countsOf(within), limits: learnLimits(within) }]
  })
}

function reachIn(seen: Seen): Reach {
  if (seen.reach !== undefined) return seen.reach
  const read = readSeen(seen)
  return typeof read === 'string' || read.references.length > 0 ? 'all' : 'own'
}

function countsOf(seen: readonly Seen[]): readonly Learned[] {
  const found = new Map<string, Learned>()
  for (const { operation: permission, timeMs } of seen) {
    const { count = 0, lastMs = 0 } = found.get(permission) ?? {}
    found.set(permission, { permission, count: count + 1, lastMs: Math.max(lastMs, timeMs) })
  }
  return [...found.values()].toSorted((one, other) => (one.permission < other.permission ? -1 : 1))
}
