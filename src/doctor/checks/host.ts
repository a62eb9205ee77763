// Chapters 1 and 3 of the benchmark: the machine, as far as dockgate's own shows the engine's. Files are
// looked at where the engine's process says that they are, or where they usually are. Pure.
import {
  fine,
  found,
  foundAny,
  onlyPeopleKnow,
  unseen,
  type Check,
  type Item,
  type Severity,
  type Verdict,
} from '../check.ts'
import type { Facts } from '../facts.ts'
import type { FileFacts } from '../machine-facts.ts'
import { list, text } from '../inspected.ts'
import { ofDaemon } from './daemon.ts'
import { ofEngine } from './of-engine.ts'

const yearMs = 365 * 86_400_000

/** 1.1.3 to 1.1.18: what the kernel's audit should watch. */
const watched: readonly (readonly [id: string, path: string])[] = [
  ['1.1.3', '/usr/bin/dockerd'],
  ['1.1.4', '/run/containerd'],
  ['1.1.5', '/var/lib/docker'],
  ['1.1.6', '/etc/docker'],
  ['1.1.7', '/usr/lib/systemd/system/docker.service'],
  ['1.1.8', '/run/containerd/containerd.sock'],
  ['1.1.9', '/usr/lib/systemd/system/docker.socket'],
  ['1.1.10', '/etc/default/docker'],
  ['1.1.11', '/etc/docker/daemon.json'],
  ['1.1.12', '/etc/containerd/config.toml'],
  ['1.1.13', '/etc/sysconfig/docker'],
  ['1.1.14', '/usr/bin/containerd'],
  ['1.1.15', '/usr/bin/containerd-shim'],
  ['1.1.16', '/usr/bin/containerd-shim-runc-v1'],
  ['1.1.17', '/usr/bin/containerd-shim-runc-v2'],
  ['1.1.18', '/usr/bin/runc'],
]

interface Asked {
  readonly id: string
  readonly what: string
  /** Where it may be; the first that is there counts. Empty where it is not set or not to be seen. */
  readonly paths: (facts: Facts) => readonly string[]
  /** `root`: it must be root's; else the most that its mode may be. */
  readonly must: 'root' | number
}

const units = '/etc/systemd/system /lib/systemd/system /usr/lib/systemd/system'.split(' ')
const unit = (name: string) => (): readonly string[] => units.map((folder) => `${folder}/${name}`)
const named =
  (option: string) =>
  ({ machine }: Facts): readonly string[] =>
    typeof machine.daemon === 'string' ? [] : (machine.daemon.options.get(option) ?? []).slice(-1)

/** Each is asked twice: whose it is, and what others may. */
const kept: readonly (readonly [
  owner: string,
  mode: string,
  what: string,
  paths: Asked['paths'],
  most: number,
])[] = [
  ['3.1', '3.2', 'docker.service', unit('docker.service'), 0o644],
  ['3.3', '3.4', 'docker.socket', unit('docker.socket'), 0o644],
  ['3.5', '3.6', '/etc/docker', () => ['/etc/docker'], 0o755],
  ['3.7', '3.8', '/etc/docker/certs.d', () => ['/etc/docker/certs.d'], 0o755],
  ['3.9', '3.10', "the CA of the engine's own TLS", named('tlscacert'), 0o444],
  ['3.11', '3.12', "the certificate of the engine's own TLS", named('tlscert'), 0o444],
  ['3.13', '3.14', "the key of the engine's own TLS", named('tlskey'), 0o400],
  ['3.17', '3.18', 'daemon.json', () => ['/etc/docker/daemon.json'], 0o644],
  ['3.19', '3.20', '/etc/default/docker', () => ['/etc/default/docker'], 0o644],
  ['3.22', '3.21', '/etc/sysconfig/docker', () => ['/etc/sysconfig/docker'], 0o644],
  ['3.23', '3.24', "containerd's socket", () => ['/run/containerd/containerd.sock'], 0o660],
]

const files: readonly Asked[] = kept.flatMap(([owner, mode, what, paths, most]): Asked[] => [
  { id: owner, what, paths, must: 'root' },
  { id: mode, what, paths, must: most },
])

