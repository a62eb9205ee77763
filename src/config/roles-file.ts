// roles.yaml → roles and grants that mean something, or every fault at once with its line.
import { isMap } from 'yaml'
import { permissions } from '../docker/catalog.ts'
import { nearest } from '../nearest.ts'
import { openToAll } from '../policy/authorize.ts'
import { builtinRoles, type RoleSource } from '../policy/builtin-roles.ts'
import { subjectKinds, type Fact, type Grant, type SubjectKind } from '../policy/grant.ts'
import { canonicalAddress, parseNetwork, withoutHostBits, type Network } from '../policy/network.ts'
import { patternsOf } from '../policy/permission.ts'
import { presets } from '../policy/presets.ts'
import { faultOfHide, hideKinds } from '../policy/hide.ts'
import { permissionsAllowed, type RolesFile } from '../policy/policy.ts'
import type { MayGrant, Reach } from '../policy/role.ts'
import { grantPermission, longestMs, usualLongestMs } from '../policy/temporary-grant.ts'
import { faultOfUriPattern } from '../policy/uri-pattern.ts'
import type { Fault } from './fault.ts'
import { readLimits } from './limits-file.ts'
import { refuseNestedBinds } from './nested-binds.ts'
import { readStreams, readTranscript } from './streams-file.ts'
import { readYaml, type Value } from './yaml-node.ts'

export type RolesReading = { readonly file: RolesFile } | { readonly faults: readonly Fault[] }

const patterns = patternsOf(permissions)
const knownPatterns = new Set(patterns)
const builtinNames = new Set(builtinRoles.map((role) => role.name))

export function parseRoles(text: string, name: string): RolesReading {
  const { root, faults } = readYaml(text, name)
  if (faults.length > 0) return { faults }
  const top = root.entries(['roles', 'grants'])
  const declared = top.get('roles')?.entries() ?? new Map<string, Value>()
  const names = [...builtinNames, ...presets.map(({ name: preset }) => preset), ...declared.keys()]
  const roles = [...declared].map(([role, value]) => readRole(role, value, names))
  const grants = (top.get('grants')?.items() ?? []).flatMap(
    (value) => readGrant(value, names) ?? [],
  )
  refuseCycles(roles, declared)
  refuseNestedBinds(roles, declared)
  refuseUntried(roles, declared)
  if (faults.length === 0) requirePermissions(roles, declared)
  return faults.length > 0 ? { faults } : { file: Object.freeze({ roles, grants }) }
}

const roleKeys = [
  'includes',
  'allow',
  'deny',
  'on',
  'limits',
  'hide',
  'mode',
  'mayGrant',
  'streams',
  'transcript',
]

function readRole(name: string, value: Value, names: readonly string[]): RoleSource {
  if (builtinNames.has(name)) {
    value.fault(
      `${JSON.stringify(name)} is built in`,
      'give it a name of its own, and includes: [' + name + ']',
    )
  } else if (!/^[a-z][a-z0-9-]{0,62}$/i.test(name)) {
    value.fault('the name of a role has letters, digits and dashes only, and begins with a letter')
  }
  const entries = value.entries(roleKeys)
  const mayGrant = readMayGrant(entries.get('mayGrant'), names)
  return Object.freeze({
    name,
    includes: readNames(entries.get('includes'), names),
    allow: readPatterns(entries.get('allow')),
    deny: readPatterns(entries.get('deny'), openToAll),
    on: readReach(entries.get('on')),
    limits: readLimits(entries.get('limits')),
    hide: readHidden(entries.get('hide')),
    ...(isOnTrial(entries.get('mode')) ? { onTrial: true as const } : {}),
    ...(mayGrant === undefined ? {} : { mayGrant }),
    ...readStreams(entries.get('streams')),
    ...readTranscript(entries.get('transcript')),
    line: value.line,
  })
}

function readPatterns(
  value: Value | undefined,
  undeniable: ReadonlySet<string> = new Set(),
): readonly string[] {
  return (value?.texts() ?? []).map(({ value: item, text }) => {
    // A denial without effect is worse than none: somebody relies on it.
    if (undeniable.has(text)) item.fault(`${text} answers every certificate, it cannot be denied`)
    if (!knownPatterns.has(text)) {
      const near = nearest(text, patterns)
      item.fault(
        `unknown permission ${JSON.stringify(text)}`,
        near === undefined ? 'dockgate roles permissions lists them' : `did you mean ${near}?`,
      )
    }
    return text
  })
}

function readNames(value: Value | undefined, names: readonly string[]): readonly string[] {
  return (value?.texts() ?? []).map(({ value: item, text }) => {
    if (!names.includes(text)) item.fault(...unknownRole(text, names))
    return text
  })
}

