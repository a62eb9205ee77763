// Puts what the engine said a name means in the name's place, so that nothing which is renamed
// between judging and doing can turn a judged request onto another thing.
import { GatewayError, failure, isFailure } from '../errors.ts'
import { readFilters, writeFilters } from './filters.ts'
import { maybeImageId } from './image-reference.ts'
import { fillPath } from './match.ts'
import type { Json, JsonObject, Operation, QueryPairs, Reference, Thing } from './operation.ts'
import { withoutIgnored } from './query.ts'
import { stringList } from './references.ts'

/**
 * The operation as it is sent for a role with limits: every resolved reference by its full id, and
 * without query parameters that the engine does not read. A name that is given away stays a name.
 */
export function withThings(
  operation: Operation,
  things: ReadonlyMap<Reference, Thing | undefined>,
): Operation {
  const { endpoint, target, params, body } = operation
  const newParams = { ...params }
  let query = target.query
  const edits = new Edits()
  for (const reference of operation.references) {
    const thing = things.get(reference)
    if (thing === undefined || keepsName(operation, reference, thing)) continue
    const { place } = reference
    const text = `${reference.before}${thing.id}${reference.after}`
    switch (place.in) {
      case 'path':
        newParams[place.parameter] = text
        break
      case 'query':
        query = withText(query, place, text)
        break
      case 'filter':
        query = withFilter(query, place, text)
        break
      case 'body':
        edits.at(place.at).value = text
        break
      case 'body-key':
        edits.at(place.at).key = text
        break
      default:
        place satisfies never
    }
  }
  return Object.freeze({
    ...operation,
    target: Object.freeze({
      ...target,
      path: fillPath(endpoint, newParams),
      query: withoutIgnored(endpoint, query),
    }),
    params: Object.freeze(newParams),
    ...(body === undefined ? {} : { body: edits.applyTo(body) }),
  })
}

// By an image's id they do another thing than by its name: delete every tag instead of one, save
// without tags, push nothing; a container remembers by what name its image was asked for; and the
// other nodes of a swarm cannot pull an id.
const byImageName = new Set([
  'ContainerCreate',
  'ImageDelete',
  'ImageGet',
  'ImageGetAll',
  'ImagePush',
  'ServiceCreate',
  'ServiceUpdate',
])

function keepsName(operation: Operation, reference: Reference, thing: Thing): boolean {
  if (thing.id === reference.name) return true
  if (thing.kind === 'volume') return false
  if (reference.wants === 'make') return true
  const { place } = reference
  // A network's settings are looked for by its name alone.
  if (place.in === 'body' && place.at[0] === 'ConfigFrom') return true
  if (thing.kind !== 'image' || !byImageName.has(operation.endpoint.id)) return false
  // Nobody remembers by what name an image was mounted.
  if (operation.endpoint.id === 'ContainerCreate' && place.in === 'body' && place.at.length > 1) {
    return false
  }
  // What cannot be an id has one reading, a name.
  return !maybeImageId(reference.name)
}

type QueryPlace = Extract<Reference['place'], { in: 'query' }>

function withText(query: QueryPairs, place: QueryPlace, text: string): QueryPairs {
  let count = 0
  return Object.freeze(
    query.map((pair) => {
      if (pair[0] !== place.name || count++ !== place.index) return pair
      if (place.at === undefined) return Object.freeze([pair[0], text] as const)
      const list = stringList(pair[1]).with(place.at, text)
      return Object.freeze([pair[0], JSON.stringify(list)] as const)
    }),
  )
}

function withFilter(
  query: QueryPairs,
  { name, index }: Extract<Reference['place'], { in: 'filter' }>,
  text: string,
): QueryPairs {
  return query.map((pair) => {
    if (pair[0] !== 'filters') return pair
    const filters = readFilters(pair[1])
    if (isFailure(filters)) throw new GatewayError(filters)
    const values = (filters.get(name) ?? []).with(index, text)
    const written = writeFilters(new Map([...filters, [name, [...new Set(values)]]]))
    return Object.freeze([pair[0], written] as const)
  })
}

/** Changes to a JSON value, as a tree along its own paths. */
class Edits {
  value: string | undefined
  key: string | undefined
  readonly #below = new Map<string | number, Edits>()

  at(path: readonly (string | number)[], from = 0): Edits {
    const step = path[from]
    if (step === undefined) return this
    let next = this.#below.get(step)
    if (next === undefined) this.#below.set(step, (next = new Edits()))
    return next.at(path, from + 1)
  }

  applyTo(body: JsonObject): JsonObject {
    return this.#below.size === 0 ? body : this.#inObject(body)
  }

  #applyTo(json: Json): Json {
    if (this.value !== undefined) return this.value
    if (this.#below.size === 0 || json === null || typeof json !== 'object') return json
    if (!isList(json)) return this.#inObject(json)
    const items = json.map((item, index) => {
      const edits = this.#below.get(index)
      return edits === undefined ? item : edits.#applyTo(item)
    })
    return Object.freeze(items)
  }

  #renames(): boolean {
    for (const { key } of this.#below.values()) if (key !== undefined) return true
    return false
  }

  #inObject(json: JsonObject): JsonObject {
    if (!this.#renames()) {
      const copy: Record<string, Json> = { ...json }
      for (const [step, edits] of this.#below) {
        // Its own by now, so that `__proto__` is a key like any other.
        if (Object.hasOwn(json, step)) copy[step] = edits.#applyTo(json[step] ?? null)
      }
      return copy
    }
    const changed = new Map<string, Json>()
    for (const name in json) {
      const item = json[name] ?? null
      const edits = this.#below.get(name)
      const key = edits?.key ?? name
      if (changed.has(key)) {
        // Two spellings of one thing: whose settings it would get depends on the reader.
        throw new GatewayError(failure('bad-body', 'the request body names one thing twice'))
      }
      changed.set(key, edits === undefined ? item : edits.#applyTo(item))
    }
    // Not without a prototype: where V8 meets such a one, it begins to write the whole body anew.
    return Object.freeze(Object.fromEntries(changed))
  }
}

function isList(json: readonly Json[] | JsonObject): json is readonly Json[] {
  return Array.isArray(json)
}
