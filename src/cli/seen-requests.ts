// The audit as requests that can be judged again, oldest first.
import { resolve } from 'node:path'
import { chainFiles } from '../audit/chains.ts'
import { parseLine, type Line } from '../audit/line.ts'
import { readLines } from '../audit/lines.ts'
import { loadSettings } from '../config/load.ts'
import { principalOfRecord } from '../identity/facts.ts'
import type { Principal } from '../identity/principal.ts'
import type { Seen } from '../policy/replay.ts'
import type { Io } from './verb.ts'

export interface SeenRequests {
  readonly seen: readonly Seen[]
  /** Lines that nobody of ours wrote so. */
  readonly unreadable: number
}

export interface SeenWanted {
  readonly who: string | undefined
  readonly since: number | undefined
  readonly until: number | undefined
  /** Instead of the log itself. */
  readonly files: readonly string[]
}

export async function readSeenRequests(io: Io, wanted: SeenWanted): Promise<SeenRequests> {
  const files =
    wanted.files.length > 0
      ? wanted.files.map((file) => resolve(io.cwd, file))
      : chainFiles(loadSettings(io.env, io.cwd).audit.path)
  const seen: Seen[] = []
  const made = new Map<string, Set<string>>()
  const people = new Map<string, Principal>()
  let unreadable = 0
  for (const file of files) {
    for await (const { bytes, whole } of readLines(file)) {
      const line = whole ? parseLine(bytes) : undefined
      if (line === undefined) {
        if (whole) unreadable += 1
        continue
      }
      if (wanted.who !== undefined && line.fields['who'] !== wanted.who) continue
      if (line.event === 'ended') keepMade(line, made)
      if (line.event !== 'decided') continue
      const timeMs = Date.parse(line.time)
      if (wanted.since !== undefined && !(timeMs >= wanted.since)) continue
      if (wanted.until !== undefined && !(timeMs < wanted.until)) continue
      seen.push(seenIn(line, timeMs, people))
    }
  }
  // Each process that serves writes a file of its own.
  const ordered = seen.toSorted((one, other) => one.timeMs - other.timeMs)
  return { seen: ordered.map((one) => withMade(one, made)), unreadable }
}

/** What they made themselves is theirs, also where no label says so yet. */
function withMade(seen: Seen, made: ReadonlyMap<string, ReadonlySet<string>>): Seen {
  const theirs = made.get(seen.principal.name)
  const { beyond } = seen
  if (theirs === undefined || beyond.length === 0 || !beyond.every((one) => theirs.has(one))) {
    return seen
  }
  return { ...seen, reach: 'own', beyond: [] }
}

function keepMade({ fields }: Line, made: Map<string, Set<string>>): void {
  const { who, made: things } = fields
  if (!Array.isArray(things)) return
  const found = made.get(String(who)) ?? new Set<string>()
  for (const thing of things) if (typeof thing === 'string') found.add(thing)
  made.set(String(who), found)
}

function seenIn({ fields }: Line, timeMs: number, people: Map<string, Principal>): Seen {
  const text = (name: string): string => {
    const value = fields[name]
    return typeof value === 'string' ? value : ''
  }
  const key = `${text('who')} ${text('fingerprint')} ${JSON.stringify(fields['facts'])}`
  const principal =
    people.get(key) ?? principalOfRecord(text('who'), text('fingerprint'), fields['facts'])
  people.set(key, principal)
  const { reach, beyond } = fields
  const decision = text('decision')
  return {
    id: text('id'),
    timeMs,
    principal,
    address: text('address'),
    operation: text('operation'),
    intent: text('intent'),
    method: text('method'),
    target: text('target'),
    decision: decision === 'allow' || decision === 'deny' ? decision : 'refuse',
    role: text('role') || undefined,
    detail: text('detail') || text('reason'),
    needs: fields['needs'],
    reach: reach === 'own' || reach === 'team' || reach === 'all' ? reach : undefined,
    beyond: Array.isArray(beyond) ? beyond.filter((one) => typeof one === 'string') : [],
  }
}