function unknownRole(text: string, names: readonly string[]): [message: string, hint: string] {
  const near = nearest(text, names)
  return [
    `unknown role ${JSON.stringify(text)}`,
    near === undefined
      ? `there are ${names.filter((one) => !one.includes(':')).join(', ')}, and dockgate roles presets`
      : `did you mean ${near}?`,
  ]
}

function readHidden(value: Value | undefined): readonly string[] {
  const words = (value?.texts() ?? []).map(({ value: item, text }) => {
    const [kind = ''] = text.split(':', 1)
    const near = nearest(kind, hideKinds)
    const fault = faultOfHide(text)
    if (fault !== undefined) {
      const isKnown = near === kind
      const hint =
        near === undefined || isKnown
          ? `there are ${hideKinds.join(', ')}, and labels:PATTERN`
          : `did you mean ${near}?`
      item.fault(fault, hint)
    }
    return text
  })
  // Left empty it may have been meant to hide everything.
  if (value !== undefined && words.length === 0) value.fault('it hides nothing', 'hide: [env]')
  return Object.freeze([...new Set(words)])
}

function isOnTrial(value: Value | undefined): boolean {
  const word = value?.text()
  if (value === undefined || word === undefined || word === 'trial') return word === 'trial'
  value.fault(
    `unknown mode ${JSON.stringify(word)}`,
    'mode: trial, or left out for a role in force',
  )
  return true
}

const unitsMs = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** `[operator]`, each for the usual time at most, or `{ operator: 2h }`. */
function readMayGrant(value: Value | undefined, names: readonly string[]): MayGrant | undefined {
  if (value === undefined) return undefined
  const found = isMap(value.node)
    ? [...value.entries()].map(([role, item]) => [role, readLongest(role, item, names)] as const)
    : readNames(value, names).map((role) => [role, usualLongestMs] as const)
  if (found.length === 0) value.fault('it names no role', 'mayGrant: [operator]')
  return new Map(found)
}

function readLongest(role: string, value: Value, names: readonly string[]): number {
  if (!names.includes(role)) value.fault(...unknownRole(role, names))
  const text = value.text() ?? ''
  const [, count = '', unit = ''] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? []
  const ms = Number(count) * (unitsMs.get(unit) ?? 0)
  if (ms === 0 || ms > longestMs) {
    value.fault(`${JSON.stringify(text)} is no time for which a right may be given`, '30m or 2h, up to 7d') // prettier-ignore
  }
  return ms
}

/** Without the permission it would look as if somebody could grant, or were recorded, and nobody is. */
function requirePermissions(
  roles: readonly RoleSource[],
  places: ReadonlyMap<string, Value>,
): void {
  const sources = new Map([...builtinRoles, ...presets, ...roles].map((role) => [role.name, role]))
  for (const role of roles) {
    const needs: readonly (readonly [key: string, isSaid: boolean, anyOf: readonly string[]])[] = [
      ['mayGrant', role.mayGrant !== undefined, [grantPermission]],
      ['transcript', role.transcript !== undefined, ['exec.start', 'container.attach']],
    ]
    for (const [key, isSaid, anyOf] of needs) {
      if (!isSaid) continue
      const allowed = permissionsAllowed(role, sources)
      if (anyOf.some((one) => allowed.has(one))) continue
      const place = places.get(role.name)
      place?.fault(`${key} has no effect without ${anyOf.join(' or ')}`, `allow: [${anyOf[0]}]`)
    }
  }
}

/** A role that does not say reaches only what its holder owns. */
function readReach(value: Value | undefined): Reach {
  if (value === undefined) return { kind: 'own' }
  if (value.node !== null && 'items' in value.node) {
    // Without a prototype, so that a key `__proto__` is a condition like any other.
    const labels = Object.create(null) as Record<string, string>
    const given = value.entries(['label']).get('label')
    for (const [key, item] of given?.entries() ?? []) {
      if (key === '' || key.includes('=')) item.fault(`${JSON.stringify(key)} is no label's key`)
      labels[key] = item.text() ?? ''
    }
    if (Object.keys(labels).length === 0)
      value.fault('no label is named', 'on: {label: {tier: dev}}')
    return { kind: 'label', labels: Object.freeze(labels) }
  }
  const word = value.text()
  if (word === 'own' || word === 'team' || word === 'all') return { kind: word }
  if (word !== undefined) {
    value.fault(`unknown reach ${JSON.stringify(word)}`, 'own, team, all, or {label: {key: value}}')
  }
  return { kind: 'own' }
}

const grantKeys = ['to', 'roles', 'from', 'until']

function readGrant(value: Value, names: readonly string[]): Grant | undefined {
  const entries = value.entries(grantKeys)
  const to = entries.get('to')
  const roles = entries.get('roles')
  if (to === undefined) return value.fault('it does not say to whom', 'to: { name: alice }')
  if (roles === undefined) return value.fault('it gives no role', 'roles: [viewer]')
  const { facts, anyone } = readSubject(to)
  const given = readNames(roles, names)
  if (given.length === 0) roles.fault('it gives no role', 'roles: [viewer]')
  return Object.freeze({
    facts,
    anyone,
    roles: given,
    from: readNetworks(entries.get('from')),
    untilMs: readTime(entries.get('until')),
    line: value.line,
  })
}

