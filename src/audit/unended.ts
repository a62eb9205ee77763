// What a process that died had let go on and never told the end of: whoever takes up its chain tells it.
import { logFiles, readEnding, readTail } from './files.ts'
import { parseLine } from './line.ts'
import type { Ended } from './record.ts'

/** A request that went on. */
export interface Begun {
  readonly id: string
  readonly who: string
  readonly operation: string
  /** Milliseconds since the epoch. */
  readonly since: number
}

/** Of the last file and of the one before: requests are short, and streams are known by other ways. */
const tailBytes = 8 * 1024 * 1024

/** `streams`: what is known to have been under way, however long ago it began. */
export function endsOfTheDead(logPath: string, streams: readonly Begun[]): readonly Ended[] {
  const files = logFiles(logPath)
  const last = files.at(-1)
  if (last === undefined || isClosed(last)) return []
  const streamIds = new Set(streams.map(({ id }) => id))
  const open = new Map(streams.map((stream) => [stream.id, stream]))
  let until = 0
  for (const line of files.slice(-2).flatMap((path) => readTail(path, tailBytes))) {
    const read = parseLine(line)
    if (read === undefined) continue
    const { event, fields } = read
    const { id, who, operation, decision } = fields
    until = Date.parse(read.time)
    // What was before it has been told, but for the streams of this one.
    if (event === 'opened')
      for (const begun of open.keys()) if (!streamIds.has(begun)) open.delete(begun)
    if (typeof id !== 'string' || typeof who !== 'string' || typeof operation !== 'string') continue
    if (event === 'decided' && decision === 'allow')
      open.set(id, { id, who, operation, since: until })
    else if (event === 'decided' || event === 'ended') open.delete(id)
  }
  return [...open.values()].map(({ id, who, operation, since }) => ({
    id,
    who,
    operation,
    status: 0,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: Math.max(0, until - since),
    how: 'ended' as const,
    why: 'the process that served it died',
  }))
}

function isClosed(path: string): boolean {
  return readEnding(path).last?.line?.fields['why'] === 'closed'
}
