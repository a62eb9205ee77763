// `dockgate learn`: what a certificate was seen to do, as the smallest roles that would have let it.
import { harmless } from '../audit/line.ts'
import { writeRoles, type NamedRole } from '../config/role-text.ts'
import { parseRoles } from '../config/roles-file.ts'
import { builtinRoles } from '../policy/builtin-roles.ts'
import { learnRoles } from '../policy/learn.ts'
import { compilePolicy } from '../policy/policy.ts'
import { judgeBy, type Seen } from '../policy/replay.ts'
import { openToAll } from '../policy/authorize.ts'
import type { Role } from '../policy/role.ts'
import { readArguments, UsageError } from './arguments.ts'
import { readSeenRequests } from './seen-requests.ts'
import type { Io, Verb } from './verb.ts'
import { readWhen } from './when.ts'

const usage =
  'dockgate learn NAME [--since WHEN] [--until WHEN] [--role ROLE] [--with-denied] [--json] [FILES]'
const help = `usage: ${usage}

Prints the smallest roles that would have allowed what the certificate NAME did, as a roles.yaml: each
permission with how often it was used and when last, limits at what was asked for, and a reach no wider
than the things that were named. It reads the audit, or FILES of it.

What a request asked for is on record where a role with limits judged it. To learn from somebody who has
"limits: none", put a role on trial beside it: it decides nothing, and what they ask is read and recorded.

  roles:  { app: { mode: trial } }
  grants: [ { to: { name: app }, roles: [admin, app] } ]

Put what is learned in its place, still on trial, and "dockgate audit show --would-deny" says what it would
refuse; when that is nothing any more, take away "mode: trial" and the other role.

Names of images, host paths, ports and the like are learned, never commands, variables or values of labels.
Of builds only what the request itself says: what Dockerfiles name is on no record.

  --with-denied  what was refused is learned as well

Exit code 0: the roles allow all of it; 1: something is left, and the notes say what.

examples:
  dockgate learn traefik --since 7d
  dockgate learn ci --role ci-runner > candidate.yaml && dockgate replay --roles candidate.yaml --who ci
`

