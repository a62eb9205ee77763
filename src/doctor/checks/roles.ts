// Roles and grants: who is root by them, and what nobody uses. Pure.
import { fine, foundAny, unseen, type Check, type Item, type Verdict } from '../check.ts'
import type { Facts } from '../facts.ts'
import { principalOf } from '../../config/issued-list.ts'
import { isMeantFor, type Grant } from '../../policy/grant.ts'
import type { Policy, RolesFile } from '../../policy/policy.ts'
import { subjectText } from '../../policy/subject-text.ts'
import { text, entries } from '../inspected.ts'
import { waysToRoot, type Ground } from '../root-roles.ts'
import { day } from './gate.ts'
import { whyStrong } from './mounts-and-ports.ts'

interface Rules {
  readonly file: RolesFile
  readonly compiled: Policy
}

export const roleChecks: readonly Check[] = [
  ofPolicy('roles.root', 'info', "roles without limits amount to root on the engine's host", {
    mend: 'give `admin` and its like to few, by name, with `until` where that does',
    look: (rules, facts) =>
      rootItems(rules, facts, ({ role, holders, ways }) =>
        role.limits === 'none'
          ? [{ on: role.name, seen: `may ${ways[0]}${more(ways)}; ${held(holders)}` }]
          : [],
      ),
  }),
  ofPolicy('roles.root-by-limits', 'high', 'roles amount to root though they have limits', {
    mend: 'take away what is named, or say `limits: none` so that everybody sees what the role is',
    look: (rules, facts) =>
      rootItems(rules, facts, ({ role, holders, ways }) =>
        role.limits === 'none' || holders.length === 0
          ? []
          : ways.map((way) => ({ on: role.name, seen: `may ${way}; ${held(holders)}` })),
      ),
  }),
  ofPolicy(
    'roles.root-for-many',
    'high',
    'roles that amount to root are given to more than a few',
    {
      mend: 'grant them by name or serial: whoever gets a certificate with that unit, or any at all, is root',
      look: (rules, facts) =>
        rootItems(rules, facts, ({ role, holders }) =>
          holders
            .filter((grant) => !grant.facts.some(([kind, value]) => isOne(kind, value)))
            .map((grant) => ({
              on: role.name,
              seen: `is given to ${subject(grant)} (line ${grant.line})`,
            })),
        ),
    },
  ),
  ofPolicy('roles.unused', 'info', 'roles are given to somebody and were never used', {
    mend: '`dockgate roles revoke` what nobody needs',
    look: ({ file, compiled }, { audit, now }) =>
      ofPast(audit, ({ from, roles }) => {
        const given = new Set(live(file, now).flatMap((grant) => grant.roles))
        const unused = [...given].filter(
          (name) => !roles.has(name) && compiled.sources.get(name)?.onTrial !== true,
        )
        return foundAny(
          unused.map((on) => ({ on, seen: `has let nothing through since ${day(from)}` })),
          'all were used',
        )
      }),
  }),
  ofPolicy('roles.ungranted', 'info', 'roles are given to nobody', {
    mend: 'remove them from roles.yaml',
    look({ file }) {
      const used = new Set([
        ...file.grants.flatMap((grant) => grant.roles),
        ...file.roles.flatMap((role) => role.includes),
      ])
      const spare = file.roles.filter(({ name }) => !used.has(name))
      return foundAny(
        spare.map(({ name, line }) => ({
          on: name,
          seen: `stands in line ${line}, and in no grant`,
        })),
        'none of roles.yaml',
      )
    },
  }),
  ofPolicy('grants.unmatched', 'low', 'grants never matched anybody who came', {
    mend: 'remove them, or mend their spelling: everything in `to` must match exactly',
    look: ({ file }, facts) => ofPast(facts.audit, (audit) => unmatched(file, audit, facts)),
  }),
  ofPolicy('grants.over', 'info', 'grants have ended', {
    mend: 'remove them from roles.yaml',
    look: ({ file }, { now }) => {
      const over = file.grants.filter(({ untilMs }) => untilMs !== undefined && untilMs <= now)
      return foundAny(
        over.map((grant) => ({
          on: subject(grant),
          seen: `gave ${grant.roles.join(', ')} (line ${grant.line})`,
        })),
        'none',
      )
    },
  }),
]

function ofPolicy(
  id: string,
  severity: Check['severity'],
  title: string,
  rest: { readonly mend: string; readonly look: (rules: Rules, facts: Facts) => Verdict },
): Check {
  return {
    id,
    cis: id.startsWith('roles.root') ? '1.1.2' : undefined,
    severity,
    title,
    mend: rest.mend,
    look: (facts) =>
      facts.gate.policy === undefined
        ? unseen('roles.yaml cannot be used')
        : rest.look(facts.gate.policy, facts),
  }
}

