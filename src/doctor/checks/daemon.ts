// Chapter 2 of the benchmark: how the engine is set up. What its API tells is asked there; the rest is
// read off its command line and daemon.json, where its process is on this machine. Pure.
import { fine, found, foundAny, unseen, type Check, type Verdict } from '../check.ts'
import type { DaemonProcess } from '../daemon-process.ts'
import type { EngineFacts } from '../engine-facts.ts'
import type { Facts } from '../facts.ts'
import { at, entries, list, text, words } from '../inspected.ts'
import { ofEngine } from './of-engine.ts'

const restart = 'in /etc/docker/daemon.json, then restart the engine'

export const daemonChecks: readonly Check[] = [
  ofEngine('2.1', 'info', 'the engine runs as root', {
    mend: 'consider rootless mode: https://docs.docker.com/engine/security/rootless/',
    look: (engine) =>
      hasSecurity(engine, 'rootless') ? fine('it is rootless') : found('it is not rootless'),
  }),
  ofEngine('2.2', 'low', 'containers on the default bridge reach each other', {
    mend: `"icc": false ${restart}; put what must talk to each other on a network of its own`,
    look(engine) {
      const bridge = engine.networks.find((one) => text(one, 'Name') === 'bridge')
      if (bridge === undefined) return fine('there is no default bridge')
      const icc = text(bridge, 'Options', 'com.docker.network.bridge.enable_icc')
      return icc === 'false' ? fine('icc is off') : found(`icc is ${icc || 'on'}`, 'bridge')
    },
  }),
  ofEngine('2.3', 'low', 'the log level is not info', {
    mend: `"log-level": "info" and no "debug" ${restart}`,
    look(engine, facts) {
      if (at(engine.info, 'Debug') === true) return found('the engine runs with --debug')
      return ofDaemon(facts, (daemon) => {
        const level = last(daemon, 'log-level') ?? 'info'
        return level === 'info' ? fine('it is info') : found(`it is ${level}`)
      })
    },
  }),
  ofEngine('2.4', 'medium', 'the engine may not set up the firewall', {
    mend: `remove "iptables": false ${restart}`,
    look: (_engine, facts) =>
      ofDaemon(facts, (daemon) =>
        last(daemon, 'iptables') === 'false' ? found('iptables is off') : fine('iptables is on'),
      ),
  }),
  ofEngine('2.5', 'medium', 'registries are trusted without TLS', {
    mend: `remove them from "insecure-registries" ${restart}; give the registry a certificate`,
    look(engine) {
      const networks = words(engine.info, 'RegistryConfig', 'InsecureRegistryCIDRs')
      const insecure = [
        ...networks.filter((one) => one !== '127.0.0.0/8' && one !== '::1/128'),
        ...entries(engine.info, 'RegistryConfig', 'IndexConfigs').flatMap(([name, index]) =>
          at(index, 'Secure') === false ? [name] : [],
        ),
      ]
      return foundAny(
        insecure.map((on) => ({ on, seen: 'may be spoken to without TLS' })),
        'none beside this machine itself',
      )
    },
  }),
  ofEngine('2.6', 'medium', 'the storage driver is aufs', {
    mend: `"storage-driver": "overlay2" ${restart}`,
    look: (engine) => {
      const driver = text(engine.info, 'Driver')
      return driver === 'aufs' ? found('it is aufs') : fine(`it is ${driver}`)
    },
  }),
  ofEngine('2.7', 'high', 'the engine has a door on the network without client certificates', {
    mend: `take tcp:// out of "hosts" (or -H) ${restart}: dockgate is the door`,
    look(engine, facts) {
      const open = facts.machine.doors.flatMap(({ address, is }) => {
        if (is === 'plain') return [{ on: address, seen: 'the Docker API answers without TLS' }]
        if (is === 'tls')
          return [{ on: address, seen: 'the Docker API answers without a certificate' }]
        return []
      })
      const warned = words(engine.info, 'Warnings')
        .filter((one) => /API is accessible on https?:\/\//.test(one))
        .map((seen) => ({ on: undefined, seen: seen.split('\n', 1)[0] ?? '' }))
      return foundAny([...open, ...warned], 'the engine tells of none, and none answers here')
    },
  }),
  ofEngine('2.8', 'info', 'there are no default ulimits', {
    mend: `"default-ulimits" ${restart}`,
    look: (_engine, facts) =>
      ofDaemon(facts, (daemon) =>
        daemon.options.has('default-ulimit') ? fine('there are') : found('none are set'),
      ),
  }),
  ofEngine('2.9', 'low', 'root in a container is root on the host', {
    mend: `"userns-remap": "default" ${restart}; see what it does not go with first`,
    look: (engine) =>
      hasSecurity(engine, 'userns') || hasSecurity(engine, 'rootless')
        ? fine('user namespaces are on')
        : found('user namespaces are off'),
  }),
  ofEngine('2.10', 'info', 'containers have another cgroup parent than the usual', {
    mend: `remove "cgroup-parent" ${restart}, unless it is meant`,
    look: (_engine, facts) =>
      ofDaemon(facts, (daemon) => {
        const parent = last(daemon, 'cgroup-parent')
        return parent === undefined ? fine('it is the usual one') : found(`it is ${parent}`)
      }),
  }),
  ofEngine('2.11', 'low', 'the base device size was changed', {
    mend: `remove dm.basesize from "storage-opts" ${restart}`,
    look(engine, facts) {
      const driver = text(engine.info, 'Driver')
      if (driver !== 'devicemapper') return fine(`the storage driver is ${driver}`)
      return ofDaemon(facts, (daemon) =>
        (daemon.options.get('storage-opt') ?? []).some((one) => one.startsWith('dm.basesize'))
          ? found('dm.basesize is set')
          : fine('it was not'),
      )
    },
  }),
  ofEngine('2.12', 'info', 'whoever opens the socket itself is not judged', {
    mend: 'dockgate judges who comes through it; keep the socket to dockgate alone (see 1.1.2, 2.7, 3.16), or add an authorization plugin',
    look(engine) {
      const plugins = words(engine.info, 'Plugins', 'Authorization')
      return plugins.length > 0
        ? fine(`by ${plugins.join(', ')}`)
        : found('the engine has no authorization plugin')
    },
  }),
  ofEngine('2.13', 'low', 'logs stay on the machine', {
    mend: `"log-driver": "syslog" or another that sends them away ${restart}`,
    look(engine) {
      const driver = text(engine.info, 'LoggingDriver')
      const stays = ['json-file', 'local', 'none'].includes(driver)
      return stays ? found(`the log driver is ${driver}`) : fine(`the log driver is ${driver}`)
    },
  }),
  ofEngine('2.14', 'low', 'containers may acquire new privileges unless they say otherwise', {
    mend: `"no-new-privileges": true ${restart}`,
    look: (engine) =>
      hasSecurity(engine, 'no-new-privileges')
        ? fine('no-new-privileges is the default')
        : found('no-new-privileges is not the default'),
  }),
  ofEngine('2.15', 'info', 'containers stop with the engine', {
    mend: `"live-restore": true ${restart}`,
    look(engine) {
      if (at(engine.info, 'LiveRestoreEnabled') === true) return fine('live restore is on')
      return text(engine.info, 'Swarm', 'LocalNodeState') === 'active'
        ? fine('swarm mode does not go with live restore')
        : found('live restore is off')
    },
  }),
  ofEngine('2.16', 'info', 'the userland proxy runs', {
    mend: `"userland-proxy": false ${restart}`,
    look: (_engine, facts) =>
      ofDaemon(facts, (daemon) =>
        last(daemon, 'userland-proxy') === 'false' ? fine('it is off') : found('it is on'),
      ),
  }),
  ofEngine('2.17', 'medium', 'the engine applies no seccomp profile', {
    mend: `remove "seccomp-profile" ${restart}; the kernel needs CONFIG_SECCOMP`,
    look(engine) {
      const option = securityOf(engine).find((one) => /(^|,)name=seccomp(,|$)/.test(one))
      if (option === undefined) return found('there is none')
      const profile = /profile=([^,]*)/.exec(option)?.[1] ?? ''
      return profile === 'unconfined' ? found('it is unconfined') : fine(`it is ${profile}`)
    },
  }),
  ofEngine('2.18', 'low', 'experimental features are on', {
    mend: `remove "experimental" ${restart}`,
    look(engine) {
      const told = list(engine.version, 'Components').map((one) =>
        text(one, 'Details', 'Experimental'),
      )
      const on = at(engine.version, 'Experimental') === true || told.includes('true')
      return on ? found('they are on') : fine('they are off')
    },
  }),
]

function securityOf(engine: EngineFacts): readonly string[] {
  return words(engine.info, 'SecurityOptions')
}

export function hasSecurity(engine: EngineFacts, name: string): boolean {
  return securityOf(engine).some((option) => option.split(',').includes(`name=${name}`))
}

export function ofDaemon({ machine }: Facts, look: (daemon: DaemonProcess) => Verdict): Verdict {
  return typeof machine.daemon === 'string' ? unseen(machine.daemon) : look(machine.daemon)
}

function last({ options }: DaemonProcess, name: string): string | undefined {
  return options.get(name)?.at(-1)
}