export const hostChecks: readonly Check[] = [
  ofEngine('1.1.1', 'info', 'containers have no partition of their own', {
    mend: 'a file system of its own at the data root of the engine',
    look: ({ info }, { machine }) => {
      const root = text(info, 'DockerRootDir')
      if (typeof machine.daemon === 'string') return unseen(machine.daemon)
      const own = machine.isMountPoint(root)
      if (own === undefined) return unseen(`${root} is not to be seen from here`)
      return own ? fine(root) : found('it is on the file system around it', root)
    },
  }),
  row('1.1.2', 'high', "people may open the engine's socket beside dockgate", {
    mend: '`gpasswd -d USER docker`: each of them is root; dockgate gives them a certificate and a role. Say --trusted USER of those who shall stay',
    look: whoMayOpen,
  }),
  ...watched.map(([id, path]) =>
    row(id, 'info', `the kernel's audit does not watch ${path}`, {
      mend: `-w ${path} -k docker in /etc/audit/rules.d/docker.rules; dockgate's own audit has who did what through it`,
      look({ machine }) {
        if (machine.isContainer)
          return unseen('this is a container: the rules are those of its host')
        if (machine.file(path) === undefined) return unseen(`there is no ${path}`)
        if (machine.auditRules === undefined) return found('there is no /etc/audit/audit.rules')
        const lines = machine.auditRules.split('\n').filter((line) => !/^\s*[#;]/.test(line))
        // `-w PATH` and `-F path=PATH`, and no longer path that begins alike.
        const names = (line: string): boolean =>
          line.split(/[\s=]+/).some((word) => word.replace(/\/$/, '') === path)
        return lines.some(names) ? fine('a rule names it') : found('no rule names it')
      },
    }),
  ),
  row('1.2.1', 'info', 'the host is not hardened', {
    mend: 'a guide of the distribution, for instance the CIS one',
    look: onlyPeopleKnow('how the host is kept'),
  }),
  ofEngine('1.2.2', 'low', 'the engine is old', {
    mend: 'a newer engine, or one that the distribution still mends',
    look({ version }, { now }) {
      const [engine] = list(version, 'Components').filter((one) => text(one, 'Name') === 'Engine')
      const built = Date.parse(text(version, 'BuildTime') || text(engine, 'Details', 'BuildTime'))
      const said = `version ${text(version, 'Version')}`
      if (Number.isNaN(built)) return unseen(`${said} does not say when it was built`)
      const day = new Date(built).toISOString().slice(0, 10)
      return now - built > yearMs
        ? found(`${said}, built on ${day}`)
        : fine(`${said}, built on ${day}`)
    },
  }),
  ...files.map((asked) =>
    row(asked.id, asked.must === 0o400 ? 'high' : 'medium', titleOf(asked), {
      mend: asked.must === 'root' ? 'chown root:root' : `chmod ${octal(asked.must)}, or less`,
      look: (facts) => ofDaemon(facts, () => lookAtFile(facts, asked)),
    }),
  ),
  row('3.15', 'high', "the engine's socket does not belong to root and docker", {
    mend: 'chown root:docker; "group" in daemon.json names another group',
    look: ({ machine }) => {
      const { file, path } = machine.socket
      if (file.uid === -1) return unseen(`there is no ${path}`)
      const right = file.uid === 0 && (file.gid === 0 || file.owner.endsWith(':docker'))
      return right ? fine(file.owner) : found(`it belongs to ${file.owner}`, path)
    },
  }),
  row('3.16', 'high', "others may open the engine's socket", {
    mend: 'chmod 660, or less',
    look: ({ machine }) => {
      const { file, path } = machine.socket
      if (file.uid === -1) return unseen(`there is no ${path}`)
      return exceeds(file, 0o660)
        ? found(`its mode is ${octal(file.mode)}`, path)
        : fine(octal(file.mode))
    },
  }),
]

function row(
  id: string,
  severity: Severity,
  title: string,
  rest: Pick<Check, 'mend' | 'look'>,
): Check {
  return { id, cis: id, severity, title, ...rest }
}

function titleOf({ what, must }: Asked): string {
  return must === 'root'
    ? `${what} does not belong to root`
    : `others may do more with ${what} than they should`
}

function lookAtFile(facts: Facts, { paths, must }: Asked): Verdict {
  const asked = paths(facts)
  if (asked.length === 0) return unseen('the engine has no TLS of its own')
  const path = asked.find((one) => facts.machine.file(one) !== undefined)
  const file = path === undefined ? undefined : facts.machine.file(path)
  if (file === undefined) return unseen(`there is no ${asked.at(-1)}`)
  if (must === 'root') {
    const isRoots = file.uid === 0 && file.gid === 0
    return isRoots ? fine(file.owner) : found(`it belongs to ${file.owner}`, path)
  }
  if (!exceeds(file, must)) return fine(octal(file.mode))
  const seen = [{ on: path, seen: `its mode is ${octal(file.mode)}` }]
  // The benchmark asks root not to write: it may all the same.
  const ownersAlone = !exceeds(file, must | 0o700)
  return { kind: 'found', items: seen, ...(ownersAlone ? { severity: 'info' as const } : {}) }
}

/** A bit more than is allowed, whatever the number. */
function exceeds({ mode }: FileFacts, most: number): boolean {
  return (mode & 0o777 & ~most) !== 0
}

export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}

function whoMayOpen({ machine, gate, trusted }: Facts): Verdict {
  const { file } = machine.socket
  if (machine.isContainer) return unseen('this is a container: the groups are those of its host')
  const keeper = gate.files.find(({ is }) => is === 'secret')?.owner.split(':')[0]
  const groups = machine.groups.filter(({ name, gid }) => name === 'docker' || gid === file.gid)
  const items = groups.flatMap(({ name, members }) =>
    members
      .filter((user) => user !== 'root' && user !== keeper && !trusted.has(user))
      .map((on): Item => ({ on, seen: `is in the group ${name}` })),
  )
  const said = groups
    .map(({ name, members }) => `${name}: ${members.join(', ') || 'nobody'}`)
    .join('; ')
  return foundAny(items, `${said || 'there is no group docker'}, as far as /etc/group says`)
}
