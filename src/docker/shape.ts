// What the JSON body of an operation may hold: every field that the engine knows, the type that it
// wants, and who has a say in it. A field that stands in no shape is refused by name. Pure.
import { failure, type Failure } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { isObject } from './json.ts'
import type { Json, JsonObject } from './operation.ts'
import { printable } from './printable.ts'

/** What a limit can be set on; `limits/` in the policy holds one predicate for each. */
export type Concern =
  | 'privileged'
  | 'namespaces'
  | 'networkMode'
  | 'endpoints'
  | 'endpointOptions'
  | 'binds'
  | 'mounts'
  | 'volumesFrom'
  | 'links'
  | 'volumeDriver'
  | 'volumeOptions'
  | 'clusterVolume'
  | 'capabilities'
  | 'devices'
  | 'securityOptions'
  | 'privileges'
  | 'sysctls'
  | 'runtime'
  | 'cgroupParent'
  | 'log'
  | 'template'
  | 'stopTimeout'
  | 'stopGrace'
  | 'publish'
  | 'publishAll'
  | 'servicePorts'
  | 'memory'
  | 'memorySwap'
  | 'cpus'
  | 'cpuQuota'
  | 'cpuPeriod'
  | 'pids'
  | 'ulimits'
  | 'shm'
  | 'tmpfs'
  | 'oomScore'
  | 'restart'
  | 'restartCondition'
  | 'user'
  | 'groups'
  | 'labels'
  | 'env'
  | 'serviceEnv'
  | 'hosts'
  | 'image'
  | 'serviceImage'
  | 'renamed'
  | 'search'
  | 'command'
  | 'containerName'
  | 'networkName'
  | 'networkDriver'
  | 'networkOptions'
  | 'addressing'
  | 'registry'
  | 'pull'
  | 'push'
  | 'changes'
  | 'build'
  | 'buildArgs'

/**
 * Who has a say: nobody (`free`), a limit, or the rule that a role with limits leaves it alone: at its
 * zero value (`forbidden`), or out of the body (`absent`: there the empty list is the dangerous one).
 * What old clients send although no engine reads it is `dropped`.
 */
export type Say = 'free' | 'forbidden' | 'absent' | 'dropped' | Concern

export type Type =
  | 'any'
  | 'text'
  | 'bool'
  | 'int'
  | 'number'
  /** A list of strings. */
  | 'texts'
  /** A list of strings, or one string alone (Go: strslice). */
  | 'words'
  | {
      readonly object: ReadonlyMap<string, Field>
      /** What a client writes beside the fields as `null`, which says nothing, is left out. */
      readonly dropsNulls?: true
    }
  | { readonly list: Field }
  | { readonly map: Field }

export interface Field {
  readonly type: Type
  readonly say: Say
  /** What the docker CLI's user calls it: `--privileged`. */
  readonly flag?: string
  /** The word for what the engine does anyway: nobody is asked about it. */
  readonly harmless?: string
  /** `dropped` as long as it says nothing, and refused where it does. */
  readonly empty?: true
}

/** Something in a request that a limit has a say in. */
export interface Demand {
  readonly say: Exclude<Say, 'free' | 'dropped'>
  /** `HostConfig.Privileged`, `?networkmode` */
  readonly field: string
  readonly flag: string | undefined
  readonly value: Json
}

export interface Judged {
  readonly body: JsonObject
  readonly demands: readonly Demand[]
}

/** Holds a value against its shape: the first fault, or the value with all that is to be judged. */
export function readShape(shape: Field, value: Json): Judged | Failure {
  if (!isObject(value)) return refuse('', 'a JSON object is needed')
  const demands: Demand[] = []
  const read = visit(value, shape, undefined, demands)
  if (read instanceof Problem) return read.failure
  return { body: read as JsonObject, demands }
}

class Problem {
  readonly failure: Failure
  constructor(failed: Failure) {
    this.failure = failed
  }
}

