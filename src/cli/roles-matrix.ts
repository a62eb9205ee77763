// `dockgate roles matrix`: who may do what, as a table, as JSON, or as a page of its own.
import { resolve } from 'node:path'
import { compileRoles, readRolesText } from '../config/load.ts'
import { parseRoles } from '../config/roles-file.ts'
import { placesOf } from '../config/settings.ts'
import { resourceOf } from '../policy/permission.ts'
import { matrixOf, type Cell, type Matrix } from '../policy/matrix.ts'
import { readArguments, UsageError } from './arguments.ts'
import { grantWords } from './grant-words.ts'
import { limitsInWords, plain } from './limit-words.ts'
import { matrixPage } from './matrix-page.ts'
import type { Io } from './verb.ts'

const usage = 'dockgate roles matrix [--all] [--json | --html] [--roles FILE]'
const help = `usage: ${usage}

Prints who may do what: the roles of roles.yaml and those that somebody has, beside each other, each
permission a row that says how far the role reaches with it. "deny" takes it from whoever has the role.

  --all    the built-in roles too
  --html   one page that needs nothing else: for reading, for printing, with a filter
  --roles  another file than roles.yaml

examples:
  dockgate roles matrix
  dockgate roles matrix --all --html > matrix.html
`

export async function printMatrix(args: string[], io: Io): Promise<number> {
  const flag = { type: 'boolean' } as const
  const { values } = readArguments(
    args,
    { all: flag, json: flag, html: flag, roles: { type: 'string' } },
    { min: 0, max: 0, usage },
  )
  if (values.help === true) {
    io.stdout.write(help)
    return 0
  }
  if (values.json === true && values.html === true) throw new UsageError(`usage: ${usage}`)
  const path =
    values.roles === undefined ? placesOf(io.env, io.cwd).rolesPath : resolve(io.cwd, values.roles)
  const text = readRolesText(path)
  const policy = compileRoles(text)
  const read = parseRoles(text, 'roles.yaml')
  const grants = 'file' in read ? read.file.grants : []
  const matrix = matrixOf(policy, grants, values.all === true)
  if (values.json === true) io.stdout.write(`${JSON.stringify(jsonOf(matrix), plain, 2)}\n`)
  else if (values.html === true)
    io.stdout.write(matrixPage(matrix, { now: io.now(), digest: policy.digest })) // prettier-ignore
  else io.stdout.write(inWords(matrix))
  return 0
}

function jsonOf({ roles, rows, open, grants }: Matrix): object {
  return {
    roles,
    everybody: open,
    permissions: rows.map(({ permission, calls, changes, cells }) => ({
      permission,
      calls,
      changes,
      roles: Object.fromEntries(
        cells.flatMap((cell, index) => (cell === 'none' ? [] : [[roles[index]?.name ?? '', cell]])),
      ),
    })),
    grants: grants.map((grant) => ({ ...grantWords(grant), line: grant.line })),
  }
}

const marks: Readonly<Record<Cell, string>> = {
  own: 'own',
  team: 'team',
  all: 'all',
  label: 'label',
  deny: 'DENY',
  none: '.',
}

function inWords({ roles, rows, grants }: Matrix): string {
  const width = Math.max(...rows.map(({ permission }) => permission.length))
  const columns = roles.map(({ name }) => Math.max(name.length, 5))
  const line = (first: string, cells: readonly string[]): string =>
    [first.padEnd(width), ...cells.map((cell, index) => cell.padEnd(columns[index] ?? 0))]
      .join('  ')
      .trimEnd()
  const lines = [line('', roles.map(({ name }) => name))] // prettier-ignore
  let resource = ''
  for (const { permission, cells } of rows) {
    if (cells.every((cell) => cell === 'none')) continue
    if (resourceOf(permission) !== resource) lines.push('')
    resource = resourceOf(permission)
    lines.push(line(permission, cells.map((cell) => marks[cell]))) // prettier-ignore
  }
  lines.push('')
  for (const { name, limits, hides, onTrial } of roles) {
    const hidden = hides.length === 0 ? '' : `; hides ${hides.join(' ')}`
    const trial = onTrial ? '; on trial: decides nothing' : ''
    lines.push(`${name}: limits ${limitsInWords(limits)}${hidden}${trial}`)
  }
  lines.push('')
  for (const grant of grants) {
    const { to, roles: given, from, until } = grantWords(grant)
    const place = from === undefined ? '' : `, from ${from.join(', ')}`
    lines.push(`${to}: ${given.join(', ')}${place}${until === undefined ? '' : `, until ${until}`}`)
  }
  if (grants.length === 0) lines.push('nobody has a role')
  return `${lines.join('\n')}\n`
}
