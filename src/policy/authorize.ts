// Roles × operation × things → decision. Default deny: whatever no role lets is refused with the
// nearest reason. Pure.
import { ruling } from '../docker/bodies/shapes.ts'
import { readFilters, writeFilters, type Filters } from '../docker/filters.ts'
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import { firstValue, unknownQuery, withValue } from '../docker/query.ts'
import { withThings } from '../docker/rewrite.ts'
import { isFailure } from '../errors.ts'
import type { Principal } from '../identity/principal.ts'
import { checkLimits } from './check-limits.ts'
import type { Decision, Deny, DenyReason } from './decision.ts'
import { fill } from './fill.ts'
import { isShared, labelsGiven, labelsOf, notFound } from './ownership.ts'
import type { Role } from './role.ts'
import { findStranger, isNameGiven, taken } from './stranger.ts'
import { filtered, viewOf } from './view.ts'

export type Admission =
  | Deny
  /** A role without limits and bounds allows it: nothing is parsed, looked up or changed. */
  | { readonly through: Role }
  | { readonly judge: readonly Role[] }

/** What every valid certificate may: version negotiation must work before anything can be said. */
export const openToAll: ReadonlySet<string> = new Set([
  'system.ping',
  'system.version',
  'dockgate.whoami',
])
const anyone: Role = Object.freeze({
  name: 'anyone',
  allows: openToAll,
  denies: new Set<string>(),
  on: Object.freeze({ kind: 'all' as const }),
  limits: 'none',
  hide: [],
})

/** Decides on permissions alone, before a body is read. */
export function admit(
  roles: readonly Role[],
  principal: Principal,
  { permission }: Pick<Operation, 'permission'>,
  onTrial: readonly Role[] = [],
): Admission {
  if (openToAll.has(permission)) return { through: anyone }
  const denier = roles.find((role) => role.denies.has(permission))
  if (denier !== undefined) {
    return deny(principal, permission, 'denied-by-role', denier, `role "${denier.name}" denies it`)
  }
  const candidates = roles.filter((role) => role.allows.has(permission))
  if (candidates.length === 0) {
    const [nearest] = roles
    return nearest === undefined
      ? deny(principal, permission, 'no-role', undefined, roleless(onTrial))
      : deny(principal, permission, 'not-permitted', nearest, named(roles))
  }
  // What tells of variables and labels beside what a container has written is left out for some.
  const through = candidates.find(
    (role) =>
      role.limits === 'none' &&
      role.on.kind === 'all' &&
      !(permission === 'container.logs' && role.hide.length > 0),
  )
  return through === undefined ? { judge: candidates } : { through }
}

/**
 * Decides on the request as it was read: `things` holds what the engine says that its references
 * mean. Each role is tried with its own reach and limits; the first that allows wins.
 */
export function authorize(
  roles: readonly Role[],
  principal: Principal,
  operation: Operation,
  things: Things,
  hostPaths: ReadonlyMap<string, string> = unseen,
): Decision {
  let nearest: Deny | undefined
  for (const role of inOrder(roles, operation)) {
    const decision = tryRole(role, principal, operation, things, hostPaths)
    if (decision.allow) return decision
    // A reason that its owner can mend is nearer than a thing that does not exist for them.
    if (nearest === undefined || nearest.reason === 'not-theirs') nearest = decision
  }
  return nearest ?? deny(principal, operation.permission, 'no-role', undefined, 'no role allows it')
}

/**
 * The widest first; but of one thing that is only looked at, whoever may see it whole in one role does,
 * also when a wider role hides something of everybody's.
 */
function inOrder(roles: readonly Role[], { endpoint, references }: Operation): readonly Role[] {
  const looks = !endpoint.changes && references.some((reference) => reference.wants === 'target')
  if (!looks || roles.every((role) => role.hide.length === 0)) return roles
  return roles.toSorted((one, other) => one.hide.length - other.hide.length)
}