/** Where a value stands, written out only where somebody is told of it. */
interface Place {
  readonly above: Place | undefined
  readonly step: string | number
  readonly isKeyOfMap: boolean
}

function placeIn(above: Place | undefined, step: string | number, isKeyOfMap = false): Place {
  return { above, step, isKeyOfMap }
}

function written(place: Place | undefined): string {
  if (place === undefined) return ''
  const { above, step, isKeyOfMap } = place
  const before = written(above)
  if (isKeyOfMap) return `${before}[${JSON.stringify(step)}]`
  if (typeof step === 'number') return `${before}[${step}]`
  return before === '' ? step : `${before}.${step}`
}

function visit(
  value: Json,
  shape: Field,
  place: Place | undefined,
  demands: Demand[],
): Json | Problem {
  // To the engine null is the same as nothing, and the body holds no key twice.
  if (value === null) return value
  const { say, flag, harmless } = shape
  if (say === 'free' || say === 'dropped' || value === harmless) {
    return visitInside(value, shape, place, demands)
  }
  if (say !== 'absent' && isZero(value)) return visitInside(value, shape, place, demands)
  const demand: Demand = { say, field: written(place), flag, value }
  const index = demands.push(demand) - 1
  const read = visitInside(value, shape, place, demands)
  if (read !== value && !(read instanceof Problem)) {
    demands[index] = { ...demand, value: read }
  }
  return read
}

function visitInside(
  value: Json,
  { type }: Field,
  place: Place | undefined,
  demands: Demand[],
): Json | Problem {
  if (typeof type === 'string') {
    return fits(type, value) ? value : problem(place, `${wanted[type]} is needed`)
  }
  if ('object' in type) {
    return isObject(value)
      ? visitObject(value, type, place, demands)
      : problem(place, 'an object is needed')
  }
  if ('list' in type) {
    return Array.isArray(value)
      ? visitList(value, type.list, place, demands)
      : problem(place, 'a list is needed')
  }
  return isObject(value)
    ? visitMap(value, type.map, place, demands)
    : problem(place, 'an object is needed')
}

function visitList(
  value: readonly Json[],
  of: Field,
  place: Place | undefined,
  demands: Demand[],
): readonly Json[] | Problem {
  let kept: Json[] | undefined
  for (let index = 0; index < value.length; index++) {
    const item = value[index] ?? null
    const read = visit(item ?? zeroOf(of), of, placeIn(place, index), demands)
    if (read instanceof Problem) return read
    if (read !== item) (kept ??= [...value])[index] = read
  }
  return kept ?? value
}

function visitMap(
  value: JsonObject,
  of: Field,
  place: Place | undefined,
  demands: Demand[],
): JsonObject | Problem {
  const ofTexts = of.type === 'text' && of.say === 'free'
  let changed: Map<string, Json> | undefined
  for (const key in value) {
    const item = value[key] ?? null
    // Most are: labels, options.
    if (ofTexts && typeof item === 'string') continue
    const read = visit(item ?? zeroOf(of), of, placeIn(place, key, true), demands)
    if (read instanceof Problem) return read
    if (read !== item) (changed ??= new Map()).set(key, read)
  }
  if (changed === undefined) return value
  const read = changed
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, read.get(key) ?? item]),
  )
}

/**
 * In a list or a map the engine makes a zero value of null, which is no longer nothing: null among
 * bindings publishes a port on every address, null as tmpfs options is a tmpfs without a size.
 */
function zeroOf({ type }: Field): Json {
  if (type === 'text') return ''
  if (typeof type === 'string') return null
  return 'list' in type ? [] : {}
}

