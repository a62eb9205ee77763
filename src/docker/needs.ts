// What of a judged body may stand in a record, so that it can be judged again later: the fields in which
// limits have a say, and no secret. Commands, variables and data are left out, values of labels, options
// and whatever nobody has judged are masked. Read again by its shape, it asks what the body asked. Pure.
import { isObject } from './json.ts'
import { bodyShapes } from './bodies/shapes.ts'
import type { Json, JsonObject, Operation } from './operation.ts'
import { masked } from './record-target.ts'
import { isZero, type Field, type Say } from './shape.ts'

/** Longer ones are not kept: a record is a line that a person can read. */
const longest = 4_096
export const tooLong = 'too long'

/** Undefined where no body was judged. */
export function needsOf({ endpoint, body }: Operation): JsonObject | typeof tooLong | undefined {
  const shape = body === undefined ? undefined : bodyShapes.get(endpoint.id)
  if (shape === undefined || body === undefined) return undefined
  const room: Room = { left: longest }
  const kept = pare(body, shape, false, room)
  // Nobody writes out what would be thrown away.
  if (room.left < 0) return tooLong
  const needs = { ...(isObject(kept) ? kept : none), ...oddVolumes(body) }
  return JSON.stringify(needs).length > longest ? tooLong : needs
}

const none: JsonObject = Object.freeze({})

/** What is left of the length, when all that is kept for certain is counted. */
interface Room {
  left: number
}
const quotes = 2
const quotesAndColon = 3

/** Paths that would keep a volume's label from being set, which limits look for by themselves. */
function oddVolumes({ Volumes: volumes }: JsonObject): JsonObject {
  const odd = isObject(volumes) ? Object.keys(volumes).filter((path) => !path.startsWith('/')) : []
  return odd.length === 0 ? none : { Volumes: Object.fromEntries(odd.map((path) => [path, none])) }
}

/**
 * One row for each that there is, so that none is kept because nobody thought of it. Masked is what may be
 * told only by name; what is forbidden whatever it says may be anything.
 */
const telling: Readonly<Record<Say, 'keep' | 'mask' | 'driver' | 'drop'>> = {
  free: 'keep',
  forbidden: 'mask',
  absent: 'keep',
  dropped: 'drop',
  privileged: 'keep',
  namespaces: 'keep',
  networkMode: 'keep',
  endpoints: 'keep',
  endpointOptions: 'mask',
  binds: 'keep',
  mounts: 'keep',
  volumesFrom: 'keep',
  links: 'keep',
  volumeDriver: 'keep',
  volumeOptions: 'mask',
  clusterVolume: 'mask',
  capabilities: 'keep',
  devices: 'keep',
  securityOptions: 'keep',
  privileges: 'mask',
  sysctls: 'mask',
  runtime: 'keep',
  cgroupParent: 'keep',
  log: 'driver',
  template: 'keep',
  stopTimeout: 'keep',
  stopGrace: 'keep',
  publish: 'keep',
  publishAll: 'keep',
  servicePorts: 'keep',
  memory: 'keep',
  memorySwap: 'keep',
  cpus: 'keep',
  cpuQuota: 'keep',
  cpuPeriod: 'keep',
  pids: 'keep',
  ulimits: 'keep',
  shm: 'keep',
  tmpfs: 'keep',
  oomScore: 'keep',
  restart: 'keep',
  restartCondition: 'keep',
  user: 'keep',
  groups: 'keep',
  labels: 'mask',
  env: 'drop',
  serviceEnv: 'drop',
  hosts: 'keep',
  image: 'keep',
  serviceImage: 'keep',
  renamed: 'keep',
  search: 'keep',
  command: 'drop',
  containerName: 'keep',
  networkName: 'keep',
  networkDriver: 'keep',
  networkOptions: 'mask',
  addressing: 'keep',
  registry: 'keep',
  pull: 'keep',
  push: 'keep',
  changes: 'drop',
  build: 'keep',
  buildArgs: 'mask',
}

