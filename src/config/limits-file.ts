// `limits:` of a role: what it names replaces the safe default, what it leaves out keeps it.
import {
  hostNamespaces,
  safeLimits,
  type BindRule,
  type HostNamespace,
  type ImagePattern,
  type Limits,
  type PublishRule,
} from '../policy/limits.ts'
import { parseImagePattern } from '../policy/limits/images.ts'
import { canonicalAddress, parseNetwork, withoutHostBits, type Network } from '../policy/network.ts'
import { nearest } from '../nearest.ts'
import { parseSize } from '../policy/size.ts'
import { isSeq } from 'yaml'
import type { Value } from './yaml-node.ts'

type Writable = { -readonly [Key in keyof Limits]: Limits[Key] }

export function readLimits(value: Value | undefined): Limits | 'none' {
  if (value === undefined) return safeLimits
  if (value.node === null || !('items' in value.node)) {
    const word = value.text()
    if (word === 'none') return 'none'
    if (word !== undefined) {
      value.fault(
        `unknown limits ${JSON.stringify(word)}`,
        'limits: none, or single limits below it',
      )
    }
    return safeLimits
  }
  const limits: Writable = { ...safeLimits }
  for (const [name, given] of value.entries(Object.keys(readers))) {
    readers[name as keyof typeof readers](given, limits)
  }
  const { totalMemory, totalCpus } = limits.quota
  if (totalMemory !== undefined && limits.memory === undefined) {
    value.fault('totalMemory counts the limits of containers', 'add memory: 1GiB')
  }
  if (totalCpus !== undefined && limits.cpus === undefined) {
    value.fault('totalCpus counts the limits of containers', 'add cpus: 1')
  }
  return Object.freeze(limits)
}

type Reader = (value: Value, limits: Writable) => void

function quota(name: keyof Limits['quota'], read: (value: Value) => number | undefined): Reader {
  return (value, limits) => {
    const most = read(value)
    if (most !== undefined) limits.quota = Object.freeze({ ...limits.quota, [name]: most })
  }
}

function counted(name: keyof Limits['quota']): Reader {
  return quota(name, (value) => amount(value, /^\d{1,7}$/, '20'))
}

/** One row a key, in the order in which the README tells of them. */
const readers = {
  images: (value, limits) => (limits.images = patterns(value)),
  pull: (value, limits) => (limits.pull = patterns(value)),
  push: (value, limits) => (limits.push = patterns(value)),
  binds: (value, limits) => (limits.binds = value.items().flatMap((item) => bindRule(item) ?? [])),
  volumeDrivers: (value, limits) => (limits.volumeDrivers = words(value)),
  networkDrivers: (value, limits) => (limits.networkDrivers = words(value)),
  subnets: (value, limits) => (limits.subnets = subnets(value)),
  memory: (value, limits) => (limits.memory = size(value)),
  shm: (value, limits) => (limits.shm = size(value)),
  tmpfs: (value, limits) => (limits.tmpfs = size(value)),
  cpus: (value, limits) => (limits.cpus = amount(value, /^\d{1,4}(\.\d{1,9})?$/, '0.5 or 2')),
  pids: (value, limits) => (limits.pids = amount(value, /^\d{1,7}$/, '512') ?? limits.pids),
  ulimits: (value, limits) => (limits.ulimits = ulimits(value)),
  publish: (value, limits) =>
    (limits.publish = value.texts().flatMap((item) => publishRule(item) ?? [])),
  user: (value, limits) => (limits.user = choice(value, ['any', 'nonroot'])),
  privileged: (value, limits) => (limits.privileged = flag(value)),
  capabilities: (value, limits) => (limits.capabilities = capabilities(value)),
  devices: (value, limits) => (limits.devices = absolutePaths(value)),
  securityOptions: (value, limits) => (limits.securityOptions = words(value)),
  namespaces: (value, limits) =>
    (limits.namespaces = chosen(value, hostNamespaces) as ReadonlySet<HostNamespace>),
  sysctls: (value, limits) => (limits.sysctls = words(value)),
  runtimes: (value, limits) => (limits.runtimes = words(value)),
  cgroupParents: (value, limits) => (limits.cgroupParents = words(value)),
  logDrivers: (value, limits) => (limits.logDrivers = words(value)),
  restart: (value, limits) =>
    (limits.restart = chosen(value, ['no', 'always', 'on-failure', 'unless-stopped'])),
  labels: (value, limits) => (limits.labels = requiredLabels(value)),
  forbidEnv: (value, limits) => (limits.forbidEnv = words(value)),
  exec: (value, limits) => (limits.exec = execLimits(value)),
  build: (value, limits) => (limits.build = buildLimits(value)),
  containers: counted('containers'),
  running: counted('running'),
  volumes: counted('volumes'),
  networks: counted('networks'),
  imageCount: counted('imageCount'),
  imageSize: quota('imageSize', size),
  totalMemory: quota('totalMemory', size),
  totalCpus: quota('totalCpus', (value) => amount(value, /^\d{1,4}(\.\d{1,9})?$/, '8')),
} as const satisfies Record<Exclude<keyof Limits, 'quota'> | keyof Limits['quota'], Reader>

function words(value: Value): ReadonlySet<string> {
  return new Set(value.texts().map(({ text }) => text))
}

function choice<Word extends string>(value: Value, known: readonly [Word, ...Word[]]): Word {
  const word = value.text()
  const found = known.find((candidate) => candidate === word)
  if (found !== undefined) return found
  if (word !== undefined) unknown(value, word, known)
  return known[0]
}

function chosen(value: Value, known: readonly string[]): ReadonlySet<string> {
  for (const { value: item, text } of value.texts()) {
    if (!known.includes(text)) unknown(item, text, known)
  }
  return words(value)
}