interface RootRole {
  readonly role: Policy['roles'] extends ReadonlyMap<string, infer Role> ? Role : never
  readonly holders: readonly Grant[]
  readonly ways: readonly string[]
}

function rootItems(
  { file, compiled }: Rules,
  facts: Facts,
  tell: (found: RootRole) => readonly Item[],
): Verdict {
  const grants = live(file, facts.now)
  const own = new Set(file.roles.map(({ name }) => name))
  const ground = groundOf(facts)
  const items = [...compiled.roles.values()].flatMap((role) => {
    const holders = grants.filter((grant) => grant.roles.includes(role.name))
    // What is on trial gives no right, and ready-made roles count where somebody has them.
    if (compiled.sources.get(role.name)?.onTrial === true) return []
    if (holders.length === 0 && !own.has(role.name)) return []
    const ways = waysToRoot(role, ground)
    return ways.length === 0 ? [] : tell({ role, holders, ways })
  })
  return foundAny(items, 'none')
}

function live(file: RolesFile, now: number): readonly Grant[] {
  return file.grants.filter(({ untilMs }) => untilMs === undefined || untilMs > now)
}

function groundOf({ engine, machine, gate }: Facts): Ground {
  const { path, realPath } = machine.socket
  const known = typeof engine === 'string' ? undefined : engine
  return {
    sockets: [path, realPath, '/run/docker.sock', '/var/run/docker.sock'],
    keys: [gate.settings.certs],
    engineRoot: known === undefined ? '' : text(known.info, 'DockerRootDir'),
    strong: (known?.containers ?? []).flatMap((container) => {
      const why = known === undefined ? undefined : whyStrong(container, known, machine.socket)
      const labels = Object.fromEntries(entries(container.inspect, 'Config', 'Labels'))
      return why === undefined || !container.running ? [] : [{ name: container.name, why, labels }]
    }),
  }
}

function more(ways: readonly string[]): string {
  return ways.length > 1 ? ` (and ${ways.length - 1} more)` : ''
}

function held(holders: readonly Grant[]): string {
  return holders.length === 0
    ? 'nobody has it'
    : `${holders.map(subject).join(', ')} ${holders.length > 1 ? 'have' : 'has'} it`
}

/** `unit=dev,org=Example until 2027-01-31 18:00 UTC` */
function subject(grant: Grant): string {
  const networks = grant.from?.map((network) => network.text).join(', ')
  const from = networks === undefined ? '' : ` from ${networks}`
  const until = grant.untilMs === undefined ? '' : ` until ${day(grant.untilMs)}`
  return `${subjectText(grant)}${from}${until}`
}

/** Says of whom: one person or machine. */
function isOne(kind: string, value: string): boolean {
  if (kind === 'name' || kind === 'serial' || kind === 'email' || kind === 'ip' || kind === 'dns')
    return true
  return kind === 'uri' && !value.includes('*')
}

const shortMs = 86_400_000

function ofPast(
  audit: Facts['audit'],
  look: (audit: Exclude<Facts['audit'], string>) => Verdict,
): Verdict {
  if (typeof audit === 'string') return unseen(audit)
  if (audit.until - audit.from < shortMs) return unseen('the audit is less than a day long')
  return look(audit)
}

function unmatched(
  file: RolesFile,
  audit: Exclude<Facts['audit'], string>,
  { gate, now }: Facts,
): Verdict {
  const issued = new Map((gate.issued ?? []).map((one) => [one.fingerprint, one]))
  const known = [...audit.people.keys()].flatMap((fingerprint) => issued.get(fingerprint) ?? [])
  const strangers = [...audit.people].filter(([fingerprint]) => !issued.has(fingerprint))
  const came = known.map(principalOf)
  let unsure = 0
  const items = live(file, now).flatMap((grant): Item[] => {
    if (came.some((principal) => isMeantFor(grant, principal))) return []
    // Of those whose certificate is not in the list only the name is on record.
    const [name] = grant.facts.flatMap(([kind, value]) => (kind === 'name' ? [value] : []))
    if (strangers.some(([, who]) => name === undefined || who === name)) {
      const alone = grant.facts.length === 1 && name !== undefined
      if (!alone && !grant.anyone) unsure += 1
      return []
    }
    return [
      {
        on: subject(grant),
        seen: `${grant.roles.join(', ')}, not since ${day(audit.from)} (line ${grant.line})`,
      },
    ]
  })
  const rest = `${unsure} of ${file.grants.length} could not be told without the CA's list`
  if (items.length > 0) return { kind: 'found', items }
  return unsure > 0 ? unseen(rest) : fine('every grant did')
}
