// `dockgate end`: ends what is under way in the running gateway.
import type { SessionRow } from '../gateway/operate.ts'
import { readArguments, UsageError } from './arguments.ts'
import { askGateway } from './ask-gateway.ts'
import { tableOf } from './sessions.ts'
import type { Verb } from './verb.ts'

const usage = 'dockgate end ID | --who NAME [--reason WORDS] [--json]'
const help = `usage: ${usage}

Ends one session by its id, or all that NAME has under way. The engine's side is cut as well; a process
in a container goes on. Who may go on may also begin again: take the grant or the certificate away for
that ("dockgate roles revoke", "dockgate ca revoke"), which ends what is under way by itself.

  --reason WORDS   one line for the audit, and for the client where its stream has room

examples:
  dockgate end 01M85QTZ4ENJW6S8YRTAG4FGGG --reason "maintenance at noon"
  dockgate end --who alice
`

export const end: Verb = {
  name: 'end',
  summary: 'end a session, or all sessions of somebody',
  help,
  async run(args, io) {
    const { values, positionals } = readArguments(
      args,
      { who: { type: 'string' }, reason: { type: 'string' }, json: { type: 'boolean' } },
      { min: 0, max: 1, usage },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const [id] = positionals
    const { who, reason } = values
    if ((id === undefined) === (who === undefined)) {
      throw new UsageError('say which: an ID, or --who NAME', `usage: ${usage}`)
    }
    const ended = await askGateway<readonly SessionRow[]>(io, 'POST', '/end', {
      ...(id === undefined ? { who } : { id: id.toUpperCase() }),
      ...(reason === undefined ? {} : { why: reason }),
    })
    if (values.json === true) io.stdout.write(`${JSON.stringify(ended, null, 2)}\n`)
    else if (ended.length > 0) io.stdout.write(tableOf(ended, io.now().getTime()))
    if (ended.length > 0) return 0
    io.stderr.write(
      `dockgate: ${id === undefined ? `${who} has nothing under way` : `no session has the id ${id}`}\n`,
    )
    return 1
  },
}