function unknown(value: Value, word: string, known: readonly string[]): void {
  const near = nearest(word, known)
  const hint = near === undefined ? known.join(', ') : `did you mean ${near}?`
  value.fault(`unknown word ${JSON.stringify(word)}`, hint)
}

function flag(value: Value): boolean {
  const word = value.node?.toString()
  if (word !== 'true' && word !== 'false') value.fault('it is true or false')
  return word === 'true'
}

function size(value: Value): number | undefined {
  const text = value.text()
  const bytes = text === undefined ? undefined : parseSize(text)
  if (text !== undefined && (bytes === undefined || bytes === 0)) {
    value.fault(`${JSON.stringify(text)} is no size`, '512MiB or 2GiB')
  }
  return bytes
}

function amount(value: Value, pattern: RegExp, example: string): number | undefined {
  const text = value.text()
  if (text === undefined) return undefined
  if (!pattern.test(text) || Number(text) === 0) {
    value.fault(`${JSON.stringify(text)} is no amount`, example)
    return undefined
  }
  return Number(text)
}

function patterns(value: Value): readonly ImagePattern[] {
  return value.texts().flatMap(({ value: item, text }) => {
    const pattern = parseImagePattern(text)
    if (pattern !== undefined) return [pattern]
    item.fault(
      `${JSON.stringify(text)} is no pattern of images`,
      'docker.io/library/*, registry.example.com/**, nginx:1.27 or app@sha256:…',
    )
    return []
  })
}

function bindRule(value: Value): BindRule | undefined {
  const entries = value.entries(['source', 'readOnly'])
  const source = entries.get('source')
  const path = source?.text()
  if (source === undefined)
    value.fault('it names no source', '{ source: /srv/shared, readOnly: true }')
  if (source === undefined || path === undefined) return undefined
  if (!isCleanPath(path)) {
    source.fault(
      `${JSON.stringify(path)} is no absolute path without "..", "//" or a slash at its end`,
    )
    return undefined
  }
  const readOnly = entries.get('readOnly')
  return Object.freeze({ source: path, readOnly: readOnly === undefined ? false : flag(readOnly) })
}

function isCleanPath(path: string): boolean {
  if (path === '/') return true
  return (
    path.startsWith('/') &&
    path
      .slice(1)
      .split('/')
      .every((part) => !['', '.', '..'].includes(part))
  )
}

function absolutePaths(value: Value): ReadonlySet<string> {
  for (const { value: item, text } of value.texts()) {
    if (!isCleanPath(text)) item.fault(`${JSON.stringify(text)} is no absolute path`)
  }
  return words(value)
}

function subnets(value: Value): readonly Network[] {
  return value.texts().flatMap(({ value: item, text }) => {
    const network = parseNetwork(text)
    if (network === undefined) {
      item.fault(`${JSON.stringify(text)} is no network`, '10.100.0.0/16')
      return []
    }
    const meant = withoutHostBits(network)
    if (meant !== undefined)
      item.fault(`${text} has bits beyond its length`, `did you mean ${meant}?`)
    return [network]
  })
}

/** `8080`, `8000-8999`, `127.0.0.1:8000-8999`, `[::1]:8080` */
function publishRule({ value, text }: { value: Value; text: string }): PublishRule | undefined {
  const found = /^(?:(.+):)?(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  const [, written, first = '', last = first] = found ?? []
  const address =
    written === undefined ? '*' : canonicalAddress(written.replace(/^\[(.*)\]$/, '$1'))
  const [from, to] = [Number(first), Number(last)]
  if (found === null || address === undefined || from < 1 || to < from || to > 65_535) {
    return value.fault(
      `${JSON.stringify(text)} is no range of ports`,
      '8080, 8000-8999 or 127.0.0.1:8000-8999',
    )
  }
  return Object.freeze({ address, from, to, text })
}

function capabilities(value: Value): ReadonlySet<string> {
  const found = new Set<string>()
  for (const { value: item, text } of value.texts()) {
    const name = text.toUpperCase().replace(/^CAP_/, '')
    if (!/^[A-Z_]+$/.test(name)) item.fault(`${JSON.stringify(text)} is no capability`, 'NET_ADMIN')
    found.add(name)
  }
  return found
}

/** What an engine takes: it is told them all. */
const ulimitNames = `core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime
  sigpending stack`.split(/\s+/)

function ulimits(value: Value): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const [name, item] of value.entries(ulimitNames)) {
    const most = amount(item, /^\d{1,15}$/, 'nofile: 4096')
    if (most !== undefined) found.set(name, most)
  }
  return found
}

/** `[team, stage]` or `{ team: "*", stage: dev }` */
function requiredLabels(value: Value): ReadonlyMap<string, string> {
  const isList = isSeq(value.node)
  if (isList) return new Map(value.texts().map(({ text }) => [text, '*']))
  return new Map([...value.entries()].map(([name, item]) => [name, item.text() ?? '*']))
}

function execLimits(value: Value): Limits['exec'] {
  const entries = value.entries(['privileged', 'commands'])
  const privileged = entries.get('privileged')
  const commands = entries.get('commands')
  return Object.freeze({
    privileged: privileged === undefined ? false : flag(privileged),
    commands: commands?.texts().map(({ text }) => text.split(/\s+/).filter((word) => word !== '')),
  })
}

function buildLimits(value: Value): Limits['build'] {
  const safe = safeLimits.build
  const entries = value.entries(['networks', 'remote', 'args'])
  const networks = entries.get('networks')
  const remote = entries.get('remote')
  const args = entries.get('args')
  return Object.freeze({
    networks: networks === undefined ? safe.networks : words(networks),
    remote: remote === undefined ? safe.remote : flag(remote),
    args: args === undefined ? undefined : words(args),
  })
}
