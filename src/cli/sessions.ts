// `dockgate sessions`: what is under way in the running gateway.
import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionRow } from '../gateway/operate.ts'
import { size, span, table } from './amounts.ts'
import { readArguments } from './arguments.ts'
import { askGateway } from './ask-gateway.ts'
import type { Io, Verb } from './verb.ts'

const usage = 'dockgate sessions [--who NAME] [--watch] [--json]'
const help = `usage: ${usage}

Lists what is under way in the running gateway: who, which operation on what, since when, how much went
each way, from where. "dockgate end ID" ends one.

  --who NAME   only what this person does
  --watch      again every second, until Ctrl-C; with --json one line each time
  --json       as JSON, with serial number, fingerprint and role

examples:
  dockgate sessions
  dockgate sessions --who alice --json
`

const everyMs = 1_000

export const sessions: Verb = {
  help,
  async run(args, io) {
    const { values } = readArguments(
      args,
      { who: { type: 'string' }, watch: { type: 'boolean' }, json: { type: 'boolean' } },
      { min: 0, max: 0, usage },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    for (;;) {
      const all = await askGateway<readonly SessionRow[]>(io, 'GET', '/sessions')
      const rows = all.filter(({ who }) => values.who === undefined || who === values.who)
      show(rows, { watch: values.watch === true, json: values.json === true }, io)
      if (values.watch !== true) return 0
      await sleep(everyMs)
    }
  },
}

function show(
  rows: readonly SessionRow[],
  { watch, json }: { readonly watch: boolean; readonly json: boolean },
  io: Io,
): void {
  if (json) {
    io.stdout.write(`${JSON.stringify(rows, null, watch ? 0 : 2)}\n`)
    return
  }
  const isTerminal = 'isTTY' in io.stdout && io.stdout.isTTY === true
  if (watch && isTerminal) io.stdout.write('\u001b[H\u001b[2J')
  io.stdout.write(rows.length === 0 ? 'nothing is under way\n' : tableOf(rows, io.now().getTime()))
}

const temporary = '* given for a while; "dockgate status" shows by whom and why\n'

export function tableOf(rows: readonly SessionRow[], now: number): string {
  const head = ['ID', 'WHO', 'OPERATION', 'ROLE', 'ON', 'FOR', 'IN', 'OUT', 'FROM']
  const cells = rows.map((row) => [
    row.id,
    row.who,
    row.operation,
    row.grant === null ? row.role : `${row.role}*`,
    row.on ?? (row.target.length > 40 ? `${row.target.slice(0, 39)}…` : row.target),
    span(now - row.since),
    size(row.bytesIn),
    size(row.bytesOut),
    row.address,
  ])
  const note = rows.some(({ grant }) => grant !== null) ? temporary : ''
  return table([head, ...cells]) + note
}
