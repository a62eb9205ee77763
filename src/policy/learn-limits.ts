// The narrowest limits within which all stays that was asked for: below the safe ones where less was asked,
// above them where more was. Pure.
import { maybeImageId, parseImageReference } from '../docker/image-reference.ts'
import { isObject } from '../docker/json.ts'
import type { Json, Operation } from '../docker/operation.ts'
import { firstValue } from '../docker/query.ts'
import type { Demand } from '../docker/shape.ts'
import { safeLimits, type HostNamespace } from './limits.ts'
import { entriesOf, itemsOf, numberOf, textOf, wordsOf } from './limits/predicate.ts'
import { isNonroot } from './limits/words.ts'
import { readNeeds, readSeen, type Seen } from './replay.ts'

/** What was asked for under each limit, gathered over all requests. */
class Gathered {
  readonly lists = new Map<string, Set<string>>()
  readonly amounts = new Map<string, number[]>()
  readonly binds = new Map<string, boolean>()
  readonly flags = new Set<string>()
  creates = 0
  builds = 0
  hasIds = false

  add(limit: string, words: Iterable<string>): void {
    const found = this.lists.get(limit) ?? new Set<string>()
    for (const word of words) if (word !== '') found.add(word)
    this.lists.set(limit, found)
  }
  amount(limit: string, value: number): void {
    this.amounts.set(limit, [...(this.amounts.get(limit) ?? []), value])
  }
  bind(source: string, readOnly: boolean): void {
    this.binds.set(source, (this.binds.get(source) ?? true) && readOnly)
  }
  list(limit: string): readonly string[] {
    return [...(this.lists.get(limit) ?? [])].toSorted()
  }
}

export function learnLimits(seen: readonly Seen[]): Readonly<Record<string, unknown>> {
  const all = new Gathered()
  for (const one of seen) {
    const asked = readSeen(one)
    const read = typeof asked === 'string' ? asked : readNeeds(asked, one)
    if (typeof read === 'string') continue
    if (creates.has(read.endpoint.id)) all.creates += 1
    if (read.endpoint.id === 'ImageBuild') all.builds += 1
    for (const demand of read.demands) gather(demand, read, all)
  }
  return written(all)
}

const creates: ReadonlySet<string> = new Set(['ContainerCreate', 'ServiceCreate'])
const ephemeral = '32768-60999'

const namespaceOf: Readonly<Record<string, HostNamespace>> = {
  PidMode: 'pid',
  IpcMode: 'ipc',
  UTSMode: 'uts',
  UsernsMode: 'user',
  CgroupnsMode: 'cgroup',
}

type Gather = (
  value: Json,
  all: Gathered,
  asked: { readonly operation: Operation; readonly field: string },
) => void

function gather({ say, field, value }: Demand, operation: Operation, all: Gathered): void {
  gatherers.get(say)?.(value, all, { operation, field })
}

/** What is in no row is within the safe limits, or nothing but `limits: none` allows it. */
const gatherers: ReadonlyMap<Demand['say'], Gather> = new Map<Demand['say'], Gather>([
  ['image', gatherImage],
  ['serviceImage', gatherImage],
  [
    'pull',
    (value, all, { operation }) => {
      const tag = firstValue(operation.target.query, 'tag') ?? ''
      const joint = tag.includes(':') ? '@' : ':'
      all.add('pull', [patternOf(tag === '' ? textOf(value) : `${textOf(value)}${joint}${tag}`)])
    },
  ],
  ['push', (value, all) => all.add('push', [patternOf(textOf(value))])],
  ['binds', gatherBinds],
  ['mounts', gatherMounts],
  [
    'publish',
    (value, all) => {
      for (const [, bindings] of entriesOf(value))
        all.add('publish', itemsOf(bindings).map(portsOf))
    },
  ],
  ['publishAll', (_, all) => all.add('publish', [ephemeral])],
  [
    'servicePorts',
    (value, all) => {
      const ports = itemsOf(value).map((port) => numberOf(port['PublishedPort']))
      all.add('publish', ports.map((port) => (port === 0 ? '30000-32767' : String(port)))) // prettier-ignore
    },
  ],
  ['memory', (value, all) => all.amount('memory', numberOf(value))],
  ['shm', (value, all) => all.amount('shm', numberOf(value))],
  ['pids', (value, all) => all.amount('pids', numberOf(value))],
  ['cpus', (value, all) => all.amount('cpus', numberOf(value) / 1e9)],
  [
    'privileged',
    (_, all, { operation }) =>
      all.flags.add(operation.endpoint.id === 'ContainerExec' ? 'exec.privileged' : 'privileged'),
  ],
  [
    'namespaces',
    (value, all, { field }) => {
      const name = namespaceOf[field.slice(field.lastIndexOf('.') + 1)]
      if (value === 'host' && name !== undefined) all.add('namespaces', [name])
    },
  ],
  ['networkMode', (value, all) => all.add('namespaces', value === 'host' ? ['network'] : [])],
  [
    'endpoints',
    (value, all) => all.add('namespaces', namesIn(value).includes('host') ? ['network'] : []),
  ],
  [
    'capabilities',
    (value, all) =>
      all.add('capabilities', wordsOf(value).map((word) => word.toUpperCase().replace(/^CAP_/, ''))), // prettier-ignore
  ],
  ['devices', (value, all) => all.add('devices', itemsOf(value).map((one) => textOf(one['PathOnHost'])))], // prettier-ignore
  [
    'securityOptions',
    (value, all) =>
      all.add('securityOptions', wordsOf(value).filter((word) => !/^no-new-privileges([=:]true)?$/.test(word))), // prettier-ignore
  ],
  ['sysctls', (value, all) => all.add('sysctls', namesIn(value))],
  ['runtime', (value, all) => all.add('runtimes', [textOf(value)])],
  ['cgroupParent', (value, all) => all.add('cgroupParents', [textOf(value)])],
  ['log', (value, all) => all.add('logDrivers', [driverIn(value)])],
  ['volumeDriver', (value, all) => all.add('volumeDrivers', [textOf(value)])],
  [
    'networkDriver',
    (value, all, { field }) => field === 'Driver' && all.add('networkDrivers', [textOf(value)]),
  ],
  ['addressing', (value, all) => all.add('subnets', itemsOf(value).map((one) => textOf(one['Subnet'])))], // prettier-ignore
  [
    'user',
    (value, all, { operation }) => {
      if (creates.has(operation.endpoint.id) && isNonroot(textOf(value))) all.amount('user', 1)
    },
  ],
  [
    'build',
    (value, all, { field }) => {
      if (field === '?networkmode') all.add('build.networks', [textOf(value)])
      if (field === '?remote') all.flags.add('build.remote')
    },
  ],
  ['buildArgs', (value, all) => all.add('build.args', namesIn(value))],
])

