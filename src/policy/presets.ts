// Ready-made roles for well-known clients of the Docker API: what each was seen to call, and no more.
// Their names begin with `preset:`, which no role of roles.yaml can. Pure.
import type { RoleSource } from './builtin-roles.ts'
import { safeLimits } from './limits.ts'

/** `own`: for clients that make things; the others only look, at everything. */
type Row = readonly [name: string, on: 'all' | 'own', about: string, allow: string]

const lookAtContainers = 'container.ls container.inspect'
const runContainers =
  'container.ls container.create container.inspect container.attach container.start container.stop container.kill container.wait container.logs container.rm exec.create exec.start exec.inspect'
const listAll =
  'container.ls image.ls network.ls volume.ls service.ls task.ls node.ls secret.ls config.ls plugin.ls'
const lookAtAll = `${listAll} container.inspect container.logs container.stats container.top container.diff image.inspect image.history network.inspect volume.inspect service.inspect service.logs task.inspect task.logs node.inspect plugin.inspect system.info system.events system.df`

const rows: readonly Row[] = [
  [
    'console',
    'all',
    'The console, to look at everything in it',
    'dockgate.sessions dockgate.decisions dockgate.roles dockgate.certificates dockgate.status dockgate.healthz',
  ],
  [
    'console-own',
    'own',
    'The console, for what is their own: sessions, which they may end, and decisions',
    'dockgate.sessions dockgate.end dockgate.decisions dockgate.roles dockgate.certificates',
  ],
  ['traefik', 'all', 'Traefik, docker provider', `${lookAtContainers} system.events`],
  ['traefik-swarm', 'all', 'Traefik, swarm provider', 'service.ls network.ls task.ls node.inspect'],
  ['portainer-read', 'all', 'Portainer, for looking only', lookAtAll],
  [
    'portainer',
    'all',
    'Portainer, for managing everything within safe limits',
    `${lookAtAll} container.* exec.* image.* network.* volume.* service.* task.* secret.* config.* node.update distribution.inspect`,
  ],
  [
    'watchtower',
    'all',
    'Watchtower: replaces containers whose image has a newer version',
    `${lookAtContainers} image.inspect container.kill container.rm container.create container.start container.rename network.connect network.disconnect image.pull image.rm exec.create exec.start exec.inspect`,
  ],
  [
    'dozzle',
    'all',
    'Dozzle: logs and states',
    `${lookAtContainers} container.logs container.stats system.info system.events`,
  ],
  [
    'dozzle-actions',
    'all',
    'Dozzle with its buttons to start, stop, restart and remove',
    `${lookAtContainers} container.logs container.stats system.info system.events container.start container.stop container.restart container.rm`,
  ],
  [
    'homepage',
    'all',
    'Homepage and its like',
    `${lookAtContainers} container.stats service.ls task.ls`,
  ],
  [
    'prometheus',
    'all',
    'Prometheus, docker and swarm service discovery',
    'container.ls network.ls service.ls task.ls node.ls',
  ],
  ['cadvisor', 'all', 'cAdvisor', 'system.info image.ls container.inspect'],
  ['netdata', 'all', 'Netdata, names of containers', 'container.inspect'],
  [
    'diun',
    'all',
    'Diun: tells of new versions of images',
    `${lookAtContainers} image.inspect service.ls`,
  ],
  ['autoheal', 'all', 'autoheal: restarts what is unhealthy', 'container.ls container.restart'],
  [
    'gitlab-runner',
    'own',
    'GitLab Runner, docker executor',
    `${runContainers} system.info image.inspect image.pull image.tag network.ls network.create network.inspect network.disconnect network.rm volume.create volume.ls volume.inspect volume.rm`,
  ],
  [
    'jenkins',
    'own',
    'Jenkins, docker plugin',
    `${runContainers} container.cp-in container.commit image.ls image.inspect image.pull image.build image.tag image.push image.rm`,
  ],
  [
    'testcontainers',
    'own',
    'Testcontainers, with TESTCONTAINERS_RYUK_DISABLED=true (Ryuk mounts the engine’s socket)',
    `${runContainers} container.restart container.commit container.cp-in container.cp-out container.cp-stat system.info system.events image.ls image.inspect image.pull image.build network.ls network.create network.inspect network.rm volume.ls volume.inspect`,
  ],
  [
    'compose',
    'own',
    'docker compose, with the classic builder',
    `${runContainers} container.restart container.pause container.unpause container.rename container.top container.commit container.export container.cp-in container.cp-out container.cp-stat container.resize exec.resize network.ls network.inspect network.create network.connect network.disconnect network.rm volume.ls volume.inspect volume.create volume.rm image.ls image.inspect image.pull image.push image.build image.rm system.info system.events`,
  ],
  [
    'devcontainers',
    'own',
    'Dev Containers CLI and editors',
    `${runContainers} container.resize exec.resize image.ls image.inspect image.pull image.build image.tag volume.inspect volume.create network.ls system.info system.events`,
  ],
  ['uptime-kuma', 'all', 'Uptime Kuma', lookAtContainers],
  [
    'telegraf',
    'all',
    'Telegraf, docker and docker_log inputs',
    `${lookAtContainers} container.logs container.stats system.info`,
  ],
  ['containers', 'all', 'Reading: containers', lookAtContainers],
  ['images', 'all', 'Reading: images', 'image.ls image.inspect image.history'],
  ['networks', 'all', 'Reading: networks', 'network.ls network.inspect'],
  ['volumes', 'all', 'Reading: volumes', 'volume.ls volume.inspect'],
  ['services', 'all', 'Reading: services', 'service.ls service.inspect'],
  ['tasks', 'all', 'Reading: tasks', 'task.ls task.inspect'],
  ['events', 'all', 'Reading: events', 'system.events'],
  ['info', 'all', 'Reading: what engine this is', 'system.info'],
  ['version', 'all', 'Reading: the version, which everybody may', 'system.version'],
  ['ping', 'all', 'Pinging, which everybody may', 'system.ping'],
]

export const presets: readonly RoleSource[] = Object.freeze(
  rows.map(([name, on, about, allow]) =>
    Object.freeze({
      name: `preset:${name}`,
      includes: [],
      allow: Object.freeze([...new Set(allow.split(' '))]),
      deny: [],
      on: Object.freeze({ kind: on }),
      limits: safeLimits,
      hide: [],
      about,
      line: 0,
    }),
  ),
)
