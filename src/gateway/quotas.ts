// How much somebody may have at once. What there is is counted on the engine itself, right before the
// request goes to it, and the next of the same owner waits until it is answered: so two at once cannot
// both take the last place.
import { isObject } from '../docker/json.ts'
import type { Json, JsonObject, Operation, Reference, Thing } from '../docker/operation.ts'
import { failure, type Failure } from '../errors.ts'
import type { Principal } from '../identity/principal.ts'
import type { Quota } from '../policy/limits.ts'
import { labelsOf, ownerLabel } from '../policy/ownership.ts'
import type { Role } from '../policy/role.ts'
import { countTasks, type Tasks } from './count-services.ts'
import type { Engine } from './engine.ts'
import type { TakeTurns } from './turns.ts'

export interface Quotas {
  /** Undefined where nothing is counted; a place, to be released; or why there is none. */
  enter(
    role: Role,
    principal: Principal,
    operation: Operation,
    things: ReadonlyMap<Reference, Thing | undefined>,
  ): Promise<Failure | { readonly release: () => void } | undefined>
  /** Whether there is room for images that are known late, for whoever has entered. */
  hasRoom(
    role: Role,
    principal: Principal,
    operation: Operation,
    more: { readonly imageCount: number; readonly imageSize: number },
  ): Promise<Failure | undefined>
}

type Kind = keyof Quota

const takes: ReadonlyMap<string, readonly Kind[]> = new Map<string, readonly Kind[]>([
  ['ContainerCreate', ['containers', 'volumes', 'totalMemory', 'totalCpus']],
  ['ContainerUpdate', ['totalMemory', 'totalCpus']],
  ['ContainerStart', ['running']],
  ['ContainerRestart', ['running']],
  ['ServiceCreate', ['containers', 'running', 'totalMemory', 'totalCpus']],
  ['ServiceUpdate', ['containers', 'running', 'totalMemory', 'totalCpus']],
  ['VolumeCreate', ['volumes']],
  ['NetworkCreate', ['networks']],
  ['ImageBuild', ['imageCount', 'imageSize']],
  ['ImageCommit', ['imageCount', 'imageSize']],
  // An import: what is pulled is nobody's.
  ['ImageCreate', ['imageCount', 'imageSize']],
  ['ImageLoad', ['imageCount', 'imageSize']],
])

/** `take` gives the turns of owners, which all who ask the same engine must share. */
export function createQuotas(engine: Engine, take: TakeTurns): Quotas {
  return {
    async enter(role, principal, operation, things) {
      if (role.limits === 'none') return undefined
      const { quota } = role.limits
      const pulls = operation.permission === 'image.pull'
      const kinds = ((!pulls && takes.get(operation.endpoint.id)) || []).filter(
        (kind) => quota[kind] !== undefined,
      )
      if (kinds.length === 0) return undefined
      const labels = labelsCounted(role, principal)
      // A build takes minutes: only other builds wait for it.
      const counts =
        kinds.includes('imageCount') || kinds.includes('imageSize') ? 'images' : 'things'
      const release = await take([`${counts} ${labels.join(',')}`])
      try {
        const count = createCount(engine, labels)
        for (const kind of kinds) {
          const most = quota[kind] ?? 0
          const wanted = await count[kind](operation, things)
          if (wanted <= most) continue
          release()
          return tooMany(role, principal, operation, { kind, wanted, most })
        }
        return { release }
      } catch (error) {
        release()
        throw error
      }
    },
    async hasRoom(role, principal, operation, more) {
      if (role.limits === 'none') return undefined
      const { quota } = role.limits
      const count = createCount(engine, labelsCounted(role, principal))
      for (const kind of ['imageCount', 'imageSize'] as const) {
        const most = quota[kind]
        if (most === undefined) continue
        // Of what is there, and one more.
        const wanted = (await count[kind](operation, new Map())) - 1 + more[kind]
        if (wanted > most) return tooMany(role, principal, operation, { kind, wanted, most })
      }
      return undefined
    },
  }
}

/** Of a role that reaches all, what is its holder's. */
function labelsCounted({ on }: Role, principal: Principal): readonly string[] {
  return labelsOf(on, principal) ?? [`${ownerLabel}=${principal.name}`]
}

function tooMany(
  role: Role,
  principal: Principal,
  { permission }: Operation,
  { kind, wanted, most }: { readonly kind: Kind; readonly wanted: number; readonly most: number },
): Failure {
  const has = kind === 'totalCpus' || kind in inBytes ? 'would come to' : 'would be'
  return failure(
    'denied',
    `${principal.name} may not ${permission} here: there ${has} ${wanted} in ${kind}, and role "${role.name}" allows ${most} (limits.${kind})`,
  )
}

const inBytes = { totalMemory: true, imageSize: true }

