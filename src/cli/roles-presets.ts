// `dockgate roles presets`: ready-made roles for well-known clients, with what each allows.
import { permissions } from '../docker/catalog.ts'
import { expand } from '../policy/permission.ts'
import { presets } from '../policy/presets.ts'
import { readArguments } from './arguments.ts'
import type { Io } from './verb.ts'

const usage = 'dockgate roles presets [--json]'
const help = `usage: ${usage}

Ready-made roles for well-known clients: what each calls, and no more. Grant one as it is, or include it
in a role of your own, which then says itself what it reaches ("on") and its limits.

examples:
  dockgate roles grant traefik preset:traefik
  roles: {ci: {includes: [preset:compose], on: team}}
`

export async function listPresets(args: string[], io: Io): Promise<number> {
  const { values } = readArguments(args, { json: { type: 'boolean' } }, { min: 0, max: 0, usage })
  if (values.help === true) {
    io.stdout.write(help)
    return 0
  }
  const rows = presets.map(({ name, about = '', on, allow }) => ({
    name,
    about,
    on: on.kind,
    limits: 'safe',
    allows: [...expand(allow, permissions)].toSorted(),
  }))
  if (values.json === true) io.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
  else {
    for (const { name, about, on, allows } of rows) {
      io.stdout.write(`${name}  (on ${on})  ${about}\n  ${allows.join(' ')}\n`)
    }
  }
  return 0
}
