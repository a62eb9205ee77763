// The dockerd behind a socket, where it is a process of this machine: its command line and its
// daemon.json say what its API does not.
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { basename } from 'node:path'

export interface DaemonProcess {
  readonly pid: number
  /** What the files of its mount namespace are below; empty where they are ours. */
  readonly root: string
  /** Options by their long name of the command line, each with every value that it was given. */
  readonly options: ReadonlyMap<string, readonly string[]>
}

/** A sentence where it is not to be seen from here. */
export function findDaemon(socketPath: string): DaemonProcess | string {
  const daemons = processIds().flatMap((pid) => readDaemon(pid) ?? [])
  if (daemons.length === 0) return 'no dockerd is among the processes that are visible here'
  const exact = daemons.filter(({ options }) => socketsOf(options).some(isSame(socketPath)))
  const here = exact.length > 0 ? exact : daemons.filter(isDefault(socketPath))
  const ours = here.length > 1 ? here.filter(({ root }) => root === '') : here
  const [only, ...others] = ours
  if (only === undefined || others.length > 0)
    return 'none of the visible dockerd is for certain the one behind the socket'
  return only
}

const defaults = ['/var/run/docker.sock', '/run/docker.sock']

function isDefault(socketPath: string): (daemon: DaemonProcess) => boolean {
  return ({ options }) => {
    const named = (options.get('host') ?? []).filter((host) => !host.startsWith('tcp://'))
    const atDefault = named.every((host) => host.startsWith('fd://'))
    return atDefault && defaults.some(isSame(socketPath))
  }
}

function isSame(one: string): (other: string) => boolean {
  return (other) => resolved(one) === resolved(other)
}

function resolved(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function socketsOf(options: DaemonProcess['options']): readonly string[] {
  const hosts = options.get('host') ?? []
  return hosts.flatMap((host) => (host.startsWith('unix://') ? host.slice(7) : []))
}

function processIds(): readonly number[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? Number(name) : []))
  } catch {
    return []
  }
}

function readDaemon(pid: number): DaemonProcess | undefined {
  const [program = '', ...args] = (textOf(`/proc/${pid}/cmdline`) ?? '').split('\0')
  if (basename(program) !== 'dockerd') return undefined
  const root = rootOf(pid)
  const given = readArguments(args)
  const [configFile = '/etc/docker/daemon.json'] = given.get('config-file') ?? []
  const options = new Map(given)
  for (const [name, values] of readConfig(textOf(`${root}${configFile}`) ?? '{}')) {
    options.set(name, [...(options.get(name) ?? []), ...values])
  }
  return { pid, root, options }
}

/** Whether its files are ours; where that may not be asked they are taken for it. */
function rootOf(pid: number): string {
  try {
    const same = readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync('/proc/self/ns/mnt')
    return same ? '' : `/proc/${pid}/root`
  } catch {
    return ''
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** They take no value after a blank. */
const flags = new Set(
  'debug experimental icc init ip-forward ip-masq iptables ip6tables ipv6 live-restore no-new-privileges raw-logs selinux-enabled tls tlsverify userland-proxy'.split(
    ' ',
  ),
)
const short: ReadonlyMap<string, string> = new Map([
  ['D', 'debug'],
  ['H', 'host'],
  ['l', 'log-level'],
  ['G', 'group'],
  ['s', 'storage-driver'],
  ['b', 'bridge'],
  ['p', 'pidfile'],
])

function readArguments(args: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const options = new Map<string, string[]>()
  for (let index = 0; index < args.length; index += 1) {
    const match = /^(?:--([a-z0-9-]+)|-([A-Za-z]))(?:=(.*))?$/s.exec(args[index] ?? '')
    const name = match?.[1] ?? short.get(match?.[2] ?? '')
    if (match === null || name === undefined) continue
    const value = match[3] ?? (flags.has(name) ? 'true' : (args[(index += 1)] ?? ''))
    options.set(name, [...(options.get(name) ?? []), value])
  }
  return options
}

/** Lists have a name in the plural there. */
const singular: ReadonlyMap<string, string> = new Map([
  ['hosts', 'host'],
  ['insecure-registries', 'insecure-registry'],
  ['default-ulimits', 'default-ulimit'],
  ['storage-opts', 'storage-opt'],
  ['authorization-plugins', 'authorization-plugin'],
])

function readConfig(json: string): readonly (readonly [string, readonly string[]])[] {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => {
    const values = Array.isArray(one)
      ? one.map(String)
      : typeof one === 'object' && one !== null
        ? Object.keys(one)
        : [String(one)]
    // An empty list or text says nothing.
    const said = values.filter((word) => word !== '')
    return said.length === 0 ? [] : [[singular.get(key) ?? key, said] as const]
  })
}
