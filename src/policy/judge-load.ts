// May they load this: the names and labels of the images in an archive, held against one role. Pure.
import { parseImageReference } from '../docker/image-reference.ts'
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import type { Principal } from '../identity/principal.ts'
import { deny } from './authorize.ts'
import { objection } from './check-limits.ts'
import type { Deny } from './decision.ts'
import { asksFor } from './limits.ts'
import { image } from './limits/images.ts'
import { against, type Against } from './limits/predicate.ts'
import { reserved } from './limits/words.ts'
import { labelsGiven } from './ownership.ts'
import type { Role } from './role.ts'
import { findStranger, taken } from './stranger.ts'

type Labels = Readonly<Record<string, string>>

export interface ToLoad {
  readonly tags: readonly string[]
  readonly labels: Labels
}

/** The names that images will get, as the request would have said them. Undefined where one is none. */
export function namesGiven(operation: Operation, images: readonly ToLoad[]): Operation | undefined {
  const references: Reference[] = []
  for (const tag of new Set(images.flatMap(({ tags }) => tags))) {
    const parsed = parseImageReference(tag)
    if (parsed === undefined || parsed.digest !== undefined || !/:[^/]*$/.test(tag))
      return undefined
    references.push({
      kind: 'image',
      name: parsed.canonical,
      place: { in: 'query', name: 'names', index: references.length },
      before: '',
      after: '',
      wants: 'make',
    })
  }
  return Object.freeze({ ...operation, references: Object.freeze(references) })
}

/** `operation` with the names that are given, and what has them now. */
export function judgeLoad(
  role: Role,
  principal: Principal,
  operation: Operation,
  images: readonly ToLoad[],
  things: ReadonlyMap<Reference, Thing | undefined>,
): Deny | undefined {
  const { permission, references } = operation
  const stranger = findStranger(role, principal, operation, things)
  if (stranger !== undefined) {
    const why = `${taken(stranger)}; save it by its id, and no name is in the archive`
    return deny(principal, permission, 'taken', role, why)
  }
  if (role.limits === 'none') return undefined
  const limited = (field: string, refused: Against): Deny => {
    const found = objection(role.name, undefined, field, refused)
    return { ...deny(principal, permission, 'limit', role, found.message), objections: [found] }
  }
  const asking = { limits: role.limits, operation, things, hostPaths: new Map<string, string>() }
  for (const { name } of references) {
    const demand = { say: 'image', field: 'RepoTags', flag: undefined, value: name } as const
    const refused = image(name, asking, demand)
    if (refused !== undefined) return limited('image', refused)
  }
  for (const [name, wanted] of role.limits.labels) {
    if (images.every(({ labels }) => asksFor(wanted, labels[name]))) continue
    return limited(`label ${name}`, against('labels', 'no such label', `${name}=${wanted}`))
  }
  return undefined
}

/** What an archive says of owners is whoever's who had it before. */
export function labelsLoaded(role: Role, principal: Principal, labels: Labels): Labels {
  const kept = Object.entries(labels).filter(([name]) => !reserved.test(name))
  return { ...Object.fromEntries(kept), ...labelsGiven(role.on, principal) }
}
