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
type Labels = Readonly<Record<string, Json>>

const owned: Change = (body, { owner }) => labelled(body, owner)

const changes: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['ContainerCreate', fillContainer],
  ['ContainerUpdate', fillUpdate],
  ['ImageCommit', owned],
  // Two networks of one name would make it ambiguous for whoever had it first.
  ['NetworkCreate', (body, { owner }) => ({ ...labelled(body, owner), CheckDuplicate: true })],
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
  const asked = objectIn(body, 'HostConfig')
  const host = fillHost(asked, filling, lent)
  const anonymous = anonymousVolumes(body, asked, filling, lent)
  if (anonymous.length > 0) {
    const { Binds: binds, Mounts: mounts } = host
    if (isList(binds)) host['Binds'] = binds.filter((bind) => string(bind).includes(':'))
    host['Mounts'] = [...(isList(mounts) ? mounts : []), ...anonymous]
  }
  return { ...body, Labels: withAll(objectIn(body, 'Labels'), filling.owner), HostConfig: host }
}

/** The volumes that the engine would make without a name, as mounts that can carry a label. */
function anonymousVolumes(
  body: JsonObject,
  host: JsonObject,
  filling: Filling,
  labels: Labels,
): readonly Json[] {
  const targets = new Set<string>()
  for (const bind of itemsIn(host, 'Binds')) if (!bind.includes(':')) targets.add(clean(bind))
  const image = volumesAt(filling, 'Image')
  const wanted = [...Object.keys(objectIn(body, 'Volumes')), ...image]
  if (wanted.length > 0) {
    const lent = volumesAt(filling, 'HostConfig', 'VolumesFrom')
    for (const path of wanted) if (!lent.includes(clean(path))) targets.add(clean(path))
  }
  if (targets.size === 0) return []
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
  if (limits === 'none' || limits.labels.size === 0) return owner
  const given = objectIn(body, 'Labels')
  const lent = [...limits.labels].flatMap(([name, wanted]) => {
    const value = Object.hasOwn(given, name) ? string(given[name]) : undefined
    return asksFor(wanted, value) ? [[name, value] as const] : []
  })
  return withAll(Object.fromEntries(lent), owner)
}

/** Of the things that the body names below such a path. */
function volumesAt({ things }: Filling, ...path: readonly string[]): readonly string[] {
  const found: string[] = []
  for (const [{ place }, thing] of things) {
    if (thing?.volumes === undefined || place.in !== 'body') continue
    if (path.every((step, at) => place.at[at] === step)) found.push(...thing.volumes)
  }
  return found
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
  if (isClean.test(path)) return path
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** Nearly all are. */
const isClean = /^(?:\/[^/.][^/]*)+$/

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

function labelled(body: JsonObject, owner: Labels): JsonObject {
  return { ...body, Labels: withAll(objectIn(body, 'Labels'), owner) }
}

function withAll(labels: JsonObject, more: Labels): JsonObject {
  // Assigned, `__proto__` would be no key. Where there is none, a spread of both costs ten times as much.
  if (Object.hasOwn(labels, '__proto__') || Object.hasOwn(more, '__proto__')) {
    return { ...labels, ...more }
  }
  return Object.assign({}, labels, more)
}

/** A copy, filled in. */
function fillHost(asked: JsonObject, filling: Filling, lent: Labels): Record<string, Json> {
  const { limits, hostPaths } = filling
  const host: Record<string, Json> = { ...asked }
  const { Binds: binds, Mounts: mounts } = asked
  if (isList(binds) && hostPaths.size > 0)
    host['Binds'] = binds.map((bind) => real(bind, hostPaths))
  if (isList(mounts)) host['Mounts'] = mounts.map((mount) => fillMount(mount, filling, lent))
  if (limits === 'none') return host
  const { memory, pids, tmpfs } = limits
  if (memory !== undefined && amount(asked['Memory']) === 0) host['Memory'] = memory
  if (amount(asked['PidsLimit']) === 0) host['PidsLimit'] = pids
  if (limits.shm !== undefined && amount(asked['ShmSize']) === 0) {
    host['ShmSize'] = Math.min(limits.shm, usualShm)
  }
  if (limits.ulimits.size > 0) host['Ulimits'] = withUlimits(asked['Ulimits'], limits.ulimits)
  if (limits.user === 'nonroot') host['SecurityOpt'] = unprivileged(asked['SecurityOpt'])
  if (limits.cpus !== undefined) fillCpus(host, limits.cpus)
  if (tmpfs !== undefined && isObject(asked['Tmpfs'])) {
    host['Tmpfs'] = mapped(asked['Tmpfs'], (options) => sized(options, tmpfs))
  }
  if (isObject(asked['PortBindings'])) {
    host['PortBindings'] = mapped(asked['PortBindings'], (bindings) => fillPorts(bindings, limits))
  }
  return host
}

const noNewPrivileges = 'no-new-privileges'

/** Whoever brings their own image has a program in it that makes root of anybody (setuid). */
function unprivileged(asked: Json | undefined): readonly Json[] {
  const given = isList(asked) ? asked : []
  const said = given.some((option) => string(option).startsWith(noNewPrivileges))
  return said ? given : [...given, noNewPrivileges]
}

function fillCpus(host: Record<string, Json>, cpus: number): void {
  if (amount(host['NanoCpus']) !== 0 || amount(host['CpuQuota']) !== 0) return
  const period = amount(host['CpuPeriod'])
  // The engine refuses a period beside NanoCpus.
  if (period === 0) host['NanoCpus'] = nano(cpus)
  else host['CpuQuota'] = Math.floor(cpus * period)
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
      return { ...mount, VolumeOptions: labelled(objectIn(mount, 'VolumeOptions'), lent) }
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

function fillPorts(bindings: Json, limits: Limits): Json {
  if (!isList(bindings)) return bindings
  let filled: Json[] | undefined
  for (let index = 0; index < bindings.length; index++) {
    const binding = bindings[index]
    if (!isObject(binding)) continue
    const chosen = fillBinding(limits, string(binding['HostIp']), string(binding['HostPort']))
    if (chosen !== undefined) (filled ??= [...bindings])[index] = { ...binding, ...chosen }
  }
  return filled ?? bindings
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
  return { ...parent, [name]: change(objectIn(parent, name)) }
}

function objectIn(parent: JsonObject, name: string): JsonObject {
  const value = parent[name]
  return isObject(value) ? value : none
}

const none: JsonObject = Object.freeze({})

/** The same object where nothing in it changes. */
function mapped(object: JsonObject, change: (value: Json) => Json): JsonObject {
  let copy: Record<string, Json> | undefined
  for (const key in object) {
    const value = object[key] ?? null
    const changed = change(value)
    // The copy has the key as its own by now, whatever it is called.
    if (changed !== value) (copy ??= { ...object })[key] = changed
  }
  return copy ?? object
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