/** What there would be of each kind if the operation went through. */
type Count = Readonly<
  Record<
    Kind,
    (operation: Operation, things: ReadonlyMap<Reference, Thing | undefined>) => Promise<number>
  >
>

function createCount(engine: Engine, labels: readonly string[]): Count {
  const filters = encodeURIComponent(JSON.stringify({ label: labels }))
  const list = async (path: string, key?: string): Promise<readonly JsonObject[]> => {
    const { status, value } = await engine.ask(`${path}filters=${filters}`)
    if (status !== 200) throw new Error(`the engine answers ${status} to ${path}`)
    const found = key === undefined ? value : (value as JsonObject)[key]
    return Array.isArray(found) ? (found as readonly JsonObject[]) : []
  }
  /** Those that are no task of a service, which is counted by what it asks for. */
  const containers = async (query = 'all=1&'): Promise<readonly JsonObject[]> =>
    (await list(`/containers/json?${query}`)).filter(({ Labels: own }) => {
      return !isObject(own) || own['com.docker.swarm.service.id'] === undefined
    })
  const images = (): Promise<readonly JsonObject[]> => list('/images/json?')
  const sum = async (
    operation: Operation,
    things: ReadonlyMap<Reference, Thing | undefined>,
    of: (host: JsonObject) => number,
    ofTasks: (all: Tasks) => number,
  ): Promise<number> => {
    const target = [...things].find(
      ([{ kind, wants }]) => kind === 'container' && wants === 'target',
    )?.[1]
    const tasks = ofTasks(await countTasks(engine, filters, operation, things))
    const body = isService(operation) ? {} : (operation.body ?? {})
    const host = isObject(body['HostConfig']) ? body['HostConfig'] : body
    const others = (await containers()).filter(({ Id: id }) => id !== target?.id)
    const held = await Promise.all(others.map(({ Id: id }) => inspectHost(engine, id as string)))
    const before = target === undefined ? undefined : await inspectHost(engine, target.id)
    const wanted = of(host) || (before === undefined ? 0 : of(before))
    return held.reduce((total, one) => total + of(one), wanted + tasks)
  }
  return {
    containers: async (operation, things) => {
      const tasks = await countTasks(engine, filters, operation, things)
      return (await containers()).length + tasks.count + (isService(operation) ? 0 : 1)
    },
    running: async (operation, things) => {
      const tasks = await countTasks(engine, filters, operation, things)
      const ids = (await containers('')).map(({ Id: id }) => id)
      const starts =
        !isService(operation) &&
        [...things.values()].some((thing) => !ids.includes(thing?.id ?? ''))
      return ids.length + tasks.count + (starts ? 1 : 0)
    },
    volumes: async (operation, things) =>
      (await list('/volumes?', 'Volumes')).length + newVolumes(operation, things),
    networks: async () => (await list('/networks?')).length + 1,
    imageCount: async () => (await images()).length + 1,
    imageSize: async () =>
      (await images()).reduce((total, { Size: size }) => total + numberOf(size), 1),
    totalMemory: (operation, things) => {
      const ofHost = ({ Memory: it }: JsonObject): number => numberOf(it)
      return sum(operation, things, ofHost, ({ memory }) => memory)
    },
    totalCpus: (operation, things) => sum(operation, things, cpusOf, ({ cpus }) => cpus),
  }
}

function isService({ endpoint }: Operation): boolean {
  return endpoint.id.startsWith('Service')
}

function cpusOf(host: JsonObject): number {
  return numberOf(host['NanoCpus']) > 0
    ? numberOf(host['NanoCpus']) / 1e9
    : numberOf(host['CpuQuota']) / (numberOf(host['CpuPeriod']) || 100_000)
}

async function inspectHost(engine: Engine, id: string): Promise<JsonObject> {
  const { status, value } = await engine.ask(`/containers/${id}/json`)
  // Gone meanwhile: it takes nothing any more.
  if (status === 404) return {}
  const host = (value as JsonObject)['HostConfig']
  return isObject(host) ? host : {}
}

/** Named ones that are not there yet, and those without a name. */
function newVolumes(
  operation: Operation,
  things: ReadonlyMap<Reference, Thing | undefined>,
): number {
  if (operation.endpoint.id === 'VolumeCreate') {
    return [...things.values()].some((thing) => thing?.kind === 'volume') ? 0 : 1
  }
  const named = new Set(
    [...things].flatMap(([{ kind, name }, thing]) =>
      kind === 'volume' && thing === undefined ? [name] : [],
    ),
  )
  const host = operation.body?.['HostConfig']
  const mounts: Json = isObject(host) ? (host['Mounts'] ?? []) : []
  const anonymous = Array.isArray(mounts)
    ? mounts.filter(
        (mount: Json) => isObject(mount) && mount['Type'] === 'volume' && !mount['Source'],
      )
    : []
  return named.size + anonymous.length
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0
}