function gatherImage(value: Json, all: Gathered): void {
  if (maybeImageId(textOf(value))) all.hasIds = true
  else all.add('images', [patternOf(textOf(value))])
}

function gatherBinds(value: Json, all: Gathered): void {
  for (const bind of wordsOf(value)) {
    const [source = '', target, options = ''] = bind.split(':')
    if (source.startsWith('/') && target !== undefined) {
      all.bind(source, options.split(',').includes('ro'))
    }
  }
}

function gatherMounts(value: Json, all: Gathered): void {
  for (const mount of itemsOf(value)) {
    const source = textOf(mount['Source'])
    if (mount['Type'] === 'bind') all.bind(source, mount['ReadOnly'] === true)
    if (mount['Type'] === 'image') gatherImage(source, all)
  }
}

function namesIn(value: Json): readonly string[] {
  return entriesOf(value).map(([name]) => name)
}

/** Below the safe limits where less was asked for, above them where more was. */
function written(all: Gathered): Readonly<Record<string, unknown>> {
  const limits: Record<string, unknown> = {}
  const beyond = (limit: 'volumeDrivers' | 'networkDrivers' | 'logDrivers'): void => {
    const used = all.list(limit)
    if (used.some((word) => !safeLimits[limit].has(word))) limits[limit] = used
  }
  const images = all.list('images')
  const pulls = all.list('pull')
  // A Dockerfile names images that are on no record: a limit on them would refuse what was allowed.
  if (all.builds === 0 && !all.hasIds) {
    if (all.creates > 0) limits['images'] = images
    if (pulls.length > 0 && (all.creates === 0 || pulls.some((one) => !images.includes(one)))) {
      limits['pull'] = pulls
    }
  }
  if (all.lists.has('push')) limits['push'] = all.list('push')
  if (all.binds.size > 0) {
    limits['binds'] = [...all.binds].map(([source, readOnly]) => ({ source, readOnly }))
  }
  beyond('volumeDrivers')
  beyond('networkDrivers')
  if (all.list('subnets').length > 0) limits['subnets'] = all.list('subnets')
  // A limit is filled in where nobody asks for one: only where everybody did it changes nothing.
  for (const limit of ['memory', 'cpus', 'shm'] as const) {
    const amounts = all.amounts.get(limit) ?? []
    if (amounts.length > 0 && amounts.length === all.creates) limits[limit] = Math.max(...amounts)
  }
  const pids = Math.max(0, ...(all.amounts.get('pids') ?? []))
  if (pids > safeLimits.pids) limits['pids'] = pids
  if (all.creates > 0) limits['publish'] = all.list('publish')
  if (all.creates > 0 && all.amounts.get('user')?.length === all.creates) limits['user'] = 'nonroot'
  if (all.flags.has('privileged')) limits['privileged'] = true
  for (const limit of [
    'capabilities',
    'devices',
    'securityOptions',
    'namespaces',
    'sysctls',
    'runtimes',
    'cgroupParents',
  ]) {
    // prettier-ignore
    if (all.list(limit).length > 0) limits[limit] = all.list(limit)
  }
  beyond('logDrivers')
  if (all.flags.has('exec.privileged')) limits['exec'] = { privileged: true }
  if (all.builds > 0) {
    const networks = all.list('build.networks')
    const isBeyond = networks.some((network) => !safeLimits.build.networks.has(network))
    limits['build'] = {
      args: all.list('build.args'),
      ...(isBeyond ? { networks } : {}),
      ...(all.flags.has('build.remote') ? { remote: true } : {}),
    }
  }
  return limits
}

/** As an operator would write it: without what is meant anyway. */
function patternOf(text: string): string {
  const parsed = parseImageReference(text)
  if (parsed === undefined) return text
  const name = parsed.name.replace(/^docker\.io\/(library\/)?/, '')
  if (parsed.digest !== undefined) return `${name}@${parsed.digest}`
  return `${name}:${parsed.tag ?? 'latest'}`
}

function portsOf(binding: Readonly<Record<string, Json>>): string {
  const port = textOf(binding['HostPort'])
  const ports = port === '' || port === '0' ? ephemeral : port
  const address = textOf(binding['HostIp'])
  const isEvery = ['', '0.0.0.0', '::'].includes(address)
  return isEvery ? ports : `${address.includes(':') ? `[${address}]` : address}:${ports}`
}

function driverIn(value: Json): string {
  return isObject(value) ? textOf(value['Type'] ?? value['Name']) : ''
}
