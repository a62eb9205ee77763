// What a policy would have said to a request that is on record: judged by the same rules as when it came,
// from what the record keeps of it. Where that is too little the answer is `unknown`, never a guess. Pure.
import { isJudgeable, readBody } from '../docker/body.ts'
import { isOwn } from '../docker/catalog-own.ts'
import { maybeImageId } from '../docker/image-reference.ts'
import type { Operation } from '../docker/operation.ts'
import { readOperation } from '../docker/read.ts'
import { masked } from '../docker/record-target.ts'
import { isFailure } from '../errors.ts'
import type { Principal } from '../identity/principal.ts'
import { asTheirs } from './as-theirs.ts'
import { admit, authorize } from './authorize.ts'
import { hostPathsOf } from './limits/mounts.ts'
import type { Policy } from './policy.ts'
import type { Role } from './role.ts'

/** A request as its record tells of it. */
export interface Seen {
  readonly id: string
  readonly timeMs: number
  readonly principal: Principal
  readonly address: string
  readonly operation: string
  readonly intent: string
  readonly method: string
  readonly target: string
  readonly decision: 'allow' | 'deny' | 'refuse'
  readonly role: string | undefined
  readonly detail: string
  /** What limits have a say in; a text where it was too long for the record. */
  readonly needs: unknown
  /** Undefined where the engine was not asked whose the things are. */
  readonly reach: 'own' | 'team' | 'all' | undefined
  readonly beyond: readonly string[]
}

export type Verdict =
  | { readonly answer: 'allow'; readonly role: string }
  | { readonly answer: 'deny' | 'unknown'; readonly why: string }

export function judgeSeen(policy: Policy, seen: Seen): Verdict {
  const { principal, address, timeMs } = seen
  return judgeBy(policy.rolesOf(principal, address, timeMs), seen)
}

export function judgeBy(roles: readonly Role[], seen: Seen): Verdict {
  const { principal } = seen
  const asked = readSeen(seen)
  if (typeof asked === 'string') return { answer: 'unknown', why: asked }
  const admission = admit(roles, principal, asked)
  if ('allow' in admission) return { answer: 'deny', why: admission.message }
  if ('through' in admission) return { answer: 'allow', role: admission.through.name }
  const [widest] = admission.judge
  if (isOwn(asked.endpoint) && widest !== undefined) return { answer: 'allow', role: widest.name }
  const verdicts = admission.judge.map((role) => tryRole(role, seen, asked))
  const [first] = verdicts
  const found = (answer: Verdict['answer']) => verdicts.find((one) => one.answer === answer)
  const best = found('allow') ?? found('unknown') ?? first
  if (best === undefined) throw new Error('INVARIANT: at least one role is to be judged')
  return best
}

/** The request line as it was read, or why it cannot be read again. */
export function readSeen({ method, target }: Seen): Operation | string {
  const [path = '', query = ''] = target.split(/\?(.*)/s)
  // What was masked says nothing; the parameters among it that count are in `needs` by name.
  const kept = query.split('&').filter((pair) => !pair.endsWith(`=${masked}`))
  const asked = readOperation(method, kept.join('&') === '' ? path : `${path}?${kept.join('&')}`)
  return isFailure(asked) ? asked.message : asked
}

/** With what limits have a say in, as far as that is on record; or why it is not known. */
export function readNeeds(asked: Operation, { needs }: Seen): Operation | string {
  if (!isJudgeable(asked)) return asked
  if (needs === undefined) return 'its body was not read: no role on trial watched, nor did a limit'
  if (typeof needs !== 'object' || needs === null) return 'its body was too long for the record'
  const read = readBody(asked, Buffer.from(JSON.stringify(needs)), 'application/json')
  return isFailure(read) ? read.message : read
}

const widths = ['own', 'team', 'all'] as const

function tryRole(role: Role, seen: Seen, asked: Operation): Verdict {
  const { principal, reach, beyond } = seen
  const read = readNeeds(asked, seen)
  if (typeof read === 'string' && role.limits !== 'none') return { answer: 'unknown', why: read }
  const operation = typeof read === 'string' ? asked : read
  if (role.on.kind !== 'all' && operation.references.length > 0) {
    if (role.on.kind === 'label' || reach === undefined) {
      return { answer: 'unknown', why: 'whose the things are that it names is not on record' }
    }
    if (widths.indexOf(reach) > widths.indexOf(role.on.kind)) {
      const what = beyond.join(', ') || 'what it names'
      return {
        answer: 'deny',
        why: `role "${role.name}" on ${role.on.kind} does not reach ${what}`,
      }
    }
  }
  const untold = untoldLimits(role, operation)
  const things = asTheirs(operation, principal, role)
  const decision = authorize([role], principal, operation, things, hostPathsAsTold(operation))
  const [unknown] = untold.values()
  if (!decision.allow) {
    const certain = decision.objections.filter(({ limit }) => !untold.has(limit))
    return decision.objections.length > 0 && certain.length === 0 && unknown !== undefined
      ? { answer: 'unknown', why: unknown }
      : { answer: 'deny', why: decision.message }
  }
  return unknown === undefined
    ? { answer: 'allow', role: role.name }
    : { answer: 'unknown', why: unknown }
}

/** Limits on what no record holds, and why each cannot be told. */
function untoldLimits({ limits }: Role, operation: Operation): ReadonlyMap<string, string> {
  const untold = new Map<string, string>()
  if (limits === 'none') return untold
  const { endpoint, body, demands } = operation
  const limited = limits.images ?? limits.pull
  if (endpoint.id === 'ImageBuild' && limited !== undefined) {
    untold.set('limits.images', 'what a Dockerfile is built from is not on record (limits.images)')
  }
  if (body === undefined) return untold
  const isById = demands.some(
    ({ say, value }) => say === 'image' && typeof value === 'string' && maybeImageId(value),
  )
  if (isById && limits.images !== undefined) {
    untold.set('limits.images', 'the image is named by its id (limits.images)')
  }
  if (limits.forbidEnv.size > 0) {
    untold.set('limits.forbidEnv', 'variables are not on record (limits.forbidEnv)')
  }
  if (endpoint.id === 'ContainerExec' && limits.exec.commands !== undefined) {
    untold.set('limits.exec.commands', 'commands are not on record (limits.exec.commands)')
  }
  if ([...limits.labels.values()].some((value) => value !== '*')) {
    untold.set('limits.labels', 'values of labels are not on record (limits.labels)')
  }
  return untold
}

/** Where links led is not on record: paths are taken for what they say. */
function hostPathsAsTold({ demands }: Operation): ReadonlyMap<string, string> {
  const paths = demands.flatMap(({ say, value }) =>
    say === 'binds' || say === 'mounts' ? hostPathsOf(value, say) : [],
  )
  return new Map(paths.map((path) => [path, path]))
}
