// References → things: asks the engine once what each name of a request means, so that what is judged
// and what is sent are the same thing, whatever happens to the name meanwhile.
import type { Reference, Thing, ThingKind } from '../docker/operation.ts'
import { failure, GatewayError } from '../errors.ts'
import type { Engine } from './engine.ts'

export type Things = ReadonlyMap<Reference, Thing | undefined>

/** However many a request names: the engine has others to answer, and we have connections for them. */
const askedAtOnce = 16

export async function resolveReferences(
  engine: Engine,
  references: readonly Reference[],
): Promise<Things> {
  const asked = new Map<string, Promise<Thing | undefined>>()
  const things = new Map<Reference, Thing | undefined>()
  const left = references.values()
  const askOn = async (): Promise<void> => {
    for (const reference of left) {
      const key = `${reference.kind} ${reference.name}`
      const answer = asked.get(key) ?? find(engine, reference.kind, reference.name)
      asked.set(key, answer)
      things.set(reference, await answer)
    }
  }
  await Promise.all(Array.from({ length: Math.min(askedAtOnce, references.length) }, askOn))
  return things
}

/**
 * What a full id means never changes, nor do the labels of what has it: only these answers are kept, and by
 * the id alone, whatever name was asked for. So nothing that the engine's events tell could make one wrong:
 * when the thing is gone, the engine itself says so to whoever is let through with its id.
 */
const lasting: ReadonlySet<ThingKind> = new Set<ThingKind>(['container', 'exec', 'network'])
const remembered = 10_000
const known = new WeakMap<Engine, Map<string, Thing>>()

async function find(engine: Engine, kind: ThingKind, name: string): Promise<Thing | undefined> {
  if (!lasting.has(kind)) return lookUp(engine, kind, name)
  const things = known.get(engine) ?? new Map<string, Thing>()
  known.set(engine, things)
  // Nothing is kept by anything but its full id, so that no name is found here.
  const before = things.get(`${kind} ${name}`)
  if (before !== undefined) return before
  const found = await lookUp(engine, kind, name)
  if (found === undefined || !/^[0-9a-f]{64}$/.test(found.id)) return found
  if (things.size >= remembered) things.clear()
  things.set(`${kind} ${found.id}`, found)
  return found
}

/** Undefined where the engine knows no such thing; throws where it could not be asked. */
export async function lookUp(
  engine: Engine,
  kind: ThingKind,
  name: string,
): Promise<Thing | undefined> {
  const row = rows[kind]
  // Docker's own clients write `/name` in places; the engine's router would see two slashes.
  const bare = name.startsWith('/') ? name.slice(1) : name
  if (bare === '' || bare === '.' || bare === '..') return undefined
  const { status, value } = await engine.ask(row.path(encodeURIComponent(bare)))
  // 400: it is no name at all, so nothing has it.
  if (status === 404 || status === 400) return undefined
  if (status !== 200) {
    const { message } = asObject(value)
    // Such as 503 "this node is not a swarm manager": the engine's own words are the best.
    throw new GatewayError(failure('engine-refused', text(message), `status ${status} for ${kind}`))
  }
  const found = row.read(asObject(value))
  if (kind !== 'exec') return found
  const container = await find(engine, 'container', found.name)
  return container === undefined ? undefined : { ...found, name: found.id, container }
}

interface Row {
  readonly path: (name: string) => string
  readonly read: (value: JsonLike) => Thing
}

const rows: Readonly<Record<ThingKind, Row>> = {
  container: {
    path: (name) => `/containers/${name}/json`,
    read: (value) =>
      Object.freeze({
        ...thing('container', value['Id'], text(value['Name']).slice(1), labels(value, 'Config')),
        user: text(asObject(value['Config'])['User']),
        volumes: items(value['Mounts']).map((mount) => text(asObject(mount)['Destination'])),
      }),
  },
  image: {
    path: (name) => `/images/${name}/json`,
    read: (value) =>
      Object.freeze({
        ...thing('image', value['Id'], text(value['Id']), labels(value, 'Config')),
        names: [...list(value['RepoTags']), ...list(value['RepoDigests'])],
        user: text(asObject(value['Config'])['User']),
        onBuild: list(asObject(value['Config'])['OnBuild']),
        volumes: Object.keys(asObject(asObject(value['Config'])['Volumes'])),
      }),
  },
  network: {
    path: (name) => `/networks/${name}`,
    read: (value) => thing('network', value['Id'], text(value['Name']), value['Labels']),
  },
  volume: {
    path: (name) => `/volumes/${name}`,
    read: (value) =>
      Object.freeze({
        ...thing('volume', value['Name'], text(value['Name']), value['Labels']),
        reachesHost: Object.keys(asObject(value['Options'])).length > 0,
      }),
  },
  exec: {
    path: (name) => `/exec/${name}/json`,
    // For the moment the name carries the container; `lookUp` follows it.
    read: (value) => thing('exec', value['ID'], text(value['ContainerID']), {}),
  },
  service: { path: (name) => `/services/${name}`, read: (value) => ofSwarm('service', value) },
  task: {
    path: (name) => `/tasks/${name}`,
    read: (value) =>
      thing('task', value['ID'], text(value['ID']), labels(value, 'Spec', 'ContainerSpec')),
  },
  node: { path: (name) => `/nodes/${name}`, read: (value) => ofSwarm('node', value) },
  secret: { path: (name) => `/secrets/${name}`, read: (value) => ofSwarm('secret', value) },
  config: { path: (name) => `/configs/${name}`, read: (value) => ofSwarm('config', value) },
  plugin: {
    path: (name) => `/plugins/${name}/json`,
    read: (value) => thing('plugin', value['Id'], text(value['Name']), {}),
  },
}

type JsonLike = Readonly<Record<string, unknown>>

function ofSwarm(kind: ThingKind, value: JsonLike): Thing {
  const spec = asObject(value['Spec'])
  return thing(kind, value['ID'], text(spec['Name']), spec['Labels'])
}

function thing(kind: ThingKind, id: unknown, name: string, labelled: unknown): Thing {
  const own: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [key, value] of Object.entries(asObject(labelled))) own[key] = String(value)
  const full = text(id)
  if (full === '') throw new Error(`the engine named no id for a ${kind}`)
  return Object.freeze({ kind, id: full, name, labels: Object.freeze(own) })
}

function labels(value: JsonLike, ...path: readonly string[]): unknown {
  let inner: JsonLike = value
  for (const key of path) inner = asObject(inner[key])
  return inner['Labels']
}

function asObject(value: unknown): JsonLike {
  return typeof value === 'object' && value !== null ? (value as JsonLike) : {}
}

function list(value: unknown): readonly string[] {
  return items(value).map(String)
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
