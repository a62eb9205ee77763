// What a predicate of a limit is given and says.
import type { Json, Operation, Reference, Thing } from '../../docker/operation.ts'
import { isObject } from '../../docker/json.ts'
import type { Demand } from '../../docker/shape.ts'
import type { Limits } from '../limits.ts'

export interface Asking {
  readonly limits: Limits
  readonly operation: Operation
  readonly things: ReadonlyMap<Reference, Thing | undefined>
  /** Where a path on the engine's host leads, links resolved; nothing for one that cannot be seen. */
  readonly hostPaths: ReadonlyMap<string, string>
}

/** What speaks against a demand. */
export interface Against {
  /** The key of `limits:` that could allow it, or `safe` where only `limits: none` does. */
  readonly limit: string
  /** Short and printable; never a secret. */
  readonly found: string
  readonly allowed: string
}

export type Predicate = (value: Json, asking: Asking, demand: Demand) => Against | undefined

export function against(limit: string, found: Json, allowed: string): Against {
  const text = typeof found === 'string' ? found : JSON.stringify(found)
  return { limit, found: text.length > 80 ? `${text.slice(0, 80)}…` : text, allowed }
}

export function listed(words: Iterable<string>, none = 'none'): string {
  return [...words].join(', ') || none
}

/** One string or a list of them, as a list. */
export function wordsOf(value: Json): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.map((item: Json) => textOf(item)) : []
}

export function itemsOf(value: Json): readonly Readonly<Record<string, Json>>[] {
  return Array.isArray(value) ? value.filter((item: Json) => isObject(item)) : []
}

export function entriesOf(value: Json): readonly (readonly [string, Json])[] {
  return isObject(value) ? Object.entries(value) : []
}

export function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0
}

export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
