// How often somebody may do something: an allowance that fills at a steady rate, up to ten seconds' worth,
// and is spent one by one. Arithmetic alone, no timer; who has rested long enough is forgotten.

export interface Allowance {
  level: number
  atMs: number
}

const burstSeconds = 10

export function newAllowance(): Allowance {
  return { level: Number.POSITIVE_INFINITY, atMs: 0 }
}

/** As much as it holds. */
export function capacity(perSecond: number): number {
  // One at least, or none would ever be whole.
  return Math.max(1, burstSeconds * perSecond)
}

/** False where nothing is left. */
export function spend(allowance: Allowance, perSecond: number, nowMs: number): boolean {
  const level = fill(allowance, perSecond, nowMs)
  allowance.level = level >= 1 ? level - 1 : level
  return level >= 1
}

/** Takes half of it away, or `most`; all where half is no use to anybody. */
export function takeFrom(
  allowance: Allowance,
  perSecond: number,
  most: number,
  nowMs: number,
): number {
  const level = fill(allowance, perSecond, nowMs)
  const taken = Math.min(most, level < 2 ? level : level / 2)
  allowance.level -= taken
  return taken
}

/** What is more than it holds is lost. */
export function addTo(allowance: Allowance, amount: number): void {
  allowance.level += amount
}

function fill(allowance: Allowance, perSecond: number, nowMs: number): number {
  const gained = (Math.max(0, nowMs - allowance.atMs) / 1_000) * perSecond
  allowance.level = Math.min(capacity(perSecond), allowance.level + gained)
  allowance.atMs = nowMs
  return allowance.level
}

/** One for each key; those that say nothing any more are dropped when there are many. */
export interface Kept<T> {
  of(key: string, nowMs: number): T
  readonly size: number
}

const manyAtFirst = 1_000

export function keep<T extends { readonly allowance: Allowance }>(
  make: (key: string) => T,
  isIdle: (entry: T) => boolean,
): Kept<T> {
  const entries = new Map<string, T>()
  let many = manyAtFirst
  const drop = (nowMs: number): void => {
    for (const [key, entry] of entries) {
      const isRested = nowMs - entry.allowance.atMs >= burstSeconds * 1_000
      if (isRested && isIdle(entry)) entries.delete(key)
    }
    many = Math.max(manyAtFirst, 2 * entries.size)
  }
  return {
    of(key, nowMs) {
      const found = entries.get(key)
      if (found !== undefined) return found
      if (entries.size >= many) drop(nowMs)
      const made = make(key)
      entries.set(key, made)
      return made
    },
    get size() {
      return entries.size
    },
  }
}
