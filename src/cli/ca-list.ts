// `dockgate ca list`: who has what, until when, and what was taken back.
import { listIssued } from '../ca/list-issued.ts'
import { readArguments } from './arguments.ts'
import { loadSettings } from '../config/load.ts'
import { common, flag, folderOf, given, until, word, type CaVerb } from './ca-verb.ts'
import { lastSeen } from './last-seen.ts'
import { readSpan } from './span.ts'
import type { Io } from './verb.ts'

const usage = 'dockgate ca list [--expiring 14d] [--seen] [--all]'

export const list: CaVerb = {
  name: 'list',
  summary: 'who has what, until when, and what was revoked',
  help: `usage: ${usage}

  --expiring 14d            only what is good now and will not be in 14 days (or 12h)
  --seen                    when each was last let in or refused, as the audit here knows
  --all                     also what clients got over the network and ended more than a day ago
  --json                    every fact of every certificate

examples:
  dockgate ca list
  dockgate ca list --expiring 14d --seen
  dockgate ca list --json
`,
  async run(args, io) {
    const options = { ...common, expiring: word, seen: flag, all: flag }
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) return 'help'
    const issued = listIssued(folderOf(io), io.now(), {
      ...given('expiringWithinMs', readSpan(values.expiring, 'expiring')),
      all: values.all === true,
    })
    const times = values.seen === true ? await lastSeen(auditPathOf(io)) : undefined
    const rows = issued.map((row) =>
      times === undefined ? row : { ...row, seen: times.get(row.fingerprint) ?? null },
    )
    const table = rows.map((row) => [
      row.name,
      row.by === undefined ? row.kind : `${row.kind} (${row.by})`,
      row.serial,
      until(row.notAfter),
      ...('seen' in row ? [row.seen === null ? 'never' : until(row.seen)] : []),
      row.revoked === undefined
        ? row.status
        : `revoked ${until(row.revoked.at)} (${row.revoked.reason})`,
    ])
    const seen = times === undefined ? [] : ['SEEN']
    return {
      json: values.json === true,
      value: rows,
      lines: columns([['NAME', 'KIND', 'SERIAL', 'UNTIL', ...seen, 'STATUS'], ...table]),
    }
  },
}

function auditPathOf(io: Io): string {
  return loadSettings(io.env, io.cwd).audit.path
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) => {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    return cells.join('  ').trimEnd()
  })
}
