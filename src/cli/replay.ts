// `dockgate replay`: what would have been decided otherwise had another roles.yaml been in force.
import { resolve } from 'node:path'
import { loadPolicy } from '../config/load.ts'
import { momentOf } from '../config/role-text.ts'
import { openToAll } from '../policy/authorize.ts'
import type { Policy } from '../policy/policy.ts'
import { judgeSeen, type Seen } from '../policy/replay.ts'
import { harmless } from '../audit/line.ts'
import { readArguments, UsageError } from './arguments.ts'
import { readSeenRequests } from './seen-requests.ts'
import type { Verb } from './verb.ts'
import { readWhen } from './when.ts'

const usage =
  'dockgate replay --roles FILE [--who NAME] [--since WHEN] [--until WHEN] [--json] [FILES]'
const help = `usage: ${usage}

Judges the requests of the audit once more by the roles and grants of FILE, and tells which would have been
decided otherwise: refused where they were allowed, allowed where they were refused. Where the record does
not hold what that depends on, it says so and guesses nothing.

How much somebody has at once (containers, memory in all) is not counted, links in host paths are not
followed, and grants by serial number fit nobody.

Exit code 0: nothing would change; 1: something would, or it cannot be told.

examples:
  dockgate replay --roles candidate.yaml --since 7d
  dockgate replay --roles candidate.yaml --who traefik --json
`

type Change = 'denied' | 'allowed' | 'unknown'

interface Row {
  readonly change: Change
  readonly who: string
  readonly operation: string
  readonly count: number
  readonly last: string
  readonly why: string
  /** The last of them. */
  readonly example: { readonly id: string; readonly intent: string }
}

export const replay: Verb = {
  help,
  async run(args, io) {
    const word = { type: 'string' } as const
    const { values, positionals: files } = readArguments(
      args,
      { roles: word, who: word, since: word, until: word, json: { type: 'boolean' } },
      { min: 0, max: Infinity, usage },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    if (values.roles === undefined) throw new UsageError(`usage: ${usage}`)
    const policy = loadPolicy(resolve(io.cwd, values.roles))
    const now = io.now().getTime()
    const { seen, unreadable } = await readSeenRequests(io, {
      who: values.who,
      since: readWhen(values.since, 'since', now),
      until: readWhen(values.until, 'until', now),
      files,
    })
    // What was refused for its form would be refused by any roles.
    const judged = seen.filter(
      ({ decision, operation }) => decision !== 'refuse' && !openToAll.has(operation),
    )
    const rows = changesOf(policy, judged)
    if (values.json === true) {
      const report = { requests: judged.length, unreadable, changes: rows }
      io.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
    } else {
      for (const row of rows) io.stdout.write(inWords(row))
      if (unreadable > 0) io.stderr.write(`dockgate: ${unreadable} lines cannot be read\nhint: dockgate audit verify\n`) // prettier-ignore
      io.stdout.write(`${judged.length} requests: ${summary(rows)}\n`)
    }
    return rows.length === 0 && unreadable === 0 ? 0 : 1
  },
}

function changesOf(policy: Policy, seen: readonly Seen[]): readonly Row[] {
  const rows = new Map<string, Row>()
  for (const one of seen) {
    const verdict = judgeSeen(policy, one)
    if (verdict.answer === one.decision) continue
    const change: Change =
      verdict.answer === 'unknown' ? 'unknown' : verdict.answer === 'deny' ? 'denied' : 'allowed'
    const why = 'why' in verdict ? verdict.why : `role "${verdict.role}" allows it`
    const who = one.principal.name
    const key = [change, who, one.operation, why].join('\n')
    rows.set(key, {
      change,
      who,
      operation: one.operation,
      count: (rows.get(key)?.count ?? 0) + 1,
      last: new Date(one.timeMs).toISOString(),
      why,
      example: { id: one.id, intent: one.intent },
    })
  }
  const order: readonly Change[] = ['denied', 'allowed', 'unknown']
  return [...rows.values()].toSorted(
    (one, other) => order.indexOf(one.change) - order.indexOf(other.change),
  )
}

const words: Readonly<Record<Change, string>> = {
  denied: 'WOULD BE DENIED',
  allowed: 'WOULD BE ALLOWED',
  unknown: 'cannot be told',
}

function inWords({ change, who, operation, count, last, why, example }: Row): string {
  const when = momentOf(Date.parse(last))
  const times = count === 1 ? 'once' : `${count} times, last`
  const text = [
    `${words[change]}  ${who}  ${operation}  (${times} ${when})`,
    `  ${why}`,
    `  as in ${example.id}: ${example.intent}`,
  ].join('\n')
  return `${text.split('\n').map(harmless).join('\n')}\n`
}

function summary(rows: readonly Row[]): string {
  const count = (change: Change): number =>
    rows.reduce((sum, row) => sum + (row.change === change ? row.count : 0), 0)
  return rows.length === 0
    ? 'nothing would change'
    : `${count('denied')} would be denied, ${count('allowed')} would be allowed, ${count('unknown')} cannot be told`
}
