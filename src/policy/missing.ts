// What limits want and a request, with what it names, does not have: a user who is not root, labels, a
// place for a volume that can carry one. Pure.
import { isObject } from '../docker/json.ts'
import type { Json, Operation, Reference, Thing } from '../docker/operation.ts'
import { asksFor, type Limits } from './limits.ts'
import { labelOf } from './limits/changes.ts'
import type { Against } from './limits/predicate.ts'
import { isNonroot } from './limits/words.ts'

export interface Missing {
  readonly field: string
  readonly refused: Against
}

type Things = ReadonlyMap<Reference, Thing | undefined>

export function missing(operation: Operation, limits: Limits, things: Things): readonly Missing[] {
  return [
    ...relativeVolumes(operation, things),
    ...(limits.user === 'nonroot' ? namelessUser(operation, things) : []),
    ...(limits.labels.size > 0 ? missingLabels(operation, limits, things) : []),
  ]
}

/** No mount that carries a label could take the place of the volume that the engine would make. */
function relativeVolumes({ endpoint, body }: Operation, things: Things): readonly Missing[] {
  if (endpoint.id !== 'ContainerCreate') return []
  const given = at(body, 'Volumes')
  const ofImage = [...things.values()].flatMap((thing) =>
    thing?.kind === 'image' ? (thing.volumes ?? []) : [],
  )
  const relative = [...Object.keys(isObject(given) ? given : {}), ...ofImage].find(
    (path) => !path.startsWith('/'),
  )
  if (relative === undefined) return []
  const refused = { limit: 'safe', found: relative, allowed: 'absolute paths' }
  return [{ field: '--volume', refused }]
}

const creates: ReadonlySet<string> = new Set(['ContainerCreate', 'ServiceCreate', 'ServiceUpdate'])

function namelessUser({ endpoint, body }: Operation, things: Things): readonly Missing[] {
  const isExec = endpoint.id === 'ContainerExec'
  if (!isExec && !creates.has(endpoint.id)) return []
  const said = at(at(body, 'TaskTemplate', 'ContainerSpec') ?? body, 'User')
  if (said !== undefined && said !== null && said !== '') return []
  // An exec runs as its container does, which need not have been made within these limits.
  if (isExec && isNonroot(targetOf(things)?.user ?? '')) return []
  const found = isExec ? 'the one of the container' : 'the one of the image'
  return [{ field: '--user', refused: { limit: 'user', found, allowed: 'a number other than 0' } }]
}

const labelled: ReadonlySet<string> = new Set([
  ...creates,
  'NetworkCreate',
  'VolumeCreate',
  'SecretCreate',
  'SecretUpdate',
  'ConfigCreate',
  'ConfigUpdate',
  'ImageBuild',
  'ImageCommit',
  'ImageCreate',
])

function missingLabels(
  operation: Operation,
  { labels }: Limits,
  things: Things,
): readonly Missing[] {
  if (!labelled.has(operation.endpoint.id) || operation.permission === 'image.pull') return []
  const given = labelsGiven(operation, things)
  return [...labels].flatMap(([name, wanted]) => {
    if (asksFor(wanted, given.get(name))) return []
    const refused = { limit: 'labels', found: 'no such label', allowed: `${name}=${wanted}` }
    return [{ field: `--label ${name}`, refused }]
  })
}

/** What the thing will have; of a commit also what its container has, and its last change wins. */
function labelsGiven(
  { endpoint, body, demands }: Operation,
  things: Things,
): ReadonlyMap<string, string> {
  const asked = (field: string): Json => demands.find((one) => one.field === field)?.value ?? null
  const isCommit = endpoint.id === 'ImageCommit'
  const changes = isCommit || endpoint.id === 'ImageCreate' ? asked('?changes') : null
  return new Map([
    ...(isCommit ? Object.entries(targetOf(things)?.labels ?? {}) : []),
    ...textsIn(endpoint.id === 'ImageBuild' ? asked('?labels') : at(body, 'Labels')),
    ...(Array.isArray(changes) ? changes : []).flatMap((line: Json) => {
      const label = typeof line === 'string' ? labelOf(line) : undefined
      return label === undefined ? [] : [label]
    }),
  ])
}

function textsIn(value: Json | undefined): readonly (readonly [string, string])[] {
  return isObject(value)
    ? Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
    : []
}

function targetOf(things: Things): Thing | undefined {
  return [...things].find(([{ wants }]) => wants === 'target')?.[1]
}

function at(json: Json | undefined, ...path: readonly string[]): Json | undefined {
  let value = json
  for (const key of path) {
    value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }
  return value
}
