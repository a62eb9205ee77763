// `dockgate roles …`: who may do what, and the edits of roles.yaml that keep its comments.
import { loadPolicy, readRolesText } from '../config/load.ts'
import { addGrant, removeGrant, type Edit } from '../config/roles-edit.ts'
import { placesOf } from '../config/settings.ts'
import { permissions } from '../docker/catalog.ts'
import { nearest } from '../nearest.ts'
import type { Policy } from '../policy/policy.ts'
import { readArguments, UsageError } from './arguments.ts'
import { limitsInWords, plain } from './limit-words.ts'
import { importRoleVerb } from './roles-import.ts'
import { printMatrix } from './roles-matrix.ts'
import { listPresets } from './roles-presets.ts'
import { testRoles } from './roles-test.ts'
import { readSubject } from './subject.ts'
import type { Io, Verb } from './verb.ts'
import { writeWhole } from '../write-whole.ts'

const help = `usage: dockgate roles list [--json]
       dockgate roles permissions [--json]
       dockgate roles grant WHO ROLE [--from NETWORK]… [--until TIME]
       dockgate roles revoke WHO ROLE [--from NETWORK]… [--until TIME]
       dockgate roles presets [--json]
       dockgate roles import SOURCE [--name ROLE] [--json] -- SETTINGS…
       dockgate roles test FILE… [--roles FILE] [--json]
       dockgate roles matrix [--all] [--json | --html] [--roles FILE]

WHO is a name (the certificate's common name), or facts that must all match: unit=dev,org=Example.
With --from or --until, revoke takes back only the grant that was given with just these.
The edits keep the comments and the order of roles.yaml, and refuse to write what does not check.

examples:
  dockgate roles grant alice viewer
  dockgate roles grant unit=dev,org=Example developer
  dockgate roles grant bob operator --from 192.0.2.0/24 --until 2027-01-31T18:00:00Z
  dockgate roles revoke alice viewer
`

export const roles: Verb = {
  help,
  async run(args, io) {
    const own = ownArguments.get(args[0] ?? '')
    if (own !== undefined) return own(args.slice(1), io)
    const { values, positionals } = readArguments(
      args,
      {
        json: { type: 'boolean' },
        from: { type: 'string', multiple: true },
        until: { type: 'string' },
      },
      {
        min: 1,
        max: 3,
        usage: 'dockgate roles list|permissions|presets|import|test|matrix|grant|revoke',
      },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const [verb, who, role] = positionals
    const path = placesOf(io.env, io.cwd).rolesPath
    if (verb === 'list') return list(loadPolicy(path), values.json === true, io)
    if (verb === 'permissions') return listPermissions(values.json === true, io)
    if (verb !== 'grant' && verb !== 'revoke') {
      const near = nearest(verb ?? '', [
        'list',
        'permissions',
        'grant',
        'revoke',
        ...ownArguments.keys(),
      ])
      throw new UsageError(
        `unknown verb ${JSON.stringify(`roles ${verb}`)}`,
        near === undefined ? 'dockgate roles --help lists them' : `did you mean roles ${near}?`,
      )
    }
    if (who === undefined || role === undefined) {
      throw new UsageError(`usage: dockgate roles ${verb} WHO ROLE`)
    }
    const to = readSubject(who)
    const { from, until } = values
    const words = {
      ...(from === undefined ? {} : { from }),
      ...(until === undefined ? {} : { until }),
    }
    const text = readRolesText(path)
    if (verb === 'grant') {
      return save(path, addGrant(text, to, role, words), `${who} has ${role}`, io)
    }
    const edit = removeGrant(text, to, role, words)
    const left = removeGrant(edit.text, to, role).changed
    // "no longer has" would be a lie about somebody who still has it by another grant.
    if (left && !edit.changed) {
      throw new Error(`no grant gives ${role} to ${who} with just these conditions, others do`)
    }
    return save(
      path,
      edit,
      left ? `${who} has ${role} by fewer grants` : `${who} no longer has ${role}`,
      io,
    )
  },
}

/** Those with arguments that the others do not take. */
const ownArguments: ReadonlyMap<string, Verb['run']> = new Map([
  ['presets', listPresets],
  ['import', importRoleVerb],
  ['test', testRoles],
  ['matrix', printMatrix],
])

function save(path: string, edit: Edit, done: string, io: Io): number {
  if (edit.changed) writeWhole(path, edit.text)
  io.stdout.write(`${done}${edit.changed ? '' : ' (as before)'}\n`)
  return 0
}

function list(policy: Policy, json: boolean, io: Io): number {
  // Presets have a list of their own.
  const sources = [...policy.sources.values()].filter(({ name }) => !name.startsWith('preset:'))
  const rows = sources.map((source) => {
    const role = policy.roles.get(source.name)
    return {
      name: source.name,
      builtIn: source.line === 0,
      about: source.about ?? '',
      on: role?.on ?? source.on,
      limits: source.limits,
      hides: source.hide,
      onTrial: source.onTrial === true,
      allows: [...(role?.allows ?? [])].toSorted(),
      denies: [...(role?.denies ?? [])].toSorted(),
    }
  })
  if (json) {
    io.stdout.write(`${JSON.stringify(rows, plain, 2)}\n`)
    return 0
  }
  for (const row of rows) {
    const limits = limitsInWords(row.limits)
    const kind = row.builtIn ? 'built in' : 'roles.yaml'
    const mode = row.onTrial ? '; on trial: decides nothing' : ''
    io.stdout.write(`${row.name}  (${kind}; on ${row.on.kind}; limits ${limits}${mode})\n`)
    if (row.about !== '') io.stdout.write(`  ${row.about}\n`)
    io.stdout.write(`  allows ${shorten(row.allows)}\n`)
    if (row.denies.length > 0) io.stdout.write(`  denies ${shorten(row.denies)}\n`)
    if (row.hides.length > 0) io.stdout.write(`  hides ${row.hides.join(' ')}\n`)
  }
  return 0
}

function shorten(names: readonly string[]): string {
  return names.length === permissions.size ? 'everything' : names.join(' ')
}

function listPermissions(json: boolean, io: Io): number {
  const names = [...permissions].toSorted()
  io.stdout.write(json ? `${JSON.stringify(names)}\n` : `${names.join('\n')}\n`)
  return 0
}
