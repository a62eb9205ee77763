// `dockgate reload`: the running gateway reads its files again, now.
import { formatFault } from '../config/fault.ts'
import type { Reload } from '../gateway/state.ts'
import { readArguments } from './arguments.ts'
import { askGateway } from './ask-gateway.ts'
import type { Verb } from './verb.ts'

const usage = 'dockgate reload [--json]'
const help = `usage: ${usage}

Has the running gateway read roles.yaml, dockgate.yaml and its certificates again. It does so by itself
when they change; this tells at once what came of it. A file that cannot be used changes nothing.
Exit code 0: all files are in force; 1: at least one is not, and why.
`

export const reload: Verb = {
  help,
  async run(args, io) {
    const { values } = readArguments(args, { json: { type: 'boolean' } }, { min: 0, max: 0, usage })
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const done = await askGateway<Reload>(io, 'POST', '/reload')
    if (values.json === true) io.stdout.write(`${JSON.stringify(done, null, 2)}\n`)
    else {
      io.stdout.write(
        done.changed.length === 0
          ? 'nothing changed\n'
          : `in force now: ${done.changed.join(', ')}\n`,
      )
      for (const fault of done.faults) io.stderr.write(`${formatFault(fault)}\n`)
      if (done.needsRestart.length > 0) {
        io.stderr.write(`these count from the next start on: ${done.needsRestart.join(', ')}\n`)
      }
    }
    return done.faults.length === 0 ? 0 : 1
  },
}
