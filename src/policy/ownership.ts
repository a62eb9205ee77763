// Whose a thing is, and whether a role reaches it. The owner is kept as a label on the thing. Pure.
import type { Thing, ThingKind } from '../docker/operation.ts'
import type { Principal } from '../identity/principal.ts'
import type { Reach } from './role.ts'

export const ownerLabel = 'dockgate.owner'
export const teamLabel = 'dockgate.team'

/** Label and value that everything within this reach has; undefined for a reach without bounds. */
export function labelsOf(reach: Reach, principal: Principal): readonly string[] | undefined {
  return wantedOf(reach, principal)?.map(([key, value]) => `${key}=${value}`)
}

function wantedOf(
  reach: Reach,
  principal: Principal,
): readonly (readonly [label: string, value: string])[] | undefined {
  switch (reach.kind) {
    case 'all':
      return undefined
    case 'own':
      return [[ownerLabel, principal.name]]
    case 'team': {
      const team = teamOf(principal)
      // Without a unit there is no team, and one person's things are the nearest to it.
      return [team === undefined ? [ownerLabel, principal.name] : [teamLabel, team]]
    }
    case 'label':
      return Object.entries(reach.labels)
  }
}

/** What everything that they create is labelled with; both always, so that none is inherited. */
export function ownerLabels(principal: Principal): Readonly<Record<string, string>> {
  return { [ownerLabel]: principal.name, [teamLabel]: teamOf(principal) ?? '' }
}

/** What they create carries: within a reach by label, it must be theirs to find again. */
export function labelsGiven(reach: Reach, principal: Principal): Readonly<Record<string, string>> {
  return { ...(reach.kind === 'label' ? reach.labels : {}), ...ownerLabels(principal) }
}

/** `unit@org`: two organizations may each have a unit `dev`. */
export function teamOf(principal: Principal): string | undefined {
  const [unit] = principal.unit
  const [org = '', another] = principal.org
  if (unit === undefined) return undefined
  // `a@b` of `c` and `a` of `b@c` would be one team; and of two organizations it is not said whose.
  if (unit.includes('@') || org.includes('@') || another !== undefined) return undefined
  return `${unit}@${org}`
}

export function reaches(reach: Reach, principal: Principal, thing: Thing): boolean {
  if (thing.kind === 'exec') {
    return thing.container !== undefined && reaches(reach, principal, thing.container)
  }
  const wanted = wantedOf(reach, principal)
  return wanted === undefined || wanted.every(([label, value]) => thing.labels[label] === value)
}

/** Whether a role sees what this other person has under way. */
export function reachesPerson(reach: Reach, principal: Principal, other: Principal): boolean {
  if (reach.kind === 'all') return true
  if (reach.kind === 'label') return false
  if (principal.name === other.name) return true
  const team = teamOf(principal)
  return reach.kind === 'team' && team !== undefined && teamOf(other) === team
}

/** Things of nobody that everybody may see and use: images, and the engine's own two networks. */
export function isShared(thing: Thing): boolean {
  if (thing.labels[ownerLabel] !== undefined || thing.labels[teamLabel] !== undefined) return false
  // Without a name it is a step of somebody's build, whose last step alone carries their labels.
  if (thing.kind === 'image') return thing.names?.length !== 0
  return thing.kind === 'network' && (thing.name === 'bridge' || thing.name === 'none')
}

/** Whether they made it themselves, or one of their team. */
export function belongsTo(principal: Principal, thing: Thing): boolean {
  if (thing.labels[ownerLabel] === principal.name) return true
  const team = teamOf(principal)
  return team !== undefined && thing.labels[teamLabel] === team
}

/** How the engine says that it knows no such thing. */
export function notFound(kind: ThingKind, name: string): string {
  switch (kind) {
    case 'container':
      return `No such container: ${name}`
    case 'image':
      return `No such image: ${/[:@][^/]*$/.test(name) ? name : `${name}:latest`}`
    case 'volume':
      return `get ${name}: no such volume`
    case 'exec':
      return `No such exec instance: ${name}`
    case 'plugin':
      return `plugin ${JSON.stringify(name)} not found`
    case 'network':
    case 'service':
    case 'task':
    case 'node':
    case 'secret':
    case 'config':
      return `${kind} ${name} not found`
  }
}
