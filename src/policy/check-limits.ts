// Holds all that an operation asks for against the limits of one role. Pure.
import { isObject } from '../docker/json.ts'
import type { Json, Operation, Reference, Thing } from '../docker/operation.ts'
import type { Concern, Demand } from '../docker/shape.ts'
import type { Objection } from './decision.ts'
import type { Limits } from './limits.ts'
import * as amounts from './limits/amounts.ts'
import * as host from './limits/host.ts'
import * as images from './limits/images.ts'
import * as mounts from './limits/mounts.ts'
import * as network from './limits/network.ts'
import type { Against, Asking, Predicate } from './limits/predicate.ts'
import * as words from './limits/words.ts'

/** Whose namespaces, files and variables come with a container is judged with its reference. */
const byReference: Predicate = () => undefined

const predicates: Readonly<Record<Concern, Predicate>> = {
  privileged: host.privileged,
  namespaces: host.namespaces,
  networkMode: network.networkMode,
  endpoints: network.endpoints,
  endpointOptions: network.endpointOptions,
  binds: mounts.binds,
  mounts: mounts.mounts,
  volumesFrom: byReference,
  links: byReference,
  volumeDriver: mounts.volumeDriver,
  volumeOptions: mounts.volumeOptions,
  clusterVolume: mounts.clusterVolume,
  capabilities: host.capabilities,
  devices: host.devices,
  securityOptions: host.securityOptions,
  privileges: host.privileges,
  sysctls: host.sysctls,
  runtime: host.runtime,
  cgroupParent: host.cgroupParent,
  log: words.log,
  publish: network.publish,
  publishAll: network.publishAll,
  servicePorts: network.servicePorts,
  memory: amounts.memory,
  memorySwap: amounts.memorySwap,
  cpus: amounts.cpus,
  cpuQuota: amounts.cpuQuota,
  cpuPeriod: amounts.cpuPeriod,
  pids: amounts.pids,
  ulimits: amounts.ulimits,
  shm: amounts.shm,
  tmpfs: amounts.tmpfs,
  oomScore: host.oomScore,
  restart: amounts.restart,
  restartCondition: amounts.restartCondition,
  user: words.user,
  groups: words.groups,
  labels: words.labels,
  env: words.env,
  hosts: network.hosts,
  image: images.image,
  command: words.command,
  containerName: words.containerName,
  networkName: network.networkName,
  networkDriver: network.networkDriver,
  networkOptions: network.networkOptions,
  addressing: network.addressing,
  registry: images.registry,
  pull: images.pull,
  push: images.push,
  changes: words.changes,
  build: words.build,
  buildArgs: words.buildArgs,
}

export function checkLimits(
  limits: Limits,
  role: string,
  operation: Operation,
  things: ReadonlyMap<Reference, Thing | undefined>,
  hostPaths: ReadonlyMap<string, string>,
): readonly Objection[] {
  const asking: Asking = { limits, operation, things, hostPaths }
  const objections: Objection[] = []
  for (const demand of operation.demands) {
    const { say, value } = demand
    const refused =
      say === 'forbidden' || say === 'absent'
        ? { limit: 'safe', found: foundIn(value), allowed: 'nothing' }
        : predicates[say](value, asking, demand)
    if (refused !== undefined) objections.push(objection(role, demand.flag, demand.field, refused))
  }
  for (const [reference, thing] of things) {
    const refused =
      thing === undefined ? undefined : judgeThing(reference, thing, limits, operation)
    if (refused !== undefined) {
      objections.push(objection(role, undefined, `${reference.kind} ${reference.name}`, refused))
    }
  }
  for (const { field, refused } of missing(operation, limits, things)) {
    objections.push(objection(role, undefined, field, refused))
  }
  return objections
}

/** What the name turned out to be, which the spelling did not tell. */
function judgeThing(
  reference: Reference,
  thing: Thing,
  limits: Limits,
  { endpoint }: Operation,
): Against | undefined {
  const isPath = reference.wants === 'target' && reference.place.in === 'path'
  if (isPath && endpoint.id !== 'NetworkConnect') return undefined
  if (thing.kind === 'network' && thing.name === 'host') {
    return network.judgeHost(limits, 'host')
  }
  if (thing.kind === 'volume' && thing.reachesHost === true) {
    return { limit: 'safe', found: 'with options', allowed: 'a volume without them' }
  }
  return undefined
}

const creates: ReadonlySet<string> = new Set(['ContainerCreate', 'ServiceCreate', 'ServiceUpdate'])
const labelled: ReadonlySet<string> = new Set([
  ...creates,
  'NetworkCreate',
  'VolumeCreate',
  'SecretCreate',
  'ConfigCreate',
])

/** What a limit wants and the request, with what it names, does not have. */
function missing(
  operation: Operation,
  limits: Limits,
  things: Asking['things'],
): readonly { readonly field: string; readonly refused: Against }[] {
  const { body, endpoint } = operation
  if (body === undefined) return []
  const found: { field: string; refused: Against }[] = []
  if (endpoint.id === 'ContainerCreate') {
    const given = at(body, 'Volumes')
    const ofImage = [...things.values()].flatMap((thing) =>
      thing?.kind === 'image' ? (thing.volumes ?? []) : [],
    )
    // No mount that carries a label could take the place of the volume that the engine would make.
    const relative = [...Object.keys(isObject(given) ? given : {}), ...ofImage].find(
      (path) => !path.startsWith('/'),
    )
    if (relative !== undefined) {
      const refused = { limit: 'safe', found: relative, allowed: 'absolute paths' }
      found.push({ field: '--volume', refused })
    }
  }
  if (limits.user === 'nonroot' && creates.has(endpoint.id)) {
    const spec = at(body, 'TaskTemplate', 'ContainerSpec') ?? body
    if (isUnsaid(at(spec, 'User'))) {
      const refused = {
        limit: 'user',
        found: 'the one of the image',
        allowed: 'a number other than 0',
      }
      found.push({ field: '--user', refused })
    }
  }
  if (limits.labels.size > 0 && labelled.has(endpoint.id)) {
    for (const [name, wanted] of limits.labels) {
      const value = at(body, 'Labels', name)
      if (typeof value === 'string' && (wanted === '*' || wanted === value)) continue
      const refused = { limit: 'labels', found: 'no such label', allowed: `${name}=${wanted}` }
      found.push({ field: `--label ${name}`, refused })
    }
  }
  return found
}

function at(json: Json | undefined, ...path: readonly string[]): Json | undefined {
  let value = json
  for (const key of path) {
    value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }
  return value
}

function isUnsaid(value: Json | undefined): boolean {
  return value === undefined || value === null || value === ''
}

function foundIn(value: Demand['value']): string {
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

export function objection(
  role: string,
  flag: string | undefined,
  field: string,
  { limit, found, allowed }: Against,
): Objection {
  const named = flag ?? field
  const key = limit === 'safe' ? 'limits' : `limits.${limit}`
  const where = limit === 'safe' ? `only "limits: none" allows it` : key
  const message =
    found === 'true' && allowed === 'false'
      ? `${named} is not allowed by role "${role}" (${where})`
      : `${named} ${printed(found)} is not allowed by role "${role}", which allows ${allowed} (${where})`
  return Object.freeze({ limit: key, field, message, found, allowed })
}

function printed(found: string): string {
  return found.replaceAll(/[^\x20-\x7e…]/g, '?')
}
