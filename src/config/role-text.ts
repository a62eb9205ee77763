// Roles that were learned, as the text of a roles.yaml: what each permission was used for is said beside it.
import { Document, isMap, isSeq } from 'yaml'
import type { LearnedRole } from '../policy/learn.ts'

export interface NamedRole extends LearnedRole {
  readonly name: string
}

/** `notes` come first, as comments. */
export function writeRoles(
  who: string,
  roles: readonly NamedRole[],
  notes: readonly string[],
): string {
  return [
    ...notes.map((note) => `# ${note}`),
    'roles:',
    ...roles.flatMap(linesOf),
    'grants:',
    `  - to: ${flow({ name: who })}`,
    `    roles: ${flow(roles.map(({ name }) => name))}`,
    '',
  ].join('\n')
}

function linesOf({ name, allow, on, limits }: NamedRole): readonly string[] {
  const width = Math.max(...allow.map(({ permission }) => permission.length))
  const limited = Object.entries(limits)
  return [
    `  ${name}:`,
    '    allow:',
    ...allow.map(({ permission, count, lastMs }) => {
      const times = count === 1 ? 'once' : `${count} times`
      return `      - ${permission.padEnd(width)} # ${times}, last ${momentOf(lastMs)}`
    }),
    `    on: ${on}`,
    ...(limited.length === 0 ? [] : ['    limits:']),
    ...limited.map(([limit, value]) => `      ${limit}: ${flow(amountOf(limit, value))}`),
  ]
}

/** `2026-11-27 05:40Z` */
export function momentOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ') + 'Z'
}

function amountOf(limit: string, value: unknown): unknown {
  if (typeof value !== 'number' || !['memory', 'shm'].includes(limit)) return value
  return value % (1 << 20) === 0 ? `${value / (1 << 20)}MiB` : value
}

/** On one line, quoted where a flow needs it. */
export function flow(value: unknown): string {
  const document = new Document(value)
  const { contents } = document
  if (isMap(contents) || isSeq(contents)) contents.flow = true
  return document
    .toString({
      lineWidth: 0,
      flowCollectionPadding: isMap(contents),
      // A text with a line break in it stays on its line.
      singleQuote: false,
      doubleQuotedAsJSON: true,
    })
    .trimEnd()
}
