// What a role may ask of what it creates: one frozen value, every limit present, safe by default.
import type { Network } from './network.ts'

export interface Limits {
  /** Patterns of images that may be run, pulled and built upon; undefined: all. */
  readonly images: readonly ImagePattern[] | undefined
  readonly pull: readonly ImagePattern[] | undefined
  readonly push: readonly ImagePattern[] | undefined
  readonly binds: readonly BindRule[]
  readonly volumeDrivers: ReadonlySet<string>
  readonly networkDrivers: ReadonlySet<string>
  readonly subnets: readonly Network[]
  /** Bytes; undefined: unlimited. */
  readonly memory: number | undefined
  readonly shm: number | undefined
  readonly tmpfs: number | undefined
  readonly cpus: number | undefined
  readonly pids: number
  /** The most that a named ulimit may be raised to. */
  readonly ulimits: ReadonlyMap<string, number>
  readonly publish: readonly PublishRule[]
  /** `nonroot`: a numeric user other than 0 must be named. */
  readonly user: 'any' | 'nonroot'
  readonly privileged: boolean
  readonly capabilities: ReadonlySet<string>
  readonly devices: ReadonlySet<string>
  readonly securityOptions: ReadonlySet<string>
  /** Host namespaces that may be joined. */
  readonly namespaces: ReadonlySet<HostNamespace>
  readonly sysctls: ReadonlySet<string>
  readonly runtimes: ReadonlySet<string>
  readonly cgroupParents: ReadonlySet<string>
  readonly logDrivers: ReadonlySet<string>
  readonly restart: ReadonlySet<string>
  /** Labels that whatever is created must have; `*` for any value. */
  readonly labels: ReadonlyMap<string, string>
  readonly forbidEnv: ReadonlySet<string>
  readonly exec: ExecLimits
  readonly build: BuildLimits
  /** How much they may have at once, of all that the role reaches. */
  readonly quota: Quota
}

/** Absent: unlimited. */
export interface Quota {
  readonly containers?: number
  readonly running?: number
  readonly volumes?: number
  readonly networks?: number
  readonly imageCount?: number
  /** Bytes of all their images. */
  readonly imageSize?: number
  /** Bytes and CPUs of all their containers' limits, running or not. */
  readonly totalMemory?: number
  readonly totalCpus?: number
}

/** `docker.io/library/*`, `registry.example.com/**`, `nginx:1.27`, `app@sha256:…` */
export interface ImagePattern {
  readonly text: string
  readonly name: RegExp
  /** Of the registry alone: `registry.example.com`. */
  readonly domain: RegExp
  readonly tag: string | undefined
  readonly digest: string | undefined
}

export interface BindRule {
  /** An absolute path on the engine's host, without a link in it. */
  readonly source: string
  readonly readOnly: boolean
}

export interface PublishRule {
  /** `*`: any address. */
  readonly address: string
  readonly from: number
  readonly to: number
  readonly text: string
}

/** Whether a required label has a value that will do. */
export function asksFor(wanted: string, value: string | undefined): value is string {
  return value !== undefined && (wanted === '*' || wanted === value)
}

export const hostNamespaces = ['network', 'pid', 'ipc', 'uts', 'user', 'cgroup'] as const
export type HostNamespace = (typeof hostNamespaces)[number]

export interface ExecLimits {
  readonly privileged: boolean
  /** Commands that may be run, word for word; `*` stands for one word; undefined: all. */
  readonly commands: readonly (readonly string[])[] | undefined
}

export interface BuildLimits {
  readonly networks: ReadonlySet<string>
  /** Whether the context may be a URL that the engine fetches. */
  readonly remote: boolean
  /** Build arguments that may be set; undefined: all. */
  readonly args: ReadonlySet<string> | undefined
}

const nothing: ReadonlySet<string> = new Set()

export const safeLimits: Limits = Object.freeze({
  images: undefined,
  pull: undefined,
  push: undefined,
  binds: Object.freeze([]),
  volumeDrivers: new Set(['local']),
  networkDrivers: new Set(['bridge']),
  subnets: Object.freeze([]),
  memory: undefined,
  shm: undefined,
  tmpfs: undefined,
  cpus: undefined,
  // A fork bomb in one container would take the host's process table.
  pids: 4096,
  ulimits: new Map<string, number>(),
  // Ports below are the host's own services.
  publish: Object.freeze([{ address: '*', from: 1024, to: 65_535, text: '1024-65535' }]),
  user: 'any' as const,
  privileged: false,
  capabilities: nothing,
  devices: nothing,
  securityOptions: nothing,
  namespaces: new Set<HostNamespace>(),
  sysctls: nothing,
  runtimes: nothing,
  cgroupParents: nothing,
  // They stay on the host; others reach the network and the host's sockets and files.
  logDrivers: new Set(['json-file', 'local', 'none']),
  restart: new Set(['no', 'always', 'on-failure', 'unless-stopped']),
  labels: new Map<string, string>(),
  forbidEnv: nothing,
  exec: Object.freeze({ privileged: false, commands: undefined }),
  build: Object.freeze({
    networks: new Set(['default', 'bridge', 'none']),
    remote: false,
    args: undefined,
  }),
  quota: Object.freeze({}),
})
