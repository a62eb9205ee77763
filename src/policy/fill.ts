// What is sent for what was asked: the owner's labels on all that is created, and where a request asks
// for nothing, the most that its role may have, so that an engine without limits keeps to them. Pure.
import { isObject } from '../docker/json.ts'
import type { Json, JsonObject, Operation, Reference, Thing } from '../docker/operation.ts'
import { fillBuild } from './fill-build.ts'
import { fillChanges } from './fill-changes.ts'
import { asksFor, type Limits } from './limits.ts'
import { tmpfsSizes, usualShm, withUlimits } from './limits/amounts.ts'
import { fillBinding } from './limits/network.ts'
import { ownerLabel, teamLabel } from './ownership.ts'

export interface Filling {
  /** `none`: nothing is filled in but the owner. */
  readonly limits: Limits | 'none'
  /** Label → value, both of them always: an image must not lend its own to a container. */
  readonly owner: Readonly<Record<string, string>>
  readonly things: ReadonlyMap<Reference, Thing | undefined>
  readonly hostPaths: ReadonlyMap<string, string>
}

export function fill(operation: Operation, filling: Filling): Operation {
  const { body, endpoint } = operation
  if (endpoint.id === 'ImageBuild') return fillBuild(operation, filling.limits, filling.owner)
  if (operation.permission === 'image.import') return fillChanges(operation, filling.owner)
  const change = changes.get(endpoint.id)
  if (change === undefined || body === undefined) return operation
  const filled = Object.freeze({ ...operation, body: change(body, filling) })
  return endpoint.id === 'ImageCommit' ? fillChanges(filled, filling.owner) : filled
}

type Change = (body: JsonObject, filling: Filling) => JsonObject
type Labels = Readonly<Record<string, string>>

const owned: Change = (body, { owner }) => labelled(body, owner)

const changes: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['ContainerCreate', fillContainer],
  ['ContainerUpdate', fillUpdate],
  ['ImageCommit', owned],
  // Two networks of one name would make it ambiguous for whoever had it first.
  [
    'NetworkCreate',
    (body, filling) => ({ ...labelled(body, filling.owner), CheckDuplicate: true }),
  ],
  ['VolumeCreate', owned],
  ['SecretCreate', owned],
  ['ConfigCreate', owned],
  ['SecretUpdate', kept],
  ['ConfigUpdate', kept],
  ['ServiceCreate', (body, filling) => fillService(body, filling.owner, filling)],
  ['ServiceUpdate', (body, filling) => fillService(body, ownerOfTarget(filling), filling)],
])

function fillContainer(body: JsonObject, filling: Filling): JsonObject {
  const lent = labelsLent(body, filling)
  return inside(owned(body, filling), 'HostConfig', (host) => {
    const filled = fillHost(host, filling, lent)
    const anonymous = anonymousVolumes(body, host, filling, lent)
    if (anonymous.length === 0) return filled
    const { Binds: binds, Mounts: mounts } = filled
    return {
      ...filled,
      ...(isList(binds) ? { Binds: binds.filter((bind) => string(bind).includes(':')) } : {}),
      Mounts: [...(isList(mounts) ? mounts : []), ...anonymous],
    }
  })
}

/** The volumes that the engine would make without a name, as mounts that can carry a label. */
function anonymousVolumes(
  body: JsonObject,
  host: JsonObject,
  filling: Filling,
  labels: Labels,
): readonly Json[] {
  const bound = itemsIn(host, 'Binds').filter((bind) => !bind.includes(':'))
  const image = thingsAt(filling, 'Image').flatMap(({ volumes }) => volumes ?? [])
  const lent = new Set(
    thingsAt(filling, 'HostConfig', 'VolumesFrom').flatMap(({ volumes }) => volumes ?? []),
  )
  const wanted = [...keysOf(body['Volumes']), ...image].map(clean)
  const targets = new Set([...bound.map(clean), ...wanted.filter((target) => !lent.has(target))])
  for (const taken of mountTargets(host)) targets.delete(taken)
  return [...targets].map((target) => ({
    Type: 'volume',
    Target: target,
    VolumeOptions: { Labels: labels },
  }))
}

/** A volume that comes into being with a container has what the limits want of everything. */
function labelsLent(
  body: JsonObject,
  { limits, owner }: Pick<Filling, 'limits' | 'owner'>,
): Labels {
  const { Labels: given } = body
  const required = limits === 'none' || !isObject(given) ? [] : [...limits.labels]
  const lent = required.flatMap(([name, wanted]) => {
    const value = isObject(given) && Object.hasOwn(given, name) ? string(given[name]) : undefined
    return asksFor(wanted, value) ? [[name, value] as const] : []
  })
  return { ...Object.fromEntries(lent), ...owner }
}

