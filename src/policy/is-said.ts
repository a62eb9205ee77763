// Whether a value says all that was filled into it: the engine takes what it has, and nothing can be put
// there any more. Pure.
import { isObject } from '../docker/json.ts'
import type { Json } from '../docker/operation.ts'

/** Where nothing is said, nothing of the same meaning is said as well: no object and an empty one. */
export function isSaid(filled: Json | undefined, by: Json | undefined): boolean {
  if (filled === by || (isUnsaid(filled) && isUnsaid(by))) return true
  if (Array.isArray(filled)) {
    const items = Array.isArray(by) ? (by as readonly Json[]) : []
    return (
      filled.length === items.length &&
      filled.every((item: Json, index) => isSaid(item, items[index]))
    )
  }
  if (!isObject(filled)) return false
  const said = isObject(by) ? by : {}
  return Object.entries(filled).every(([key, value]) =>
    isSaid(value, Object.hasOwn(said, key) ? said[key] : undefined),
  )
}

/** An empty text is something: a label that is empty is not one that is lent by an image. */
function isUnsaid(value: Json | undefined): boolean {
  if (typeof value !== 'object') return value === undefined || value === 0 || value === false
  return value === null || Object.keys(value).length === 0
}
