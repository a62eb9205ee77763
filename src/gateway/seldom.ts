// Lets a few of many alike through each second, and says how many there were besides: what a stranger can
// cause without end must not fill a log.

/** Undefined for what is not to be told; else how many were not told before. */
export type Seldom = () => number | undefined

export function createSeldom(eachSecond: number, clock: () => number): Seldom {
  let second = Number.NEGATIVE_INFINITY
  let told = 0
  let untold = 0
  return () => {
    const now = clock()
    if (now - second >= 1_000) {
      second = now
      told = 0
    }
    if (told >= eachSecond) {
      untold++
      return undefined
    }
    told++
    const before = untold
    untold = 0
    return before
  }
}
