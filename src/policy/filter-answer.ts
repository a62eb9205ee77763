// What a role that reaches not everything sees of lists and counts: theirs, and what everybody shares.
// Pure: what must be asked of the engine comes in as `Theirs`.
import { editJson, parseBytes, textOf, type JudgeValue, type Verdict } from '../docker/json-edit.ts'
import type { ByteText } from '../docker/json-units.ts'
import { isObject } from '../docker/json.ts'
import type { Json, JsonObject, Thing, ThingKind } from '../docker/operation.ts'
import { isShared } from './ownership.ts'
import type { View } from './view.ts'

type Reach = NonNullable<View['reach']>

/** What the engine has of theirs, as far as an answer needs it. */
export interface Theirs {
  /** By id. */
  readonly containers: ReadonlyMap<string, { readonly image: string; readonly state: string }>
  /** How many images they see. */
  readonly images: number
}

const lists: ReadonlyMap<string, ThingKind> = new Map([
  ['ImageList', 'image'],
  ['NetworkList', 'network'],
  ['NetworkListSlash', 'network'],
])

/** Whether they see this element of the list that the endpoint answers. */
export function sees(endpoint: string, reach: Reach, element: Json): boolean {
  const kind = lists.get(endpoint)
  if (kind === undefined) return true
  return isObject(element) && seesThing(kind, reach, element)
}

function seesThing(kind: ThingKind, reach: Reach, value: JsonObject): boolean {
  const names = [...texts(value['RepoTags']), ...texts(value['RepoDigests'])]
  const thing: Thing = {
    kind,
    id: textOf(value['Id']),
    name: textOf(value['Name']),
    labels: labelsIn(value),
    ...(kind === 'image' ? { names: names.filter((name) => !name.startsWith('<none>')) } : {}),
  }
  return reach.reaches(thing) || isShared(thing)
}

function labelsIn(value: JsonObject): Readonly<Record<string, string>> {
  const own = Object.create(null) as Record<string, string>
  const labels = value['Labels']
  if (isObject(labels)) {
    for (const [key, label] of Object.entries(labels)) own[key] = textOf(label)
  }
  return own
}

/** What must be known of theirs before this text can be filtered. */
export function needs(endpoint: string, unit: ByteText): readonly (keyof Theirs)[] {
  switch (endpoint) {
    case 'SystemInfo':
      return ['containers', 'images']
    case 'SystemDataUsage':
      return ['containers']
    default:
      // Most answers of these name no container.
      return /"Containers":(?!-1|null|\{\}|\[\])/.test(unit) ? ['containers'] : []
  }
}

export function filterAnswer(
  endpoint: string,
  reach: Reach,
  theirs: Theirs,
  unit: ByteText,
): ByteText {
  switch (endpoint) {
    case 'SystemInfo':
      return editJson(unit, judgeInfo(theirs))
    case 'SystemDataUsage':
      return editJson(unit, judgeUsage(reach, theirs, parseBytes(unit)))
    case 'ImageList':
    case 'ImageInspect':
      return editJson(unit, judgeImage(theirs, idOf(unit)))
    default:
      return editJson(unit, judgeNetwork(theirs))
  }
}

function idOf(unit: ByteText): string {
  const value = parseBytes(unit)
  return isObject(value) ? textOf(value['Id']) : ''
}

function judgeInfo({ containers, images }: Theirs): JudgeValue {
  const states = [...containers.values()].map(({ state }) => state)
  const count = (state: string): number => states.filter((one) => one === state).length
  const [running, paused] = [count('running') + count('restarting'), count('paused')]
  const counts: ReadonlyMap<string | number, number> = new Map([
    ['Containers', states.length],
    ['ContainersRunning', running],
    ['ContainersPaused', paused],
    ['ContainersStopped', states.length - running - paused],
    ['Images', images],
  ])
  return (path) => {
    if (path.length === 0) return 'inside'
    const [key = ''] = path
    const number = counts.get(key)
    return number === undefined ? 'stay' : { put: String(number) }
  }
}

/** Members of a network are containers, and on a swarm services and hosts too. */
function judgeNetwork({ containers }: Theirs): JudgeValue {
  return ([key, member], found) => {
    if (key === undefined) return 'inside'
    if (key === 'Containers') {
      if (member === undefined) return 'inside'
      return containers.has(String(member)) ? 'stay' : 'leave-out'
    }
    const ofOthers = key === 'Services' || key === 'Peers'
    return ofOthers && found.kind !== 'other' ? { put: 'null' } : 'stay'
  }
}

/** With `manifests` an image tells the ids of the containers that run it, else at most how many. */
function judgeImage({ containers }: Theirs, id: string): JudgeValue {
  return (path, found) => {
    const key = path.at(-1)
    if (path.length === 1 && key === 'Containers') {
      return Number(found.raw()) < 0 ? 'stay' : { put: String(users(containers, id)) }
    }
    if (path.at(-2) === 'Containers' && typeof key === 'number') {
      return containers.has(textOf(found.json())) ? 'stay' : 'leave-out'
    }
    return path[0] === 'Manifests' || path.length === 0 ? 'inside' : 'stay'
  }
}

function users(containers: Theirs['containers'], image: string): number {
  return [...containers.values()].filter((one) => one.image === image).length
}

const usage: ReadonlyMap<string | number, ThingKind> = new Map([
  ['Images', 'image'],
  ['Containers', 'container'],
  ['Volumes', 'volume'],
])

function judgeUsage(reach: Reach, { containers }: Theirs, all: Json): JudgeValue {
  const entries = (list: string): readonly Json[] => {
    const found = isObject(all) ? all[list] : undefined
    return Array.isArray(found) ? (found as readonly Json[]) : []
  }
  const isSeen = (list: string | number, entry: Json | undefined): entry is JsonObject => {
    const kind = usage.get(list)
    return kind !== undefined && isObject(entry) && seesThing(kind, reach, entry)
  }
  const images = entries('Images').filter((entry) => isSeen('Images', entry))
  return ([list, index, key], found): Verdict => {
    if (list === undefined) return 'inside'
    if (usage.has(list)) {
      if (index === undefined) return found.kind === 'array' ? 'inside' : 'stay'
      const entry = entries(String(list))[Number(index)]
      if (key === undefined && !isSeen(list, entry)) return 'leave-out'
      if (list !== 'Images') return 'stay'
      if (key === undefined) return 'inside'
      const id = isObject(entry) ? textOf(entry['Id']) : ''
      return key === 'Containers' ? { put: String(users(containers, id)) } : 'stay'
    }
    if (list === 'LayersSize') return { put: String(layersSize(images)) }
    if (list === 'BuildCache') return found.kind === 'array' ? { put: '[]' } : 'stay'
    // What an engine sums up over everybody is not told.
    return list === 'BuilderSize' ? { put: '0' } : 'leave-out'
  }
}

/** What these images take: each one's own part, and the largest part that is shared. */
function layersSize(images: readonly JsonObject[]): number {
  const shared = images.map((image) => Math.max(0, Number(image['SharedSize'] ?? 0)))
  const own = images.map((image, index) => Number(image['Size'] ?? 0) - (shared[index] ?? 0))
  return own.reduce((sum, size) => sum + size, 0) + Math.max(0, ...shared)
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