function tryRole(
  role: Role,
  principal: Principal,
  operation: Operation,
  things: Things,
  hostPaths: ReadonlyMap<string, string>,
): Decision {
  const stranger = findStranger(role, principal, operation, things)
  if (stranger !== undefined && isNameGiven(stranger)) {
    return deny(principal, operation.permission, 'taken', role, taken(stranger))
  }
  if (stranger !== undefined) {
    const shared = things.get(stranger)
    if (shared?.kind === 'image' && stranger.wants === 'target' && isShared(shared)) {
      const why = 'the image is everybody’s, and so are its names: only a role on all changes it'
      return deny(principal, operation.permission, 'not-permitted', role, why)
    }
    return Object.freeze({
      allow: false,
      reason: 'not-theirs',
      role: role.name,
      message: notFound(stranger.kind, stranger.name),
      objections: [],
    })
  }
  const unjudged = whyNotJudged(role, operation)
  if (unjudged !== undefined) {
    return deny(principal, operation.permission, 'not-judged', role, unjudged)
  }
  if (role.limits !== 'none') {
    const objections = checkLimits(role.limits, role.name, operation, things, hostPaths)
    if (objections.length > 0) {
      const why = objections.map((objection) => objection.message).join('; ')
      return { ...deny(principal, operation.permission, 'limit', role, why), objections }
    }
  }
  const owner = labelsGiven(role.on, principal)
  const filling = { limits: role.limits, owner, things, hostPaths }
  const filled = withoutDetails(role, fill(withThings(operation, things), filling))
  const scoped = withinReach(role, principal, filled)
  if (typeof scoped === 'string') {
    return deny(principal, operation.permission, 'not-judged', role, scoped)
  }
  const view = viewOf(role, principal, scoped)
  return Object.freeze({
    allow: true,
    role: role.name,
    operation: scoped,
    ...(view === undefined ? {} : { view }),
  })
}

type Things = ReadonlyMap<Reference, Thing | undefined>
const unseen: ReadonlyMap<string, string> = new Map()

/** Bodies whose bytes stay inside the container or image, or are judged on their way. */
const harmlessBytes: ReadonlySet<string> = new Set([
  'container.cp-in',
  'image.pull',
  'image.build',
  'image.import',
  'image.load',
])
/** They hand the whole of the build service to the client, past every limit. */
const control: ReadonlySet<string> = new Set([
  'builder.session',
  'builder.grpc',
  'debug.vars',
  'debug.pprof',
])
/** Query parameters that name a path on the engine's host. */
const hostPaths: ReadonlySet<string> = new Set(['checkpoint', 'checkpoint-dir', 'dir'])

/** Why a role with limits or bounds cannot let this through: it holds what nobody has judged. */
function whyNotJudged(role: Role, operation: Operation): string | undefined {
  const { endpoint, permission, target } = operation
  const only = `which role "${role.name}" may not: it needs a role with "limits: none" and "on: all"`
  const [unknown] = unknownQuery(operation)
  if (unknown !== undefined) return `the query parameter "${unknown}" is not known here`
  const hostPath = target.query.find(
    ([name]) => hostPaths.has(name) && endpoint.refers === 'container',
  )
  if (hostPath !== undefined) return `"${hostPath[0]}" reaches the engine's host, ${only}`
  // The engine tells whose processes these are by a column that is called PID, and with `=` any column
  // can be called so: `-eorss=PID -oargs` lists processes of others, of as many kilobytes as the number
  // of one of theirs. Its own check wants a space before the column.
  const psArgs = firstValue(target.query, 'ps_args') ?? ''
  if (!/^[A-Za-z0-9 ,_-]*$/.test(psArgs)) {
    return 'what follows "top" may be letters, digits, commas and dashes: it chooses processes and columns, and renames none'
  }
  if (control.has(permission)) return `it is not judged call by call, ${only}`
  if (role.limits !== 'none' && ruling.has(endpoint.id))
    return `it rules the engine's host, ${only}`
  // Only the classic builder's Dockerfile, in a context that is sent, is judged.
  if (endpoint.id === 'ImageBuild' && role.limits === 'none' && !isClassicBuild(target.query)) {
    return `a build by BuildKit or of a URL is not judged, ${only}`
  }
  const unread = endpoint.body === 'json' && operation.body === undefined
  if (unread || (endpoint.body === 'bytes' && !harmlessBytes.has(permission))) {
    return `its request body may reach the engine's host, ${only}`
  }
  return undefined
}

function isClassicBuild(query: Operation['target']['query']): boolean {
  return (
    ['', '1'].includes(firstValue(query, 'version') ?? '') &&
    ['remote', 'session', 'outputs'].every((name) => !firstValue(query, name))
  )
}