function readSubject(value: Value): { facts: readonly Fact[]; anyone: boolean } {
  const entries = value.entries([...subjectKinds, 'anyone'])
  const facts: Fact[] = []
  for (const kind of subjectKinds) {
    const item = entries.get(kind)
    const text = item?.text()
    if (item !== undefined && text !== undefined) facts.push([kind, readFact(kind, item, text)])
  }
  const anyone = entries.get('anyone')
  if (anyone !== undefined && anyone.node?.toString() !== 'true') {
    anyone.fault('it is true or left out', 'to: { anyone: true }')
  }
  if (anyone !== undefined && facts.length > 0) {
    value.fault('"anyone" stands alone', 'name whom you mean, or anyone')
  }
  if (facts.length === 0 && anyone === undefined) {
    value.fault('it names nobody', 'to: { name: alice }, or { anyone: true } for every certificate')
  }
  return { facts: Object.freeze(facts), anyone: anyone !== undefined }
}

function readFact(kind: SubjectKind, value: Value, text: string): string {
  if (kind === 'uri') {
    const fault = faultOfUriPattern(text)
    if (fault !== undefined) value.fault(fault)
    return text
  }
  if (text.includes('*')) {
    value.fault(
      `"*" means nothing in ${kind}`,
      'patterns are for uri alone; anyone: true is everybody',
    )
  }
  if (kind === 'serial') {
    const serial = text.toLowerCase().replaceAll(':', '').replace(/^0+/, '')
    if (!/^[0-9a-f]+$/.test(serial)) {
      value.fault(`${JSON.stringify(text)} is no serial number`, 'hexadecimal, as ca list shows it')
    }
    return serial
  }
  if (kind !== 'ip') return text
  const address = canonicalAddress(text)
  if (address === undefined) value.fault(`${JSON.stringify(text)} is no IP address`)
  return address ?? text
}

function readNetworks(value: Value | undefined): readonly Network[] | undefined {
  if (value === undefined) return undefined
  const texts = value.texts()
  const found = texts.flatMap(({ value: item, text }) => {
    const network = parseNetwork(text)
    if (network === undefined) {
      item.fault(
        `${JSON.stringify(text)} is no network`,
        '192.0.2.0/24, 2001:db8::/32 or one address',
      )
      return []
    }
    const meant = withoutHostBits(network)
    if (meant !== undefined)
      item.fault(`${text} has bits beyond its length`, `did you mean ${meant}?`)
    return [network]
  })
  // An empty list would read as "from nowhere" to one and "from anywhere" to another.
  if (texts.length === 0) value.fault('it names no network', 'leave "from" out for anywhere')
  return Object.freeze(found)
}

const rfc3339 = /^(\d{4}-\d\d-\d\d)[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

function readTime(value: Value | undefined): number | undefined {
  const text = value?.text()
  if (value === undefined || text === undefined) return undefined
  const [, day = ''] = rfc3339.exec(text) ?? []
  const time = day === '' ? Number.NaN : Date.parse(text)
  // Date.parse takes the 30th of February for the 2nd of March, which is a grant two days longer.
  const isReal = !Number.isNaN(time) && new Date(Date.parse(day)).toISOString().startsWith(day)
  if (isReal) return time
  value.fault(`${JSON.stringify(text)} is no time`, '2027-01-31T18:00:00Z')
  return 0
}

function refuseCycles(roles: readonly RoleSource[], places: ReadonlyMap<string, Value>): void {
  const byName = new Map(roles.map((role) => [role.name, role]))
  for (const role of roles) {
    const stack = [...role.includes]
    const seen = new Set<string>()
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next === role.name) {
        places.get(role.name)?.fault('it includes itself, perhaps by way of another role')
        break
      }
      if (seen.has(next)) continue
      seen.add(next)
      stack.push(...(byName.get(next)?.includes ?? []))
    }
  }
}

/** INVARIANT: a role on trial gives no right. By way of a role that is in force it would. */
function refuseUntried(roles: readonly RoleSource[], places: ReadonlyMap<string, Value>): void {
  const untried = new Set(roles.filter(({ onTrial }) => onTrial).map(({ name }) => name))
  for (const { name, onTrial, includes } of roles) {
    const found = onTrial === true ? undefined : includes.find((one) => untried.has(one))
    if (found === undefined) continue
    const hint = `mode: trial here too, or end the trial of ${found}`
    places.get(name)?.fault(`it includes ${JSON.stringify(found)}, which is on trial`, hint)
  }
}