function thingsAt({ things }: Filling, ...path: readonly string[]): readonly Thing[] {
  return [...things].flatMap(([{ place }, thing]) =>
    place.in === 'body' && thing !== undefined && path.every((step, at) => place.at[at] === step)
      ? [thing]
      : [],
  )
}

/** Not those of `--tmpfs`, beside which the engine makes a volume all the same. */
function mountTargets(host: JsonObject): readonly string[] {
  const { Mounts: mounts } = host
  const bound = itemsIn(host, 'Binds').flatMap((bind) => bind.split(':')[1] ?? [])
  const mounted = isList(mounts)
    ? mounts.map((mount) => (isObject(mount) ? string(mount['Target']) : ''))
    : []
  return [...bound, ...mounted].map(clean)
}

function itemsIn(host: JsonObject, name: string): readonly string[] {
  const { [name]: items } = host
  return isList(items) ? items.map(string) : []
}

/** As Go's path.Clean, for absolute paths. */
function clean(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

function keysOf(value: Json | undefined): readonly string[] {
  return isObject(value) ? Object.keys(value) : []
}

function kept(body: JsonObject, filling: Filling): JsonObject {
  return labelled(body, ownerOfTarget(filling))
}

/** An update leaves a thing with whom it belongs to, whoever makes it. */
function ownerOfTarget({ things, owner }: Filling): Readonly<Record<string, string>> {
  for (const [reference, thing] of things) {
    if (reference.wants !== 'target' || thing === undefined) continue
    return {
      [ownerLabel]: thing.labels[ownerLabel] ?? '',
      [teamLabel]: thing.labels[teamLabel] ?? '',
    }
  }
  return owner
}

function labelled(body: JsonObject, owner: Readonly<Record<string, string>>): JsonObject {
  return inside(body, 'Labels', (labels) => ({ ...labels, ...owner }))
}

function fillHost(host: JsonObject, filling: Filling, lent: Labels): JsonObject {
  const { limits, hostPaths } = filling
  const changed: Record<string, Json> = {}
  const { Binds: binds, Mounts: mounts } = host
  if (isList(binds) && hostPaths.size > 0)
    changed['Binds'] = binds.map((bind) => real(bind, hostPaths))
  if (isList(mounts)) changed['Mounts'] = mounts.map((mount) => fillMount(mount, filling, lent))
  if (limits === 'none') return { ...host, ...changed }
  const { memory, pids, tmpfs } = limits
  if (memory !== undefined && amount(host['Memory']) === 0) changed['Memory'] = memory
  if (amount(host['PidsLimit']) === 0) changed['PidsLimit'] = pids
  if (limits.shm !== undefined && amount(host['ShmSize']) === 0) {
    changed['ShmSize'] = Math.min(limits.shm, usualShm)
  }
  if (limits.ulimits.size > 0) changed['Ulimits'] = withUlimits(host['Ulimits'], limits.ulimits)
  if (limits.user === 'nonroot') changed['SecurityOpt'] = unprivileged(host['SecurityOpt'])
  if (limits.cpus !== undefined) Object.assign(changed, fillCpus(host, limits.cpus))
  if (tmpfs !== undefined && isObject(host['Tmpfs'])) {
    changed['Tmpfs'] = mapped(host['Tmpfs'], (options) => sized(options, tmpfs))
  }
  if (isObject(host['PortBindings'])) {
    changed['PortBindings'] = mapped(host['PortBindings'], (bindings) =>
      isList(bindings) ? bindings.map((binding) => fillPort(binding, limits)) : bindings,
    )
  }
  return { ...host, ...changed }
}

const noNewPrivileges = 'no-new-privileges'

/** Whoever brings their own image has a program in it that makes root of anybody (setuid). */
function unprivileged(asked: Json | undefined): readonly Json[] {
  const given = isList(asked) ? asked : []
  const said = given.some((option) => string(option).startsWith(noNewPrivileges))
  return said ? given : [...given, noNewPrivileges]
}

function fillCpus(host: JsonObject, cpus: number): Record<string, Json> {
  if (amount(host['NanoCpus']) !== 0 || amount(host['CpuQuota']) !== 0) return {}
  const period = amount(host['CpuPeriod'])
  // The engine refuses a period beside NanoCpus.
  return period === 0 ? { NanoCpus: nano(cpus) } : { CpuQuota: Math.floor(cpus * period) }
}

function nano(cpus: number): number {
  return Math.floor(cpus * 1e9)
}

/** A bind's source as it was judged, links resolved. */
function real(bind: Json, hostPaths: ReadonlyMap<string, string>): Json {
  if (typeof bind !== 'string' || !bind.startsWith('/')) return bind
  const source = bind.split(':', 1).join('')
  const target = hostPaths.get(source)
  return target === undefined ? bind : `${target}${bind.slice(source.length)}`
}

function fillMount(mount: Json, filling: Filling, lent: Labels): Json {
  if (!isObject(mount)) return mount
  const { limits, hostPaths } = filling
  const source = mount['Source']
  switch (string(mount['Type'])) {
    case 'volume':
      return inside(mount, 'VolumeOptions', (options) => labelled(options, lent))
    case 'bind': {
      const target = typeof source === 'string' ? hostPaths.get(source) : undefined
      return target === undefined ? mount : { ...mount, Source: target }
    }
    case 'tmpfs': {
      const most = limits === 'none' ? undefined : limits.tmpfs
      if (most === undefined) return mount
      return inside(mount, 'TmpfsOptions', (options) =>
        amount(options['SizeBytes']) === 0 ? { ...options, SizeBytes: most } : options,
      )
    }
    default:
      return mount
  }
}

function sized(options: Json, bytes: number): Json {
  if (typeof options !== 'string' || tmpfsSizes(options).length > 0) return options
  return options === '' ? `size=${bytes}` : `${options},size=${bytes}`
}

function fillPort(binding: Json, limits: Limits): Json {
  if (!isObject(binding)) return binding
  const chosen = fillBinding(limits, string(binding['HostIp']), string(binding['HostPort']))
  return chosen === undefined ? binding : { ...binding, ...chosen }
}

function fillService(
  body: JsonObject,
  owner: Readonly<Record<string, string>>,
  filling: Filling,
): JsonObject {
  const { limits } = filling
  const lent = labelsLent(body, { limits, owner })
  return inside(labelled(body, owner), 'TaskTemplate', (task) => {
    const spec = inside(task, 'ContainerSpec', (container) => {
      const mounts = container['Mounts']
      const own = bounded(labelled(container, owner), limits)
      if (!isList(mounts)) return own
      return { ...own, Mounts: mounts.map((mount) => fillMount(mount, filling, lent)) }
    })
    if (limits === 'none') return spec
    return inside(withRestart(spec, limits), 'Resources', (resources) =>
      inside(resources, 'Limits', (asked) => ({
        ...asked,
        ...fillAmount(asked, 'MemoryBytes', limits.memory),
        ...fillAmount(asked, 'NanoCPUs', limits.cpus === undefined ? undefined : nano(limits.cpus)),
        ...fillAmount(asked, 'Pids', limits.pids),
      })),
    )
  })
}

function bounded(container: JsonObject, limits: Filling['limits']): JsonObject {
  if (limits === 'none') return container
  const ulimits =
    limits.ulimits.size > 0 ? { Ulimits: withUlimits(container['Ulimits'], limits.ulimits) } : {}
  const filled = { ...container, ...ulimits }
  return limits.user === 'nonroot'
    ? inside(filled, 'Privileges', (asked) => ({ ...asked, NoNewPrivileges: true }))
    : filled
}

/** Unlike the engine, swarm starts what has ended anew where nothing is said. */
function withRestart(task: JsonObject, { restart }: Limits): JsonObject {
  if (restart.has('always')) return task
  return inside(task, 'RestartPolicy', (policy) => ({
    ...policy,
    Condition: string(policy['Condition']) || (restart.has('on-failure') ? 'on-failure' : 'none'),
  }))
}

function fillAmount(asked: JsonObject, name: string, most: number | undefined): JsonObject {
  return most !== undefined && amount(asked[name]) === 0 ? { [name]: most } : {}
}

/**
 * In an update 0 lifts the bound on newer engines, and is what old clients send for nothing; and a
 * quota without a period would be measured by whichever was set before.
 */
function fillUpdate(body: JsonObject, { limits }: Filling): JsonObject {
  if (limits === 'none') return body
  const pids = 'PidsLimit' in body && amount(body['PidsLimit']) === 0 ? { PidsLimit: null } : {}
  const quota = amount(body['CpuQuota']) !== 0 && amount(body['CpuPeriod']) === 0
  return { ...body, ...pids, ...(quota && limits.cpus !== undefined ? { CpuPeriod: 100_000 } : {}) }
}

function inside(
  parent: JsonObject,
  name: string,
  change: (value: JsonObject) => JsonObject,
): JsonObject {
  const value = parent[name]
  return { ...parent, [name]: change(isObject(value) ? value : {}) }
}

function mapped(object: JsonObject, change: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]))
}

function amount(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0
}

function string(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}