function visitObject(
  value: JsonObject,
  { object: fields, dropsNulls }: Extract<Exclude<Type, string>, { object: unknown }>,
  place: Place | undefined,
  demands: Demand[],
): JsonObject | Problem {
  let kept = value
  for (const key in value) {
    const known = fields.get(key)
    const item = value[key] ?? null
    if (known === undefined) {
      if (dropsNulls === true && item === null) {
        kept = without(kept, key)
        continue
      }
      const near = nearest(key, fields.keys())
      const hint = near === undefined ? '' : `, did you mean ${near}?`
      const above = written(place)
      const at = above === '' ? printable(key) : `${above}.${printable(key)}`
      return new Problem(refuse(at, `unknown field${hint}`))
    }
    if (known.say === 'dropped') {
      if (known.empty === true && !isZero(item)) {
        return problem(placeIn(place, key), 'nothing may stand here')
      }
      kept = without(kept, key)
      continue
    }
    if (item === null) continue
    // Most fields: nobody but the type has a say.
    if (known.say === 'free' && typeof known.type === 'string' && fits(known.type, item)) continue
    const read = visit(item, known, placeIn(place, key), demands)
    if (read instanceof Problem) return read
    if (read !== item) kept = { ...kept, [key]: read }
  }
  return kept
}

function without(value: JsonObject, key: string): JsonObject {
  const { [key]: _, ...rest } = value
  return rest
}

function problem(place: Place | undefined, what: string): Problem {
  return new Problem(refuse(written(place), what))
}

function refuse(path: string, what: string): Failure {
  return failure('bad-body', `the request body: ${path === '' ? '' : `${path}: `}${what}`)
}

const wanted = {
  any: 'a value',
  text: 'a string',
  bool: 'true or false',
  int: 'a whole number',
  number: 'a number',
  texts: 'a list of strings',
  words: 'a list of strings',
} as const satisfies Record<Exclude<Type, object>, string>

function fits(type: Exclude<Type, object>, value: Json): boolean {
  switch (type) {
    case 'any':
      return true
    case 'text':
      return typeof value === 'string'
    case 'bool':
      return typeof value === 'boolean'
    case 'int':
      return Number.isInteger(value)
    case 'number':
      return typeof value === 'number'
    case 'words':
      return typeof value === 'string' || isTexts(value)
    case 'texts':
      return isTexts(value)
  }
}

function isTexts(value: Json): value is readonly string[] {
  if (!Array.isArray(value)) return false
  for (const item of value as readonly Json[]) if (typeof item !== 'string') return false
  return true
}

/** Go's zero value of whatever type it is: the engine takes it as not said. */
export function isZero(value: Json | undefined): boolean {
  if (value === null || value === undefined) return true
  if (typeof value !== 'object') return value === '' || value === 0 || value === false
  return Array.isArray(value) ? value.length === 0 : isEmpty(value as JsonObject)
}

function isEmpty(value: JsonObject): boolean {
  for (const _ in value) return false
  return true
}

/** A value on whose like nobody but `say` decides. */
export function field(type: Type, say: Say = 'free', flag?: string): Field {
  return Object.freeze(flag === undefined ? { type, say } : { type, say, flag })
}

/** A field that has a word of its own for its zero value. */
export function unless(harmless: string, of: Field): Field {
  return Object.freeze({ ...of, harmless })
}

/** What a client writes at a place where it must be empty. */
export const emptyField: Field = Object.freeze({ type: 'any', say: 'dropped', empty: true })

export function object(
  fields: Readonly<Record<string, Field>>,
  say: Say = 'free',
  flag?: string,
): Field {
  return field({ object: new Map(Object.entries(fields)) }, say, flag)
}

/** An object in which clients write `null` under keys of their own. */
export function objectWithNulls(fields: Readonly<Record<string, Field>>): Field {
  return field({ object: new Map(Object.entries(fields)), dropsNulls: true })
}

export function list(of: Field, say: Say = 'free', flag?: string): Field {
  return field({ list: of }, say, flag)
}

export function map(of: Field, say: Say = 'free', flag?: string): Field {
  return field({ map: of }, say, flag)
}

export const text = field('text')
export const bool = field('bool')
export const int = field('int')
export const texts = field('texts')
export const words = field('words')
export const textMap = map(text)
