// What somebody sees of the engine's answers: a role that reaches not everything sees what is theirs, and
// what a role hides is masked. Made when the request is decided, applied when it is answered. Pure.
import type { Operation, Thing } from '../docker/operation.ts'
import type { Principal } from '../identity/principal.ts'
import { readHide, type Hiding } from './hide.ts'
import { maskable } from './mask.ts'
import { labelsOf, reaches } from './ownership.ts'
import type { Role } from './role.ts'

export interface View {
  readonly operation: Operation
  /** Undefined for a role that reaches everything, and where the engine's own filter does it. */
  readonly reach?: {
    /** `key=value` of all that is theirs. */
    readonly labels: readonly string[]
    reaches(thing: Thing): boolean
  }
  /** Undefined where nothing in this answer is hidden. */
  readonly hide?: Hiding
}

/** Answers that hold other things than the ones that the request names or filters by label. */
export const filtered: ReadonlySet<string> = new Set([
  'ImageList',
  'ImageInspect',
  'NetworkList',
  'NetworkListSlash',
  'NetworkInspect',
  'SystemInfo',
  'SystemDataUsage',
  'SystemEvents',
])

/** Undefined where the answer goes as it comes. */
export function viewOf(role: Role, principal: Principal, operation: Operation): View | undefined {
  const { id } = operation.endpoint
  const labels = filtered.has(id) ? labelsOf(role.on, principal) : undefined
  const hides = role.hide.length > 0 && maskable.has(id)
  if (labels === undefined && !hides) return undefined
  return Object.freeze({
    operation,
    ...(labels === undefined
      ? {}
      : { reach: { labels, reaches: (thing: Thing) => reaches(role.on, principal, thing) } }),
    ...(hides ? { hide: readHide(role.hide) } : {}),
  })
}