/** `whole`: within what a limit has a say in, what is beside it is kept, as the limit reads both. */
function pare(value: Json, of: Field, whole: boolean, room: Room): Json | undefined {
  const { type, say, harmless } = of
  if (value === null || value === harmless || room.left < 0) return undefined
  if (!whole && say !== 'absent' && isZero(value)) return undefined
  const how = telling[say]
  if (how === 'drop' || (how === 'mask' && isZero(value))) return undefined
  if (how === 'driver') return driverOf(value, room)
  if (how === 'mask') return mask(value, room)
  const inside = whole || say !== 'free'
  if (typeof type === 'string') return inside ? short(value, room) : undefined
  if (!inside && !tells(of)) return undefined
  if ('list' in type) {
    return Array.isArray(value) ? pareList(value, type.list, inside, room) : undefined
  }
  if (!isObject(value)) return undefined
  const kept: Record<string, Json> = {}
  let tellsAny = inside
  for (const key in value) {
    const field = 'map' in type ? type.map : type.object.get(key)
    let item = field && pare(value[key] ?? null, field, inside, room)
    if (item === undefined) {
      if (!('map' in type) || !inside) continue
      // The key alone says something: a network that is joined, a port.
      item = emptyOf(type.map)
    }
    put(kept, key, item)
    tellsAny = true
    room.left -= key.length + quotesAndColon
  }
  return tellsAny ? kept : undefined
}

function pareList(
  value: readonly Json[],
  of: Field,
  inside: boolean,
  room: Room,
): readonly Json[] | undefined {
  const kept: Json[] = []
  let tellsAny = inside
  for (const item of value) {
    const pared = pare(item, of, inside, room)
    if (pared !== undefined) tellsAny = true
    kept.push(pared ?? emptyOf(of))
  }
  return tellsAny ? kept : undefined
}

/** Assigned, `__proto__` would be no key. */
function put(object: Record<string, Json>, key: string, value: Json): void {
  if (key !== '__proto__') object[key] = value
  else Object.defineProperty(object, key, { value, enumerable: true })
}

const telltales = new WeakMap<Field, boolean>()

/** Whether anybody but its type has a say in it, or in what is inside of it. */
function tells(field: Field): boolean {
  let does = telltales.get(field)
  if (does === undefined) {
    does = field.say !== 'free' || inner(field).some(tells)
    telltales.set(field, does)
  }
  return does
}

function inner({ type }: Field): readonly Field[] {
  if (typeof type === 'string') return []
  if ('object' in type) return [...type.object.values()]
  return ['list' in type ? type.list : type.map]
}

/** Names and numbers without what they are set to. */
function mask(value: Json, room: Room): Json {
  if (typeof value === 'string') {
    room.left -= masked.length + quotes
    return masked
  }
  if (Array.isArray(value)) return value.map((item: Json) => mask(item, room))
  if (!isObject(value)) return value
  const kept: Record<string, Json> = {}
  for (const name in value) {
    room.left -= name.length + quotesAndColon
    put(kept, name, mask(value[name] ?? null, room))
  }
  return kept
}

/** Where logs go by its word; among its options may be tokens. */
function driverOf(value: Json, room: Room): Json {
  const entries = isObject(value) ? Object.entries(value) : []
  return Object.fromEntries(
    entries.map(([key, item]) => [
      key,
      typeof item === 'string' ? short(item, room) : mask(item, room),
    ]),
  )
}

/** Words are short; a seccomp profile among the security options is a file. */
const longestWord = 256

function short(value: Json, room: Room): Json {
  if (typeof value === 'string') {
    const kept = value.length > longestWord ? `${value.slice(0, longestWord)}…` : value
    room.left -= kept.length + quotes
    return kept
  }
  return Array.isArray(value) ? value.map((item: Json) => short(item, room)) : value
}

function emptyOf({ type }: Field): Json {
  if (type === 'text') return ''
  if (typeof type === 'string') return null
  return 'list' in type ? [] : {}
}
