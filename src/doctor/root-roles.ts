// Which roles amount to root on the engine's host, and by which way. With limits a role may still be
// root by what its limits allow, or by what already runs where it may run commands. Pure.
import type { Role } from '../policy/role.ts'

/** What a role can reach that is root already. */
export interface Ground {
  /** Paths by which the engine's socket is known. */
  readonly sockets: readonly string[]
  /** Folders that hold keys of dockgate. */
  readonly keys: readonly string[]
  /** The engine's own files. */
  readonly engineRoot: string
  /** Containers in which a command is a command on the host, and why. */
  readonly strong: readonly StrongContainer[]
}

export interface StrongContainer {
  readonly name: string
  readonly why: string
  readonly labels: Readonly<Record<string, unknown>>
}

/** Each a sentence that goes on after "may"; none: it does not amount to root. */
export function waysToRoot(role: Role, ground: Ground): readonly string[] {
  const may = (permission: string): boolean =>
    role.allows.has(permission) && !role.denies.has(permission)
  const ways = role.limits === 'none' ? unlimitedWays(may) : limitedWays(role, may, ground)
  const exec = role.limits === 'none' || role.limits.exec.commands === undefined
  const runs = may('exec.create') && may('exec.start') && exec
  const enters = runs ? 'run commands in' : may('container.cp-in') ? 'write files into' : undefined
  if (enters === undefined) return ways
  const reached = ground.strong.filter(({ labels }) => isReached(role, labels))
  return [
    ...ways,
    ...reached.map(({ name, why }) => `${enters} the container ${name}, which ${why}`),
  ]
}

type May = (permission: string) => boolean

function unlimitedWays(may: May): readonly string[] {
  const ways: readonly (readonly [permission: string, way: string])[] = [
    ['container.create', 'create containers with `limits: none`'],
    ['service.create', 'create services with `limits: none`'],
    ['service.update', 'change services with `limits: none`'],
    ['plugin.install', 'install plugins, which run as root'],
    ['plugin.set', 'change the settings of plugins, which run as root'],
    ['builder.grpc', 'speak to BuildKit past every limit'],
  ]
  const found = ways.flatMap(([permission, way]) => (may(permission) ? [way] : []))
  return may('exec.create') && may('exec.start')
    ? [...found, 'run privileged commands with `limits: none`']
    : found
}

const strongCapabilities =
  /^(CAP_)?(ALL|SYS_ADMIN|SYS_MODULE|SYS_PTRACE|SYS_RAWIO|DAC_READ_SEARCH|BPF|MAC_ADMIN|SYS_BOOT)$/i
/** Disks and memory of the host. */
const strongDevices =
  /^(\*|\/dev\/?|\/dev\/(sd|hd|vd|xvd|nvme|dm-|md|mmcblk|mapper|disk|mem|kmem|port|fuse).*)$/

function limitedWays({ limits }: Role, may: May, ground: Ground): readonly string[] {
  if (limits === 'none') return []
  const ways: string[] = []
  if (limits.exec.privileged && may('exec.create') && may('exec.start')) {
    ways.push('run privileged commands (limits.exec.privileged)')
  }
  if (!may('container.create') && !may('service.create') && !may('service.update')) return ways
  if (limits.privileged) ways.push('create privileged containers (limits.privileged)')
  const capabilities = [...limits.capabilities].filter((one) => strongCapabilities.test(one))
  if (capabilities.length > 0)
    ways.push(`add ${capabilities.join(', ')} to containers (limits.capabilities)`)
  const devices = [...limits.devices].filter((one) => strongDevices.test(one))
  if (devices.length > 0) ways.push(`give ${devices.join(', ')} to containers (limits.devices)`)
  if (limits.securityOptions.has('systempaths=unconfined'))
    ways.push('write to /proc/sys of the host (limits.securityOptions)')
  for (const { source, readOnly } of limits.binds) {
    const why = whyStrong(source, readOnly, ground)
    if (why !== undefined) ways.push(`mount ${source}, ${why} (limits.binds)`)
  }
  return ways
}

/** Whoever may write there is root by the next start of something. */
const systemFolders =
  '/bin /boot /dev /etc /lib /lib64 /proc /root /run /sbin /sys /usr /var/run /var/lib/docker /var/lib/containerd /var/spool/cron'.split(
    ' ',
  )

/** Why a folder or file of the host, mounted, is more than its files; undefined where it is not. */
export function whyStrong(source: string, readOnly: boolean, ground: Ground): string | undefined {
  const socket = ground.sockets.find((path) => isWithin(path, source))
  // A socket can be opened for writing on a file system that is mounted read-only.
  if (socket !== undefined) return `which holds the engine's socket ${socket}`
  if (ground.keys.some((path) => isWithin(path, source) || isWithin(source, path)))
    return "which holds dockgate's keys"
  if (readOnly) return undefined
  const folder = [...systemFolders, ground.engineRoot].find(
    (path) => path !== '' && (isWithin(source, path) || isWithin(path, source)),
  )
  return folder === undefined
    ? undefined
    : `which may be written${folder === source ? '' : ` and is of ${folder}`}`
}

/** Whether `path` is `folder` or below it. */
export function isWithin(path: string, folder: string): boolean {
  const parent = folder.replace(/\/+$/, '')
  return path === folder || path === parent || path.startsWith(`${parent}/`)
}

/** What belongs to somebody was made within their own limits. */
function isReached({ on }: Role, labels: Readonly<Record<string, unknown>>): boolean {
  if (on.kind === 'all') return true
  if (on.kind !== 'label') return false
  return Object.entries(on.labels).every(([name, value]) => labels[name] === value)
}
