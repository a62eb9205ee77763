// `dockgate ca list`: who has what, until when, and what was taken back.
import { listIssued } from '../ca/list-issued.ts'
import { readArguments } from './arguments.ts'
import { common, folderOf, until, word, type CaVerb } from './ca-verb.ts'
import { readSpan } from './span.ts'

const usage = 'dockgate ca list [--expiring 14d]'

export const list: CaVerb = {
  name: 'list',
  summary: 'who has what, until when, and what was revoked',
  help: `usage: ${usage}

  --expiring 14d            only what is good now and will not be in 14 days (or 12h)
  --json                    every fact of every certificate

examples:
  dockgate ca list
  dockgate ca list --expiring 14d
  dockgate ca list --json
`,
  async run(args, io) {
    const options = { ...common, expiring: word }
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) return 'help'
    const rows = listIssued(folderOf(io), io.now(), readSpan(values.expiring, 'expiring'))
    const table = rows.map((row) => [
      row.name,
      row.kind,
      row.serial,
      until(row.notAfter),
      row.revoked === undefined
        ? row.status
        : `revoked ${until(row.revoked.at)} (${row.revoked.reason})`,
    ])
    return {
      json: values.json === true,
      value: rows,
      lines: columns([['NAME', 'KIND', 'SERIAL', 'UNTIL', 'STATUS'], ...table]),
    }
  },
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