/** Before each line of a log the engine can tell what variables and labels its container has. */
function withoutDetails({ hide }: Role, operation: Operation): Operation {
  const { endpoint, target } = operation
  if (endpoint.id !== 'ContainerLogs' || hide.length === 0) return operation
  const query = target.query.filter(([name]) => name !== 'details')
  return Object.freeze({ ...operation, target: Object.freeze({ ...target, query }) })
}

/** What names no thing and tells nothing of anybody's, or makes a thing that will be theirs. */
const ofNobody: ReadonlySet<string> = new Set([
  'system.info',
  'system.auth',
  'image.pull',
  'image.build',
  'image.import',
  'image.load',
  'distribution.inspect',
  'container.create',
  'network.create',
  'volume.create',
  'service.create',
  'secret.create',
  'config.create',
])

/** Confines what names no single thing to what the role reaches; a sentence where that cannot be. */
function withinReach(role: Role, principal: Principal, operation: Operation): Operation | string {
  const labels = labelsOf(role.on, principal)
  if (labels !== undefined && operation.permission === 'image.pull' && pullsAllTags(operation)) {
    return "without a tag every one of the image is pulled, and one of them may be somebody else's: say which, as in NAME:latest"
  }
  if (labels !== undefined && mountsByName(operation)) {
    return "a volume that a service names is looked up on whichever node runs it, whenever that starts, and may be somebody else's by then: leave out its source, or mount a tmpfs"
  }
  if (labels === undefined || ofNobody.has(operation.permission)) return operation
  if (operation.references.some((reference) => reference.wants === 'target')) return operation
  const { target, endpoint } = operation
  // The engine's filters cannot say "theirs, and what everybody shares": the answer is filtered.
  if (filtered.has(endpoint.id)) return operation
  const filters = readFilters(firstValue(target.query, 'filters') ?? '')
  if (isFailure(filters)) return filters.message
  if (endpoint.id === 'BuildPrune') {
    // Build caches have no labels, and the engine passes over a filter for them. None is theirs.
    const nothing = new Map([...filters, ['id', [nobodysCache]]])
    return withFilters(operation, nothing)
  }
  if (!labelFiltered.has(endpoint.id)) {
    return `it cannot be confined to what role "${role.name}" reaches`
  }
  // Swarm's lists keep one value a key, by chance the client's: 8 of 60 answers were another's things.
  const keys = new Set(labels.map(keyOf))
  const asked = (filters.get('label') ?? []).filter((label) => !keys.has(keyOf(label)))
  const confined = new Map(filters)
  confined.set('label', [...new Set([...asked, ...labels])])
  return withFilters(operation, confined)
}

/** What the engine itself can confine to labels; elsewhere it may pass over such a filter. */
const labelFiltered: ReadonlySet<string> = new Set([
  'ContainerList',
  'ContainerPrune',
  'ImagePrune',
  'VolumeList',
  'VolumePrune',
  'NetworkPrune',
  'ServiceList',
  'TaskList',
  'NodeList',
  'SecretList',
  'ConfigList',
])

/** BuildKit's ids are letters and digits. */
const nobodysCache = 'dockgate:none'

function withFilters(operation: Operation, filters: Filters): Operation {
  const { target } = operation
  const query = withValue(target.query, 'filters', writeFilters(filters))
  return Object.freeze({ ...operation, target: Object.freeze({ ...target, query }) })
}

function mountsByName({ endpoint, references }: Operation): boolean {
  return endpoint.id.startsWith('Service') && references.some(({ kind }) => kind === 'volume')
}

function pullsAllTags({ target }: Operation): boolean {
  const name = firstValue(target.query, 'fromImage') ?? ''
  return !firstValue(target.query, 'tag') && !/[:@][^/]*$/.test(name)
}

function keyOf(label: string): string {
  return label.split('=', 1).join()
}

export function deny(
  principal: Principal,
  permission: string,
  reason: DenyReason,
  role: Role | undefined,
  why: string,
): Deny {
  return Object.freeze({
    allow: false,
    reason,
    role: role?.name,
    message: `${principal.name} may not ${permission} here: ${why}`,
    objections: [],
  })
}

function roleless([trial]: readonly Role[]): string {
  return trial === undefined
    ? 'no grant gives them a role'
    : `their role "${trial.name}" is on trial, which gives no right`
}

function named(roles: readonly Role[]): string {
  const names = roles.map((role) => `"${role.name}"`)
  return names.length === 1
    ? `their role ${names.join('')} does not allow it`
    : `none of their roles ${names.join(', ')} allows it`
}
