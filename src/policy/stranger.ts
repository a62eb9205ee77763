// What a request names that is not theirs: things that a role does not reach, and names that somebody
// else's thing has. Pure.
import { parseImageReference } from '../docker/image-reference.ts'
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import type { Principal } from '../identity/principal.ts'
import { belongsTo, isShared, reaches } from './ownership.ts'
import type { Role } from './role.ts'

/** A new thing's own name, not one that it mounts or joins. */
export function isNameGiven({ wants, place }: Reference): boolean {
  return (
    wants === 'make' && (place.in === 'query' || (place.in === 'body' && place.at.length === 1))
  )
}

/** The name in the words of who gave it, and the way out. */
export function taken({ kind, name }: Reference): string {
  const given = kind === 'image' ? name.replace(/^docker\.io\/(library\/)?/, '') : name
  const hint = 'names are one for all on an engine: choose another, with compose another project'
  return `the ${kind} name ${JSON.stringify(given)} is taken by somebody else; ${hint} (-p NAME)`
}

/** The first thing that the request names and this role does not reach, or that is not there. */
export function findStranger(
  role: Pick<Role, 'on' | 'limits'>,
  principal: Principal,
  operation: Operation,
  things: ReadonlyMap<Reference, Thing | undefined>,
): Reference | undefined {
  return operation.references.find((reference) => {
    const thing = things.get(reference)
    if (role.on.kind === 'all') {
      // With its namespaces, files and variables a container lends all that it was given itself.
      const joins = reference.kind === 'container' && reference.wants === 'use'
      return (
        joins && role.limits !== 'none' && (thing === undefined || !belongsTo(principal, thing))
      )
    }
    // What is not there now may be there, and somebody else's, by the time the engine looks.
    if (thing === undefined) return reference.wants !== 'make' && reference.mayMiss !== true
    if (reference.wants === 'make') return !mayMake(role, principal, operation, reference, thing)
    if (reaches(role.on, principal, thing)) return false
    return isChanged(operation, reference) || !isShared(thing)
  })
}

/** Whether they may give away or mount by its name what turned out to be there. */
export function mayMake(
  role: Pick<Role, 'on'>,
  principal: Principal,
  operation: Operation,
  reference: Reference,
  thing: Thing,
): boolean {
  if (reaches(role.on, principal, thing)) return true
  if (isNameGiven(reference) && !isTaken(reference.name, thing)) return true
  // A registry may move the names of what is nobody's.
  return operation.permission === 'image.pull' && isShared(thing)
}

/**
 * Whether the thing that the engine found has this name. Where the name only reads as the beginning of
 * its id, it is free: `db` is one, and whoever could ask for taken beginnings would learn all ids, digit
 * by digit. Not so from the twelve digits on that clients show: there it would stand before the thing.
 */
function isTaken(name: string, thing: Thing): boolean {
  const bare = name.replace(/^\//, '')
  if (/^(sha256:)?[0-9a-f]{12,}$/.test(bare)) return true
  if (thing.kind !== 'image') return thing.name === bare
  const given = canonical(bare)
  return thing.names?.some((one) => canonical(one) === given) ?? true
}

function canonical(name: string): string {
  return parseImageReference(name)?.canonical ?? name
}

/** Another name for an image, or a network's member more or less, takes nothing from who else has it. */
const harmlessToShared: ReadonlySet<string> = new Set([
  'ImageTag',
  'NetworkConnect',
  'NetworkDisconnect',
])

function isChanged(operation: Operation, reference: Reference): boolean {
  const { endpoint } = operation
  return reference.wants === 'target' && endpoint.changes && !harmlessToShared.has(endpoint.id)
}
