// The end of the audit, the newest record first, without reading what is older than was asked for: for
// whoever looks at the last hours of a log that has months.
import { open } from 'node:fs/promises'
import { chainPaths } from './chains.ts'
import { logFiles } from './files.ts'
import { parseLine, type Line } from './line.ts'

export interface Recent {
  /** Milliseconds since the epoch: what is older is not read. */
  readonly since: number
  /** So much is read at most. */
  readonly maxBytes: number
}

export interface RecentReading {
  /** The time of the oldest record that was seen; `since` where all was. */
  readonly backTo: number
  /** It was left at `maxBytes`, or as `see` said. */
  readonly cut: boolean
}

interface Found {
  readonly line: Line
  readonly at: number
}

/** `see` is called for each decision, and may say that it is enough. Chains are read as one. */
export async function readRecent(
  logPath: string,
  { since, maxBytes }: Recent,
  see: (line: Line, at: number) => boolean,
): Promise<RecentReading> {
  const budget = { left: maxBytes }
  const chains = chainPaths(logPath).map((path) => backwards(path, budget))
  const next: (Found | undefined)[] = []
  let backTo = Date.now()
  try {
    for (const [index, chain] of chains.entries()) next[index] = await advance(chain)
    for (;;) {
      const index = newest(next)
      const found = index === undefined ? undefined : next[index]
      const chain = index === undefined ? undefined : chains[index]
      // What another chain has not read any more may be newer than what is left of this one.
      if (budget.left < 0) return { backTo, cut: true }
      if (index === undefined || found === undefined || chain === undefined) break
      if (found.at < since) break
      backTo = found.at
      if (!see(found.line, found.at)) return { backTo, cut: true }
      next[index] = await advance(chain)
    }
  } finally {
    // Their files are open still.
    for (const chain of chains) await chain.return(undefined)
  }
  return { backTo: since, cut: false }
}

async function advance(chain: AsyncGenerator<Found>): Promise<Found | undefined> {
  const { value, done } = await chain.next()
  return done === true ? undefined : value
}

function newest(next: readonly (Found | undefined)[]): number | undefined {
  let best: number | undefined
  for (const [index, found] of next.entries()) {
    const at = best === undefined ? undefined : next[best]?.at
    if (found !== undefined && (at === undefined || found.at > at)) best = index
  }
  return best
}

const pieceBytes = 128 * 1024

/** One chain; `budget.left` falls below zero where it was not read to its beginning. */
async function* backwards(logPath: string, budget: { left: number }): AsyncGenerator<Found> {
  for (const path of logFiles(logPath).toReversed()) {
    const file = await open(path, 'r')
    try {
      let end = (await file.stat()).size
      /** The end of a line whose beginning is in the piece before. */
      let rest: Buffer = Buffer.alloc(0)
      while (end > 0) {
        if (budget.left <= 0) {
          budget.left = -1
          return
        }
        const length = Math.min(pieceBytes, end)
        const piece = Buffer.alloc(length)
        await file.read(piece, 0, length, end - length)
        end -= length
        budget.left -= length
        if (budget.left < 0) budget.left = 0
        const bytes = Buffer.concat([piece, rest])
        const first = end === 0 ? 0 : bytes.indexOf(0x0a) + 1
        // A line longer than a piece grows until its beginning is found.
        if (end > 0 && first === 0) {
          rest = bytes
          continue
        }
        rest = bytes.subarray(0, Math.max(0, first - 1))
        for (const line of linesOf(bytes.subarray(first)).toReversed()) {
          yield { line, at: Date.parse(line.time) }
        }
      }
    } finally {
      await file.close()
    }
  }
}

function linesOf(bytes: Buffer): readonly Line[] {
  const lines: Line[] = []
  for (let begin = 0; begin < bytes.length;) {
    const newline = bytes.indexOf(0x0a, begin)
    const end = newline === -1 ? bytes.length : newline
    const line = parseLine(bytes.subarray(begin, end))
    if (line?.event === 'decided') lines.push(line)
    begin = end + 1
  }
  return lines
}
