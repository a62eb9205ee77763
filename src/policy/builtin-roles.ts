// The roles that every installation has. Each says in one sentence whom it is for; the table in the
// README is made from here.
import { safeLimits, type Limits } from './limits.ts'
import type { MayGrant, Reach, StreamRules, TranscriptRules } from './role.ts'

export interface RoleSource {
  readonly name: string
  readonly includes: readonly string[]
  /** Patterns: `*`, `resource.*`, `resource.verb`. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly on: Reach
  readonly limits: Limits | 'none'
  /** Kinds of values that are masked in what its holders read. */
  readonly hide: readonly string[]
  /** It decides nothing: what it would deny is recorded. */
  readonly onTrial?: true
  readonly mayGrant?: MayGrant
  readonly streams?: StreamRules
  readonly transcript?: TranscriptRules
  /** For whom, in one sentence; only the built-in ones have it. */
  readonly about?: string
  /** Where it stands in roles.yaml; 0 for a built-in one. */
  readonly line: number
}

const everything: Reach = Object.freeze({ kind: 'all' })

// What the engine tells about things without their contents. Not among it: `swarm.inspect` (join
// tokens), `config.inspect` (the data itself), `container.export` and `container.cp-out` (files).
const look = [
  'system.info',
  'system.events',
  'system.df',
  'container.ls',
  'container.inspect',
  'container.logs',
  'container.stats',
  'container.top',
  'container.diff',
  'container.wait',
  'image.ls',
  'image.inspect',
  'image.history',
  'network.ls',
  'network.inspect',
  'volume.ls',
  'volume.inspect',
  'service.ls',
  'service.inspect',
  'service.logs',
  'task.ls',
  'task.inspect',
  'task.logs',
  'node.ls',
  'node.inspect',
  'secret.ls',
  'config.ls',
  'plugin.ls',
  'plugin.inspect',
]

export const builtinRoles: readonly RoleSource[] = Object.freeze([
  role('viewer', everything, look, {
    about: 'For whoever looks after things without touching them: lists, inspects, reads logs.',
  }),
  role(
    'operator',
    everything,
    [
      'container.start',
      'container.stop',
      'container.restart',
      'container.kill',
      'container.pause',
      'container.unpause',
    ],
    {
      includes: ['viewer'],
      about: 'For on-call: what a viewer may, and start, stop, restart and pause what is there.',
    },
  ),
  role(
    'developer',
    { kind: 'own' },
    [
      'container.*',
      'exec.*',
      'network.*',
      'volume.*',
      'image.ls',
      'image.inspect',
      'image.history',
      'image.pull',
      'image.build',
      'image.tag',
      'image.rm',
      'image.import',
      'image.load',
      'image.prune',
      'builder.prune',
      'system.info',
      'system.events',
      'system.df',
    ],
    { about: 'For people who run containers of their own and must not see those of others.' },
  ),
  role(
    'builder',
    { kind: 'own' },
    [
      'image.ls',
      'image.inspect',
      'image.history',
      'image.pull',
      'image.build',
      'image.tag',
      'image.push',
      'image.rm',
      'image.import',
      'image.load',
      'image.prune',
      'builder.prune',
      'distribution.inspect',
      'system.info',
    ],
    { about: 'For CI that builds, tags and pushes images.' },
  ),
  role(
    'deployer',
    { kind: 'team' },
    [
      'container.*',
      'network.*',
      'volume.*',
      'service.*',
      'task.*',
      'secret.*',
      'config.*',
      'image.ls',
      'image.inspect',
      'image.pull',
      'system.info',
      'system.events',
      'system.df',
    ],
    { about: 'For pipelines that roll out what belongs to their team.' },
  ),
  role(
    'monitor',
    everything,
    [
      'system.info',
      'system.df',
      'system.events',
      'container.ls',
      'container.inspect',
      'container.stats',
      'image.ls',
      'network.ls',
      'volume.ls',
      'service.ls',
      'task.ls',
      'node.ls',
      'dockgate.healthz',
      'dockgate.metrics',
    ],
    { about: 'For Prometheus, cAdvisor and their like: states, counts and events.' },
  ),
  role('admin', everything, ['*'], {
    limits: 'none',
    mayGrant: 'all',
    about: "For whoever would be root on the engine's host anyway: everything, unlimited.",
  }),
])

function role(
  name: string,
  on: Reach,
  allow: readonly string[],
  rest: Pick<RoleSource, 'about'> & Partial<Pick<RoleSource, 'includes' | 'limits' | 'mayGrant'>>,
): RoleSource {
  return Object.freeze({
    name,
    includes: [],
    deny: [],
    limits: safeLimits,
    hide: [],
    line: 0,
    on,
    allow,
    ...rest,
  })
}
