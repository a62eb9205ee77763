// How many were refused what, lately: a count a minute for an hour, so that an operator sees at a
// glance who runs into what.
import type { Audit, Decided } from '../audit/record.ts'

export interface DenialCount {
  readonly who: string
  readonly operation: string
  readonly reason: string
  readonly count: number
}

export interface Denials {
  /** The same audit, with each refusal counted on its way. */
  counting(audit: Audit): Audit
  /** Of the last hour: how many, and the most frequent ones. */
  lastHour(most?: number): DenialsLately
}

export interface DenialsLately {
  readonly total: number
  readonly most: readonly DenialCount[]
}

const minutes = 60
const minuteMs = 60_000
/** Beyond this many kinds a minute only their number is kept. */
const kindsEachMinute = 200
const shown = 10

interface Minute {
  readonly number: number
  total: number
  readonly kinds: Map<string, { readonly kind: Omit<DenialCount, 'count'>; count: number }>
}

export function createDenials(now: () => number): Denials {
  const ring: Minute[] = []

  function count({ who, operation, reason = '' }: Decided): void {
    const number = Math.floor(now() / minuteMs)
    let minute = ring.at(-1)
    if (minute?.number !== number) {
      minute = { number, total: 0, kinds: new Map() }
      ring.push(minute)
      if (ring.length > minutes) ring.shift()
    }
    minute.total++
    const key = JSON.stringify([who, operation, reason])
    const known = minute.kinds.get(key)
    if (known !== undefined) known.count++
    else if (minute.kinds.size < kindsEachMinute) {
      minute.kinds.set(key, { kind: { who, operation, reason }, count: 1 })
    }
  }

  return {
    counting: (audit) => ({
      ...audit,
      decided(record) {
        if (record.decision !== 'allow') count(record)
        return audit.decided(record)
      },
    }),
    lastHour(most = shown) {
      const oldest = Math.floor(now() / minuteMs) - minutes
      const recent = ring.filter(({ number }) => number > oldest)
      const kinds = recent.flatMap((minute) =>
        [...minute.kinds.values()].map(({ kind, count: times }) => ({ ...kind, count: times })),
      )
      return {
        total: recent.reduce((sum, { total }) => sum + total, 0),
        most: mostFrequent(kinds, most),
      }
    },
  }
}

/** Those of a kind added up, the most frequent first. */
export function mostFrequent(
  counts: readonly DenialCount[],
  most: number = shown,
): readonly DenialCount[] {
  const sums = new Map<string, DenialCount>()
  for (const { who, operation, reason, count } of counts) {
    const key = JSON.stringify([who, operation, reason])
    sums.set(key, { who, operation, reason, count: (sums.get(key)?.count ?? 0) + count })
  }
  return [...sums.values()].toSorted((one, other) => other.count - one.count).slice(0, most)
}
