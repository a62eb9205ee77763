// May they build this: what a Dockerfile names, held against the reach and the limits of one role. Pure.
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import { faultInTrigger, type Dockerfile, type Run } from '../docker/dockerfile/read.ts'
import { parseImageReference } from '../docker/image-reference.ts'
import type { Principal } from '../identity/principal.ts'
import { deny } from './authorize.ts'
import { objection } from './check-limits.ts'
import type { Deny } from './decision.ts'
import { image, pull } from './limits/images.ts'
import { against, type Against } from './limits/predicate.ts'
import { isNonroot, reserved } from './limits/words.ts'
import { isShared, notFound, reaches } from './ownership.ts'
import type { Role } from './role.ts'

/** One build, and one role that lets it be tried. */
export interface Building {
  readonly role: Role
  readonly principal: Principal
  readonly operation: Operation
}

/** Whether the engine may fetch what `ADD` names by a URL. */
export function mayFetch({ limits }: Role): boolean {
  return limits === 'none' || limits.build.remote
}

export function judgeDockerfile(
  building: Building,
  { urls, labels }: Pick<Dockerfile, 'urls' | 'labels'>,
): Deny | undefined {
  // A label is theirs to choose under any limits, but not whose a thing is.
  const forged = labels.find((name) => reserved.test(name))
  if (forged !== undefined) {
    return limited(building, 'LABEL', against('safe', forged, 'labels that are not reserved'))
  }
  const [url] = urls
  if (url === undefined || mayFetch(building.role)) return undefined
  // What follows the host may be a secret.
  const shown = url.replace(/^(\w+:\/\/[^/@?#]*).*$/s, '$1')
  return limited(building, 'ADD', against('build.remote', shown, 'files of the context'))
}

/** What a name of an image means here; nothing where it would have to be fetched. */
export function judgeBase(
  building: Building,
  name: string,
  thing: Thing | undefined,
): Deny | undefined {
  const { role, principal, operation } = building
  const isTheirs = thing !== undefined && (reaches(role.on, principal, thing) || isShared(thing))
  const parsed = parseImageReference(name)
  if (thing === undefined ? parsed === undefined : !isTheirs) {
    return Object.freeze({
      allow: false,
      reason: 'not-theirs',
      role: role.name,
      message: notFound('image', name),
      objections: [],
    })
  }
  if (role.limits === 'none') return undefined
  const reference: Reference = {
    kind: 'image',
    name,
    place: { in: 'query', name: 'dockerfile', index: 0 },
    before: '',
    after: '',
    wants: 'use',
  }
  const things = new Map([[reference, thing]])
  const asking = { limits: role.limits, operation, things, hostPaths: new Map<string, string>() }
  const demand = { say: 'image', field: 'FROM', flag: undefined, value: name } as const
  const refused =
    image(name, asking, demand) ??
    (thing === undefined ? pull(parsed?.canonical ?? name, asking, demand) : undefined)
  return refused === undefined ? undefined : limited(building, 'image', refused)
}

/** Who is not to be root is not to run as root on the way to an image either. */
export function judgeRuns(
  building: Building,
  runs: readonly Run[],
  userOf: (image: string) => string,
): Deny | undefined {
  const { limits } = building.role
  if (limits === 'none' || limits.user !== 'nonroot') return undefined
  for (const { line, user } of runs) {
    const name = typeof user === 'string' ? user : userOf(user.ofImage)
    if (isNonroot(name)) continue
    const found = name === '' ? 'as root' : `as ${name}`
    return limited(building, `RUN in line ${line}`, against('user', found, asNonroot))
  }
  return undefined
}

const asNonroot = 'a USER before it that is a number other than 0'

/** What an image has its builders run cannot be changed on the way, so it may name nothing. */
export function judgeTriggers(
  building: Building,
  name: string,
  { onBuild = [], user = '' }: Thing,
  before: readonly string[],
): Deny | undefined {
  const { role, principal, operation } = building
  const nonroot = role.limits !== 'none' && role.limits.user === 'nonroot'
  for (const trigger of onBuild) {
    const [word = ''] = /^[a-z]+/i.exec(trigger) ?? []
    const becomesOther = /^USER$/i.test(word) || (/^RUN$/i.test(word) && !isNonroot(user))
    if (nonroot && becomesOther) {
      return limited(building, `ONBUILD ${word}`, against('user', `of ${name}`, asNonroot))
    }
    const read = faultInTrigger(trigger, before, mayFetch(role))
    if (typeof read !== 'string') {
      const denied = judgeDockerfile(building, read)
      if (denied !== undefined) return denied
      continue
    }
    const why = `image ${JSON.stringify(name)} has an ONBUILD instruction that cannot be judged: ${read}`
    return deny(principal, operation.permission, 'not-judged', role, why)
  }
  return undefined
}

function limited({ role, principal, operation }: Building, field: string, refused: Against): Deny {
  const found = objection(role.name, undefined, field, refused)
  const denied = deny(principal, operation.permission, 'limit', role, found.message)
  return { ...denied, objections: [found] }
}
