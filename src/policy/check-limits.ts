// Holds all that an operation asks for against the limits of one role. Pure.
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import type { Concern, Demand } from '../docker/shape.ts'
import type { Objection } from './decision.ts'
import type { Limits } from './limits.ts'
import { changes } from './limits/changes.ts'
import * as amounts from './limits/amounts.ts'
import * as host from './limits/host.ts'
import * as images from './limits/images.ts'
import { log } from './limits/log.ts'
import * as mounts from './limits/mounts.ts'
import * as network from './limits/network.ts'
import type { Against, Asking, Predicate } from './limits/predicate.ts'
import { template } from './limits/template.ts'
import * as words from './limits/words.ts'
import { missing } from './missing.ts'

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
  log,
  template,
  serviceEnv: words.serviceEnv,
  stopTimeout: amounts.stopTimeout,
  stopGrace: amounts.stopGrace,
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
  serviceImage: images.serviceImage,
  renamed: images.renamed,
  search: images.search,
  command: words.command,
  containerName: words.containerName,
  networkName: network.networkName,
  networkDriver: network.networkDriver,
  networkOptions: network.networkOptions,
  addressing: network.addressing,
  registry: images.registry,
  pull: images.pull,
  push: images.push,
  changes,
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
