// Certificates of hours and minutes would make the index grow by thousands of rows a month, and every
// change of the store reads and writes all of it. So rows that ended and that nothing asks for any
// more move to `ended.jsonl`, a line each, where `ca list --all` still finds them.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { parseIssued } from './store-index.ts'
import type { Issued, StoreIndex } from './store-index.ts'

const file = 'ended.jsonl'
// For whoever looks into why somebody's access ended a while ago.
const keptMs = 24 * 3_600_000

export interface Retirement {
  readonly kept: readonly Issued[]
  readonly retired: readonly Issued[]
}

/** Only what came over the network; the last row of a name stays, for the name belongs to it. */
export function retire({ issued, crl }: Pick<StoreIndex, 'issued' | 'crl'>, now: Date): Retirement {
  const last = new Map(issued.map((row) => [`${row.kind} ${row.name}`, row]))
  const isOver = (row: Issued): boolean => {
    const end = Date.parse(row.notAfter)
    const isByNetwork = row.by !== undefined || row.kind === 'endpoint'
    const isListed = row.revoked === undefined || end < Date.parse(crl.thisUpdate)
    const isLast = last.get(`${row.kind} ${row.name}`) === row
    return isByNetwork && !isLast && isListed && end + keptMs < now.getTime()
  }
  const retired = issued.filter(isOver)
  return { kept: retired.length === 0 ? issued : issued.filter((row) => !isOver(row)), retired }
}

/**
 * INVARIANT: before the commit that takes the rows from the index, inside its lock. After a crash
 * between the two a row stands in both, and readers take it once.
 */
export function writeRetired(folder: string, rows: readonly Issued[]): void {
  if (rows.length === 0) return
  const path = join(folder, file)
  const descriptor = openSync(path, 'a', 0o600)
  try {
    // The newline first: what a crash cut short must not run into what comes now.
    const bytes = Buffer.from(rows.map((row) => `\n${JSON.stringify(row)}`).join(''))
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** A line that a crash cut short stands in the index still, and one may stand here twice. */
export function readRetired(folder: string): Issued[] {
  const path = join(folder, file)
  if (!existsSync(path)) return []
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => parseIssued(line) ?? [])
  return [...new Map(rows.map((row) => [row.serial, row])).values()]
}
