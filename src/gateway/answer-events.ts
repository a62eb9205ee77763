// Which events of the engine are whose. An event of a container or an image carries its labels; any other
// is decided by the thing that it names, which is asked for while it is there and remembered when it is
// gone. What cannot be told is nobody's.
import { textOf } from '../docker/json-edit.ts'
import { isObject } from '../docker/json.ts'
import type { Json, JsonObject, Operation, Thing, ThingKind } from '../docker/operation.ts'
import { firstValue } from '../docker/query.ts'
import { GatewayError } from '../errors.ts'
import { isShared } from '../policy/ownership.ts'
import type { View } from '../policy/view.ts'
import { askList, onlyTheirs } from './answer-theirs.ts'
import type { Engine } from './engine.ts'
import { lookUp } from './resolve.ts'

type Reach = NonNullable<View['reach']>

export interface EventsOfTheirs {
  /** Of one stream that has just been opened: whether an event is theirs. Events come in order. */
  open(reach: Reach, operation: Operation): Promise<(event: Json) => Promise<boolean>>
}

/** How many things are remembered of all that the engine ever had. */
const maxRemembered = 20_000

export function createEventsOfTheirs(engine: Engine, now: () => number): EventsOfTheirs {
  /** By kind and id that no other thing ever has: the id of a container, network or image. */
  const remembered = new Map<string, Thing>()

  /** `told`: as an event said it, which of all labels only dockgate's can be taken from. */
  function remember(thing: Thing, told = ''): void {
    const key = `${told}${thing.kind} ${thing.id}`
    remembered.delete(key)
    remembered.set(key, thing)
    if (remembered.size <= maxRemembered) return
    const [oldest] = remembered.keys()
    if (oldest !== undefined) remembered.delete(oldest)
  }

  async function known(kind: ThingKind, id: string): Promise<Thing | undefined> {
    const key = `${kind} ${id}`
    const before = remembered.get(key)
    if (before !== undefined && hasFixedLabels.has(kind)) return before
    const found = await find(kind, id)
    // By another spelling it would be another thing by the time that it is gone.
    if (found === undefined || found.id !== id) return before
    remember(found)
    return found
  }

  async function find(kind: ThingKind, id: string): Promise<Thing | undefined> {
    try {
      return await lookUp(engine, kind, id)
    } catch (error) {
      // Such as a node that has left its swarm meanwhile.
      if (error instanceof GatewayError) return undefined
      throw error
    }
  }

  async function open(
    reach: Reach,
    operation: Operation,
  ): Promise<(event: Json) => Promise<boolean>> {
    const openedAt = now()
    const isLive = firstValue(operation.target.query, 'since') === undefined
    /** Their volumes as of the last event: a volume's name may be somebody else's next time. */
    const volumes = new Set<string>()
    // What is gone when its last event comes can only be known from before.
    const [ofVolumes, ofNetworks, ofImages] = await Promise.all([
      askList(engine, `/volumes?${onlyTheirs(reach)}`, 'Volumes'),
      askList(engine, `/networks?${onlyTheirs(reach)}`),
      askList(engine, `/images/json?all=1&${onlyTheirs(reach)}`),
    ])
    for (const volume of ofVolumes) volumes.add(textOf(volume['Name']))
    for (const network of ofNetworks) remember(thingIn('network', network))
    for (const image of ofImages) remember(thingIn('image', image))

    /** Whether the event's own labels say whose it is, which only dockgate's cannot be mistaken for. */
    const isTold = reach.labels.every((label) => label.startsWith('dockgate.'))

    async function reached(kind: ThingKind, id: string): Promise<boolean> {
      const told = isTold ? remembered.get(`told ${kind} ${id}`) : undefined
      const thing = told ?? (await known(kind, id))
      return thing !== undefined && reach.reaches(thing)
    }

    /** Whether its own labels make it theirs. */
    function isLabelled(kind: ThingKind, id: string, attributes: JsonObject): boolean {
      const own = Object.entries(attributes).filter(([key]) => key.startsWith('dockgate.'))
      const labels = Object.fromEntries(own.map(([key, value]) => [key, textOf(value)]))
      const thing = Object.freeze({ kind, id, name: '', labels })
      if (own.length > 0) remember(thing, 'told ')
      return reach.reaches(thing)
    }

    async function isVolumeTheirs(name: string, action: string, timeMs: number): Promise<boolean> {
      if (isLive || timeMs >= openedAt) {
        if (action === 'destroy') return volumes.delete(name)
        if (action === 'create') {
          const found = await lookUp(engine, 'volume', name)
          if (found !== undefined && reach.reaches(found)) volumes.add(name)
          else volumes.delete(name)
        }
        return volumes.has(name)
      }
      // Of the past: the volume that has this name now may be another one than had it then.
      const { status, value } = await engine.ask(`/volumes/${encodeURIComponent(name)}`)
      const volume = value as Json
      if (status !== 200 || !isObject(volume)) return false
      const createdAt = Date.parse(textOf(volume['CreatedAt']))
      return timeMs >= createdAt && reach.reaches(thingIn('volume', volume))
    }

    return async (event) => {
      if (!isObject(event) || !isObject(event['Actor'])) return false
      const { Action: action, Actor: actor } = event
      const type = textOf(event['Type'])
      const id = actor['ID']
      const attributes = isObject(actor['Attributes']) ? actor['Attributes'] : {}
      if (typeof id !== 'string' || id === '' || typeof action !== 'string') return false
      const container = attributes['container']
      const timeMs = Number(event['timeNano']) / 1e6
      switch (type) {
        case 'container':
          return isTold ? isLabelled(type, id, attributes) : reached(type, id)
        case 'image':
          if (isTold && isLabelled(type, id, attributes)) return true
          // Deleted, it has lost its labels. And what is pulled is named, not known by its id.
          return id.startsWith('sha256:') && (await reached(type, id))
        case 'network': {
          if (typeof container === 'string' && !(await reached('container', container))) {
            return false
          }
          const network = await known('network', id)
          if (network === undefined) return false
          return reach.reaches(network) || (typeof container === 'string' && isShared(network))
        }
        case 'volume':
          if (typeof container === 'string') return reached('container', container)
          return isVolumeTheirs(id, action, timeMs)
        case 'service':
        case 'node':
        case 'secret':
        case 'config':
          return reached(type, id)
        default:
          return false
      }
    }
  }
  return { open }
}

/** The labels of the others can be changed, and are asked for every time while the thing is there. */
const hasFixedLabels: ReadonlySet<ThingKind> = new Set(['container', 'network', 'image'])

function thingIn(kind: ThingKind, value: JsonObject): Thing {
  const labels = Object.create(null) as Record<string, string>
  const given = value['Labels']
  for (const [key, label] of isObject(given) ? Object.entries(given) : []) {
    labels[key] = textOf(label)
  }
  const name = textOf(value['Name'])
  return Object.freeze({ kind, id: textOf(value['Id']) || name, name, labels })
}