export const learn: Verb = {
  help,
  async run(args, io) {
    const word = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    const { values, positionals } = readArguments(
      args,
      { since: word, until: word, role: word, 'with-denied': flag, json: flag },
      { min: 1, max: Infinity, usage },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const [who = '', ...files] = positionals
    const role = roleName(values.role ?? who, values.role !== undefined)
    const now = io.now().getTime()
    const since = readWhen(values.since, 'since', now)
    const until = readWhen(values.until, 'until', now)
    const { seen, unreadable } = await readSeenRequests(io, { who, since, until, files })
    const asked = seen.filter(({ operation }) => !openToAll.has(operation))
    const denied = asked.filter(({ decision }) => decision === 'deny')
    const taken = asked.filter(
      ({ decision }) => decision === 'allow' || (values['with-denied'] && decision === 'deny'),
    )
    if (taken.length === 0) {
      throw new Error(`the audit tells of nothing that ${JSON.stringify(who)} was allowed to do`)
    }
    const proposal = propose(role, taken)
    const notes = [
      ...headOf(who, taken),
      ...(values['with-denied'] || denied.length === 0
        ? []
        : [`${counted(denied.length, 'refused request')} left out (--with-denied)`]),
      ...(unreadable === 0 ? [] : [`${counted(unreadable, 'line')} of the audit cannot be read`]),
      ...proposal.left.map(({ operation, count, why }) => `not allowed: ${operation}, ${timesOf(count)}: ${why}`), // prettier-ignore
      ...proposal.unknown.map(({ operation, count, why }) => `not known whether ${operation}, ${timesOf(count)}, is allowed: ${why}`), // prettier-ignore
    ].map(harmless)
    const yaml = proposal.roles.length === 0 ? '' : writeRoles(who, proposal.roles, notes)
    if (values.json === true) writeJson(io, { who, requests: taken.length, ...proposal, yaml })
    else io.stdout.write(yaml === '' ? notes.map((note) => `# ${note}\n`).join('') : yaml)
    return proposal.left.length + proposal.unknown.length === 0 ? 0 : 1
  },
}

interface Left {
  readonly operation: string
  readonly count: number
  readonly why: string
}

interface Proposal {
  readonly roles: readonly NamedRole[]
  readonly left: readonly Left[]
  readonly unknown: readonly Left[]
}

/** Held against what it was learned from, by the rules that will judge it: what it does not allow is left. */
function propose(role: string, seen: readonly Seen[]): Proposal {
  const first = namedRoles(role, seen)
  const judged = judgeAll(first, seen)
  const usable = new Set(judged.filter(({ answer }) => answer !== 'deny').map(({ one }) => one.operation)) // prettier-ignore
  const kept = seen.filter(({ operation }) => usable.has(operation))
  const roles = kept.length === seen.length ? first : namedRoles(role, kept)
  const last = judgeAll(roles, seen)
  return {
    roles,
    left: grouped(last.filter(({ answer }) => answer === 'deny')),
    unknown: grouped(last.filter(({ answer }) => answer === 'unknown')),
  }
}

function namedRoles(role: string, seen: readonly Seen[]): readonly NamedRole[] {
  const learned = learnRoles(seen)
  return learned.map((one, index) => ({ ...one, name: index === 0 ? role : `${role}-${one.on}` }))
}

interface Judged {
  readonly one: Seen
  readonly answer: 'allow' | 'deny' | 'unknown'
  readonly why: string
}

function judgeAll(roles: readonly NamedRole[], seen: readonly Seen[]): readonly Judged[] {
  const compiled = roles.length === 0 ? [] : compiledRoles(roles)
  return seen.map((one) => {
    const verdict = judgeBy(compiled, one)
    return { one, answer: verdict.answer, why: 'why' in verdict ? verdict.why : '' }
  })
}

/** As a gateway reads them; to whom they are granted says nothing here. */
function compiledRoles(roles: readonly NamedRole[]): readonly Role[] {
  const read = parseRoles(writeRoles('anybody', roles, []), 'learned')
  if ('faults' in read) throw new Error(`INVARIANT: what is learned is sound: ${JSON.stringify(read.faults)}`) // prettier-ignore
  const policy = compilePolicy(read.file, '')
  return roles.flatMap(({ name }) => policy.roles.get(name) ?? [])
}

function grouped(judged: readonly Judged[]): readonly Left[] {
  const found = new Map<string, Left>()
  for (const { one, why } of judged) {
    const key = `${one.operation} ${why}`
    const count = (found.get(key)?.count ?? 0) + 1
    found.set(key, { operation: one.operation, count, why })
  }
  return [...found.values()]
}

function headOf(who: string, seen: readonly Seen[]): readonly string[] {
  const times = seen.map(({ timeMs }) => timeMs)
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
  const [from, to] = [Math.min(...times), Math.max(...times)]
  return [`what ${who} did from ${day(from)}Z to ${day(to)}Z: ${counted(seen.length, 'request')}`]
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function timesOf(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function roleName(given: string, isSaid: boolean): string {
  if (isSaid && !/^[a-z][a-z0-9-]{0,62}$/i.test(given)) {
    throw new UsageError(`--role takes letters, digits and dashes, not ${JSON.stringify(given)}`)
  }
  const name = given
    .replaceAll(/[^a-z0-9-]+/gi, '-')
    .replace(/^[^a-z]+/i, '')
    .slice(0, 50)
  const taken = name === '' || builtinRoles.some((role) => role.name === name)
  if (taken && isSaid) throw new UsageError(`the role ${JSON.stringify(given)} is built in`)
  return taken ? `${name || 'role'}-learned` : name
}

function writeJson(io: Io, value: object): void {
  io.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
