// Chapter 5 of the benchmark: how containers are run. Those that do not run now are looked at as well,
// since they may be started as they are. Pure.
import { fine, found, foundAny, unseen, type Check, type Item, type Severity } from '../check.ts'
import type { AuditFacts, Command } from '../audit-facts.ts'
import type { Container, EngineFacts } from '../engine-facts.ts'
import type { Facts } from '../facts.ts'
import { at, entries, list, number, text, words } from '../inspected.ts'
import { hasSecurity } from './daemon.ts'
import { exposesEngine, publishedPorts, sensitiveMounts, sharedMounts } from './mounts-and-ports.ts'
import { ofEngine } from './of-engine.ts'

type Look = (
  container: Container,
  engine: EngineFacts,
  facts: Facts,
) => string | undefined | readonly string[]

export function ofContainers(
  id: string,
  severity: Severity,
  title: string,
  mend: string,
  look: Look,
): Check {
  return ofEngine(id, severity, title, {
    mend,
    look: (engine, facts) => itemsOf(engine, facts, look),
  })
}

function itemsOf(engine: EngineFacts, facts: Facts, look: Look): ReturnType<typeof foundAny> {
  const items = engine.containers.flatMap((container): Item[] => {
    const against = look(container, engine, facts)
    const sentences = typeof against === 'string' ? [against] : (against ?? [])
    const stopped = container.running ? '' : ' (it does not run now)'
    return sentences.map((seen) => ({ on: container.name, seen: `${seen}${stopped}` }))
  })
  return foundAny(items, `none of ${engine.containers.length} containers`)
}

const host = (container: Container, key: string): unknown =>
  at(container.inspect, 'HostConfig', key)

/** A mode of the host's in a field of HostConfig. */
function isHost(id: string, key: string, flag: string, what: string, severity: Severity): Check {
  return ofContainers(
    id,
    severity,
    `containers share the host's ${what}`,
    `no ${flag}`,
    (container) => (host(container, key) === 'host' ? `runs with ${flag}` : undefined),
  )
}

const securityOptions = (container: Container): readonly string[] =>
  words(container.inspect, 'HostConfig', 'SecurityOpt').map((one) => one.replace(':', '='))

