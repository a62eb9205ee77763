// What a container has of the host: folders by whatever road, and ports. Pure.
import type { Container, EngineFacts } from '../engine-facts.ts'
import type { Facts } from '../facts.ts'
import { at, entries, list, text, words } from '../inspected.ts'
import { isWithin } from '../root-roles.ts'

interface HostMount {
  readonly source: string
  readonly readOnly: boolean
  readonly propagation: string
}

/** Binds, and volumes of the local driver that are folders of the host by their options. */
export function hostMounts({ inspect }: Container, { volumes }: EngineFacts): readonly HostMount[] {
  return list(inspect, 'Mounts').flatMap((mount): HostMount[] => {
    const rest = {
      readOnly: at(mount, 'RW') === false,
      propagation: text(mount, 'Propagation'),
    }
    if (text(mount, 'Type') === 'bind') return [{ source: text(mount, 'Source'), ...rest }]
    const volume = volumes.get(text(mount, 'Name'))
    const device = text(volume, 'Options', 'device')
    return device.startsWith('/') ? [{ source: device, ...rest }] : []
  })
}

const system =
  '/ /bin /boot /dev /etc /lib /lib64 /proc /root /run /sbin /sys /usr /var/run /var/lib/docker /var/lib/containerd'.split(
    ' ',
  )
/** Harmless to read, and mounted everywhere. */
const harmless = new Set(
  '/etc/localtime /etc/timezone /etc/hostname /etc/hosts /etc/resolv.conf /etc/machine-id /etc/ssl /etc/ssl/certs /etc/ca-certificates /usr/share/zoneinfo /usr/share/ca-certificates'.split(
    ' ',
  ),
)

export function sensitiveMounts(
  container: Container,
  engine: EngineFacts,
  { gate, machine }: Facts,
): readonly string[] {
  const { home, certs } = gate.settings
  const folders = [...system, text(engine.info, 'DockerRootDir'), home, certs].filter(Boolean)
  return hostMounts(container, engine).flatMap(({ source, readOnly }) => {
    const exact = folders.includes(source)
    const below = folders.some((folder) => folder !== '/' && isWithin(source, folder))
    if (!exact && !below) return []
    if (readOnly && (harmless.has(source) || isReadable(source))) return []
    // 5.32 tells of it, by its name.
    if (isSocketOf(source, machine.socket)) return []
    return [`mounts ${source}${readOnly ? ', read-only' : ''}`]
  })
}

/** Programs and libraries, the kernel's own figures: nothing there is a secret. */
function isReadable(source: string): boolean {
  const open = '/bin /boot /lib /lib64 /sbin /sys /usr'.split(' ')
  return open.some((folder) => isWithin(source, folder))
}

export function sharedMounts(container: Container, engine: EngineFacts): readonly string[] {
  return hostMounts(container, engine)
    .filter(({ propagation }) => propagation.endsWith('shared'))
    .map(({ source, propagation }) => `mounts ${source} as ${propagation}`)
}

const sockets = '/run/docker.sock /var/run/docker.sock /run/containerd/containerd.sock'.split(' ')

function isSocketOf(source: string, { path, realPath }: Facts['machine']['socket']): boolean {
  return [...sockets, path, realPath].includes(source) || source.endsWith('/docker.sock')
}

/** A socket does what it does on a read-only mount, too, and in a folder as well as by its name. */
export function exposesEngine(
  container: Container,
  engine: EngineFacts,
  socket: Facts['machine']['socket'],
): readonly string[] {
  return hostMounts(container, engine).flatMap(({ source }) => {
    if (isSocketOf(source, socket)) return [`mounts ${source}`]
    const inside = [...sockets, socket.path, socket.realPath].find((one) => isWithin(one, source))
    return inside === undefined ? [] : [`mounts ${source}, which holds ${inside}`]
  })
}

export interface PublishedPort {
  readonly port: number
  readonly address: string
}

/** Of a container that does not run: what it asks for. */
export function publishedPorts({ inspect, running }: Container): readonly PublishedPort[] {
  const bindings = running
    ? entries(inspect, 'NetworkSettings', 'Ports')
    : entries(inspect, 'HostConfig', 'PortBindings')
  return bindings.flatMap(([, bound]) =>
    (Array.isArray(bound) ? bound : []).map((one: unknown) => ({
      port: Number(text(one, 'HostPort')),
      address: text(one, 'HostIp'),
    })),
  )
}

/** Why a command in it is a command on the host; undefined where it is not. */
export function whyStrong(
  container: Container,
  engine: EngineFacts,
  socket: Facts['machine']['socket'],
): string | undefined {
  const { inspect } = container
  if (at(inspect, 'HostConfig', 'Privileged') === true) return 'is privileged'
  const [exposed] = exposesEngine(container, engine, socket)
  if (exposed !== undefined) return exposed
  const added = words(inspect, 'HostConfig', 'CapAdd').map((one) => one.toUpperCase())
  const strong = added.find((one) =>
    /^(CAP_)?(ALL|SYS_ADMIN|SYS_MODULE|SYS_PTRACE|SYS_RAWIO)$/.test(one),
  )
  if (strong !== undefined) return `has the capability ${strong}`
  const written = hostMounts(container, engine).find(
    ({ source, readOnly }) =>
      !readOnly && system.some((one) => one === source || (one !== '/' && isWithin(source, one))),
  )
  if (written !== undefined) return `may write to ${written.source} of the host`
  return undefined
}
