// `dockgate roles import`: the settings of another filter as a role, and what they say that it does not.
import { nearest } from '../nearest.ts'
import { importRole, sources, type Source } from '../policy/import-role.ts'
import { readArguments, UsageError } from './arguments.ts'
import type { Io } from './verb.ts'

const usage = 'dockgate roles import SOURCE [--name ROLE] [--json] -- SETTINGS…'
const help = `usage: ${usage}

Prints a role for roles.yaml that allows what another filter's settings allow, and says what of them it
does not carry over. The role has the safe limits, which no other filter has: what it creates is judged.
What a permission would allow beyond the settings is left out, never rounded up.

SOURCE is one of
  tecnativa          Tecnativa/docker-socket-proxy and its kin: environment variables
  docker-proxy-acl   its -a options
  wollomatic         wollomatic/socket-proxy: its -allowGET=…, -allowPOST=… options

Exit code 0: all was carried over; 1: something was not.

examples:
  dockgate roles import tecnativa --name traefik -- CONTAINERS=1 POST=0
  dockgate roles import docker-proxy-acl -- -a containers -a info
  dockgate roles import wollomatic -- '-allowGET=/v1\\..{1,2}/(version|containers/.*|events.*)'
`

export async function importRoleVerb(args: string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    { name: { type: 'string' }, json: { type: 'boolean' } },
    { min: 2, max: 200, usage },
  )
  if (values.help === true) {
    io.stdout.write(help)
    return 0
  }
  const [word = '', ...settings] = positionals
  const source = sources.find((one) => one === word)
  if (source === undefined) throw unknownSource(word)
  const name = values.name ?? 'imported'
  if (!/^[a-z][a-z0-9-]{0,62}$/i.test(name)) {
    throw new UsageError(`--name takes letters, digits and dashes, not ${JSON.stringify(name)}`)
  }
  const { allow, notCarried } = importRole(source, settings)
  const yaml = [
    'roles:',
    `  ${name}:`,
    `    allow: [${allow.join(', ')}]`,
    '    on: all # own and team would confine it to things with an owner',
    '',
  ].join('\n')
  if (values.json === true) {
    const said: { source: Source; name: string } = { source, name }
    io.stdout.write(`${JSON.stringify({ ...said, allow, notCarried, yaml }, null, 2)}\n`)
  } else {
    io.stdout.write(yaml)
    for (const line of notCarried) io.stderr.write(`not carried over: ${line}\n`)
  }
  return notCarried.length === 0 ? 0 : 1
}

function unknownSource(word: string): UsageError {
  const near = nearest(word, sources)
  const hint = near === undefined ? `one of ${sources.join(', ')}` : `did you mean ${near}?`
  return new UsageError(`unknown source ${JSON.stringify(word)}`, hint)
}