export const containerChecks: readonly Check[] = [
  ofEngine('5.1', 'info', 'swarm mode is on', {
    mend: '`docker swarm leave`, unless it is needed',
    look: ({ info }) => {
      const state = text(info, 'Swarm', 'LocalNodeState')
      return state === 'inactive' || state === '' ? fine('it is off') : found(`it is ${state}`)
    },
  }),
  ofEngine('5.2', 'medium', 'containers run without AppArmor', {
    mend: 'no `--security-opt apparmor=unconfined`; where the engine has none: a kernel with AppArmor',
    look(engine, facts) {
      if (hasSecurity(engine, 'apparmor')) {
        return itemsOf(engine, facts, ({ inspect, running }) => {
          const profile = text(inspect, 'AppArmorProfile')
          if (profile === 'unconfined') return 'its profile is unconfined'
          return profile === '' && running ? 'it has no profile' : undefined
        })
      }
      return hasSecurity(engine, 'selinux')
        ? fine('the engine has SELinux in its place')
        : found('the engine has neither AppArmor nor SELinux')
    },
  }),
  ofEngine('5.3', 'medium', 'containers run without SELinux', {
    mend: 'no `--security-opt label=disable`; `"selinux-enabled": true` where the kernel has SELinux',
    look(engine, facts) {
      if (hasSecurity(engine, 'selinux')) {
        return itemsOf(engine, facts, (container) =>
          securityOptions(container).includes('label=disable')
            ? 'its label is disabled'
            : undefined,
        )
      }
      return hasSecurity(engine, 'apparmor')
        ? fine('the engine has AppArmor in its place')
        : found('the engine has neither AppArmor nor SELinux')
    },
  }),
  ofContainers(
    '5.4',
    'medium',
    'containers have more capabilities than the usual',
    '`--cap-drop all`, and `--cap-add` what is needed',
    ({ inspect }) => {
      const added = words(inspect, 'HostConfig', 'CapAdd').filter(
        (one) => !usual.has(capability(one)),
      )
      return added.length === 0 ? undefined : `has ${added.map(capability).join(', ')}`
    },
  ),
  ofContainers('5.5', 'high', 'containers are privileged', 'no --privileged', (container) =>
    host(container, 'Privileged') === true ? 'runs with --privileged' : undefined,
  ),
  ofContainers(
    '5.6',
    'high',
    "containers mount folders of the host's system",
    'mount what is needed and no more, read-only where that does',
    (container, engine, facts) => sensitiveMounts(container, engine, facts),
  ),
  ofContainers(
    '5.7',
    'medium',
    'containers run an SSH server',
    'take it out; `docker exec` gives a shell, by a permission of its own',
    ({ processes }) =>
      processes?.some((name) => /^sshd\b/.test(name)) === true ? 'runs sshd' : undefined,
  ),
  ofContainers(
    '5.8',
    'low',
    'containers publish privileged ports',
    'publish a port above 1023; `limits: { publish: … }` says which may be',
    (container) => {
      const low = publishedPorts(container).filter(({ port }) => port > 0 && port < 1024)
      return [...new Set(low.map(({ port }) => `publishes ${port}`))]
    },
  ),
  ofContainers(
    '5.9',
    'info',
    'containers publish ports: are all of them needed?',
    'publish what is needed, on the address where it is needed',
    (container) => {
      const ports = new Set(publishedPorts(container).map(({ port }) => port))
      return ports.size === 0 ? undefined : `publishes ${[...ports].join(', ')}`
    },
  ),
  isHost('5.10', 'NetworkMode', '--network host', 'network', 'high'),
  ofContainers(
    '5.11',
    'low',
    'containers may take all memory',
    '`--memory`; `limits: { memory: 2GiB }` fills it in',
    ({ inspect }) => (number(inspect, 'HostConfig', 'Memory') > 0 ? undefined : 'has no limit'),
  ),
  ofContainers(
    '5.12',
    'low',
    'containers may take all CPUs',
    '`--cpus`; `limits: { cpus: 2 }` fills it in',
    ({ inspect }) => {
      const keys = ['CpuShares', 'NanoCpus', 'CpuQuota']
      const limited = keys.some((key) => number(inspect, 'HostConfig', key) > 0)
      return limited ? undefined : 'has neither a limit nor a share'
    },
  ),
  ofContainers(
    '5.13',
    'info',
    'containers may write to their root file system',
    '`--read-only`, and `--tmpfs` where it must write',
    (container) => (host(container, 'ReadonlyRootfs') === true ? undefined : 'may write'),
  ),
  ofContainers(
    '5.14',
    'low',
    'containers publish ports on every address',
    '`-p 127.0.0.1:…`; `limits: { publish: [127.0.0.1:…] }` fills it in',
    (container) => {
      const open = publishedPorts(container).filter(({ address }) =>
        ['', '0.0.0.0', '::'].includes(address),
      )
      const ports = new Set(open.map(({ port }) => port))
      return ports.size === 0 ? undefined : `publishes ${[...ports].join(', ')} on every address`
    },
  ),
  ofContainers(
    '5.15',
    'info',
    'containers start again without end',
    '`--restart on-failure:5`',
    ({ inspect }) => {
      const policy = text(inspect, 'HostConfig', 'RestartPolicy', 'Name')
      const retries = number(inspect, 'HostConfig', 'RestartPolicy', 'MaximumRetryCount')
      if (policy === 'on-failure') {
        return retries >= 1 && retries <= 5
          ? undefined
          : `on-failure, ${retries || 'any number of'} times`
      }
      return policy === 'always' || policy === 'unless-stopped' ? policy : undefined
    },
  ),
  isHost('5.16', 'PidMode', '--pid host', 'processes', 'high'),
  isHost('5.17', 'IpcMode', '--ipc host', 'shared memory', 'medium'),
  ofContainers(
    '5.18',
    'high',
    'containers have devices of the host',
    'no --device',
    ({ inspect }) => [
      ...list(inspect, 'HostConfig', 'Devices').map((one) => `has ${text(one, 'PathOnHost')}`),
      ...list(inspect, 'HostConfig', 'DeviceRequests').map(
        (one) => `has devices of ${text(one, 'Driver') || 'a driver'} by request`,
      ),
      ...words(inspect, 'HostConfig', 'DeviceCgroupRules').map(
        (rule) => `may use devices by the rule ${rule}`,
      ),
    ],
  ),
  ofContainers(
    '5.19',
    'info',
    'containers have the default ulimits',
    '`--ulimit`, where the default is not enough',
    ({ inspect }) =>
      list(inspect, 'HostConfig', 'Ulimits').length > 0 ? undefined : 'has no ulimits of its own',
  ),
  ofContainers(
    '5.20',
    'medium',
    'mounts are shared back to the host',
    'no `:shared` or `:rshared`',
    sharedMounts,
  ),
  isHost('5.21', 'UTSMode', '--uts host', 'host name', 'medium'),
  ofContainers(
    '5.22',
    'high',
    'containers run without seccomp',
    'no `--security-opt seccomp=unconfined`',
    (container) =>
      securityOptions(container).includes('seccomp=unconfined')
        ? 'runs with seccomp=unconfined'
        : undefined,
  ),
  ofAudit(
    '5.23',
    'medium',
    'commands are run in containers with --privileged',
    '`limits: { exec: { privileged: false } }` is the default; see which role allows it',
    (audit) => audit.privilegedCommands,
  ),
  ofAudit(
    '5.24',
    'info',
    'commands are run in containers as root',
    '`docker exec --user`, with another than root',
    (audit) => audit.rootCommands,
  ),
  ofContainers(
    '5.25',
    'low',
    'containers have a cgroup parent of their own',
    'no --cgroup-parent',
    (container) => {
      const parent = host(container, 'CgroupParent')
      return typeof parent === 'string' && parent !== '' ? `is in ${parent}` : undefined
    },
  ),
  ofEngine('5.26', 'low', 'containers may acquire new privileges', {
    mend: '`--security-opt no-new-privileges`, or as the default of the engine (2.14)',
    look: (engine, facts) =>
      hasSecurity(engine, 'no-new-privileges')
        ? fine('the engine refuses it for all')
        : itemsOf(engine, facts, (container) =>
            securityOptions(container).some((one) => /^no-new-privileges(=true)?$/.test(one))
              ? undefined
              : 'may acquire them',
          ),
  }),
  ofContainers(
    '5.27',
    'info',
    'nobody looks whether containers are well',
    '`--health-cmd`, or HEALTHCHECK in the Dockerfile',
    ({ inspect }) => {
      const [first] = words(inspect, 'Config', 'Healthcheck', 'Test')
      return first === undefined || first === 'NONE' ? 'has no health check' : undefined
    },
  ),
  ofContainers(
    '5.28',
    'info',
    'containers run an image by a name that may mean another tomorrow',
    'name a version, or a digest',
    ({ inspect }) => {
      const image = text(inspect, 'Config', 'Image')
      if (/@sha256:|^sha256:|^[0-9a-f]{12,64}$/.test(image)) return undefined
      const tag = /:([^/:]+)$/.exec(image)?.[1] ?? 'latest'
      return tag === 'latest' ? `runs ${image}, which is "latest"` : undefined
    },
  ),
  ofContainers(
    '5.29',
    'low',
    'containers may start any number of processes',
    '`--pids-limit`; `limits: { pids: … }` fills it in',
    ({ inspect }) => (number(inspect, 'HostConfig', 'PidsLimit') > 0 ? undefined : 'has no limit'),
  ),
  ofContainers(
    '5.30',
    'info',
    'containers are on the default bridge',
    'a network of their own',
    ({ inspect }) => {
      const joined = entries(inspect, 'NetworkSettings', 'Networks').some(
        ([name]) => name === 'bridge',
      )
      return joined ? 'is on docker0' : undefined
    },
  ),
  isHost('5.31', 'UsernsMode', '--userns host', 'users', 'medium'),
  ofContainers(
    '5.32',
    'high',
    "containers have the engine's socket",
    'give them a certificate and a role instead: `dockgate connect` offers a socket that is judged',
    (container, engine, facts) => exposesEngine(container, engine, facts.machine.socket),
  ),
]

/** What a container has without asking (moby oci/caps/defaults.go). */
const usual = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
)

function capability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, '')
}

/** dockgate has every command on record, by whom it was run. */
function ofAudit(
  id: string,
  severity: Severity,
  title: string,
  mend: string,
  commands: (audit: AuditFacts) => readonly Command[],
): Check {
  return {
    id,
    cis: id,
    severity,
    title,
    mend,
    look({ audit }) {
      if (typeof audit === 'string') return unseen(audit)
      const seen = commands(audit)
      if (seen.length === 0) {
        return unseen(
          'none is on record; what a role without limits sends is not read, nor what passes by dockgate',
        )
      }
      return foundAny(
        seen.map(({ who, intent, time }) => ({ on: who, seen: `${intent}, ${time}` })),
        '',
      )
    },
  }
}
