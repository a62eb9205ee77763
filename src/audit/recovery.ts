// Where the chain stands when the log is opened: what the files say, what the head says and what this
// process wrote are held against each other. The furthest of them counts: what is lost stays a gap in the
// numbers, so that no later record can hide it.
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { positionOf, readEnding, readFirst, rotatedFiles, type Ending } from './files.ts'
import { headPathOf, readHead } from './head.ts'
import { origin, type Position } from './line.ts'

/** One thing that was found, as it goes on record. Only `torn` is nobody's doing. */
export type Trouble =
  | { readonly found: 'torn'; readonly bytes: number; readonly text: string }
  | { readonly found: 'missing' | 'appended'; readonly from: number; readonly to: number }
  | { readonly found: 'changed'; readonly record: number }
  | { readonly found: 'unreadable' | 'no-head' }

export interface Standing {
  readonly last: Position
  readonly how: 'new' | 'after-close' | 'after-crash'
  readonly wholeBytes: number
  readonly tornBytes: number
  /** Day of the first record of the file at the path. */
  readonly day: string | undefined
  /** Name of the file before this one. */
  readonly previous: string | undefined
  readonly troubles: readonly Trouble[]
}

const nothing: Ending = { wholeBytes: 0, torn: Buffer.alloc(0), last: undefined }
const longestTorn = 2_000

/** `touched`: the file is not as this process left it a moment ago. */
export function examine(path: string, known: Position | undefined, touched: boolean): Standing {
  const current = existsSync(path) ? readEnding(path) : nothing
  const before = rotatedFiles(path).at(-1)?.path
  const ending = current.last === undefined && before !== undefined ? readEnding(before) : current
  const head = readHead(headPathOf(path))
  const onDisk = positionOf(ending)
  // What this process wrote it knows; a head that says otherwise is not its own.
  const expected = known ?? (typeof head === 'object' ? head : undefined)

  const troubles: Trouble[] = []
  if (current.torn.length > 0) {
    const text = current.torn.subarray(0, longestTorn).toString('latin1')
    troubles.push({ found: 'torn', bytes: current.torn.length, text })
  }
  const unreadable = ending.last !== undefined && onDisk === undefined
  if (unreadable) troubles.push({ found: 'unreadable' })
  if (ending.last !== undefined && typeof head !== 'object') troubles.push({ found: 'no-head' })
  if (expected !== undefined && !unreadable) {
    // Killed between records and their head, the log is ahead: by one, or as far as was foretold.
    const foretold = typeof head === 'object' && !touched ? head.foretold : undefined
    const ahead = Math.max(expected.seq + (touched ? 0 : 1), foretold?.seq ?? 0)
    const seq = onDisk?.seq ?? 0
    if (seq > ahead) troubles.push({ found: 'appended', from: expected.seq + 1, to: seq })
    if (seq < expected.seq) troubles.push({ found: 'missing', from: seq + 1, to: expected.seq })
    for (const said of [expected, foretold]) {
      if (seq === said?.seq && onDisk?.hash !== said.hash) {
        troubles.push({ found: 'changed', record: seq })
        break
      }
    }
  }
  const last = furthest(expected, onDisk) ?? origin
  const closed = ending.last?.line?.fields['why'] === 'closed'
  return {
    last,
    how: last.seq === 0 ? 'new' : closed ? 'after-close' : 'after-crash',
    wholeBytes: current.wholeBytes,
    tornBytes: current.torn.length,
    day: current.wholeBytes === 0 ? undefined : readFirst(path)?.time.slice(0, 10),
    previous: before === undefined ? undefined : basename(before),
    troubles,
  }
}

/** Of two at the same place the first: what was believed before goes before what is found. */
function furthest(a: Position | undefined, b: Position | undefined): Position | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return b.seq > a.seq ? b : a
}
