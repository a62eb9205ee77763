// The chains of one audit: where several processes serve, each writes its own, beside that of the
// process that holds the files: `audit.log`, `audit.w1.log`, `audit.w2.log`.
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createReader, type FollowedLine } from './follow.ts'
import { logFiles } from './files.ts'
import { parseLine } from './line.ts'

/** The log of the process in this place, beside the log at `logPath`. */
export function chainPath(logPath: string, slot: number): string {
  return logPath.replace(/\.log$/, `.w${slot}.log`)
}

/** `audit.w2`, by which the main chain tells of it. */
export function chainName(chain: string): string {
  return basename(chain).replace(/\.log$/, '')
}

/** The log itself, then those of the places for which there is any file. */
export function chainPaths(logPath: string): readonly string[] {
  const stem = chainName(logPath)
  const slots = new Set<number>()
  const folder = dirname(logPath)
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const match = /^(.*)\.w([1-9]\d?)(?:-[\d-]+)?\.(?:log|head)$/.exec(name)
    if (match?.[1] === stem) slots.add(Number(match[2]))
  }
  return [
    logPath,
    ...[...slots].toSorted((a, b) => a - b).map((slot) => join(folder, `${stem}.w${slot}.log`)),
  ]
}

/** Every file of every chain. */
export function chainFiles(logPath: string): readonly string[] {
  return chainPaths(logPath).flatMap(logFiles)
}

/**
 * As `createReader`, of all chains: each time what has come since, in the order of time as far as the
 * chains themselves are in it.
 */
export function createChainsReader(logPath: string): () => AsyncGenerator<FollowedLine> {
  const readers = new Map<string, () => AsyncGenerator<FollowedLine>>()
  return async function* read() {
    const next = new Map<AsyncGenerator<FollowedLine>, { found: FollowedLine; time: string }>()
    const advance = async (lines: AsyncGenerator<FollowedLine>): Promise<void> => {
      const { value, done } = await lines.next()
      if (done === true) next.delete(lines)
      // What cannot be read stands where it stood.
      else next.set(lines, { found: value, time: parseLine(value.line.bytes)?.time ?? '' })
    }
    const paths = chainPaths(logPath)
    for (const chain of paths) {
      const reader = readers.get(chain) ?? createReader(chain)
      readers.set(chain, reader)
      if (paths.length === 1) {
        yield* reader()
        return
      }
      await advance(reader())
    }
    while (next.size > 0) {
      const [first, ...others] = next
      const earliest = others.reduce((a, b) => (b[1].time < a[1].time ? b : a), first as never)
      const [lines, { found }] = earliest as [AsyncGenerator<FollowedLine>, { found: FollowedLine }]
      yield found
      await advance(lines)
    }
  }
}
