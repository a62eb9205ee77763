// What a policy says to one request where no engine is asked: what the request names is taken for theirs.
import { isJudgeable, readBody } from '../docker/body.ts'
import type { Operation } from '../docker/operation.ts'
import { readOperation } from '../docker/read.ts'
import { isFailure, type Failure } from '../errors.ts'
import { resolveHostPaths } from '../gateway/host-paths.ts'
import type { Principal } from '../identity/principal.ts'
import { asTheirs } from '../policy/as-theirs.ts'
import { admit, authorize } from '../policy/authorize.ts'
import type { Objection } from '../policy/decision.ts'
import type { Role } from '../policy/role.ts'
import type { RecordedRequest } from './recorded-requests.ts'

export interface Explained {
  readonly operation: string | null
  readonly decision: 'allow' | 'ask' | 'deny' | 'refuse'
  readonly role: string | null
  readonly reason: string
  readonly objections: readonly Objection[]
}

export async function explained(
  request: RecordedRequest,
  principal: Principal,
  roles: readonly Role[],
  trials: readonly Role[] = [],
): Promise<Explained> {
  const asked = readOperation(request.method, request.target)
  if (isFailure(asked)) return refused(null, asked)
  const said = { operation: asked.permission, objections: [] }
  const admission = admit(roles, principal, asked, trials)
  if ('allow' in admission) {
    return { ...said, decision: 'deny', role: admission.role ?? null, reason: admission.message }
  }
  if ('through' in admission) {
    const reason = 'its role has no limits here'
    return { ...said, decision: 'allow', role: admission.through.name, reason }
  }
  const judgeable = isJudgeable(asked)
  if (judgeable && request.body.length === 0) {
    const [role] = admission.judge
    const reason = `it depends on the request body (--body FILE): ${inRoles(admission.judge)}`
    return { ...said, decision: 'ask', role: role?.name ?? null, reason }
  }
  const read = judgeable ? readBody(asked, request.body, request.contentType) : asked
  if (isFailure(read)) return refused(asked.permission, read)
  return judged(read, principal, admission.judge)
}

async function judged(
  operation: Operation,
  principal: Principal,
  roles: readonly Role[],
): Promise<Explained> {
  const hostPaths = await resolveHostPaths(operation)
  let nearest: Explained | undefined
  for (const role of roles) {
    const things = asTheirs(operation, principal, role)
    const decision = authorize([role], principal, operation, things, hostPaths)
    if (decision.allow) {
      const depends = things.size > 0 && role.on.kind !== 'all'
      const named = [...things.keys()].map(({ kind, name }) => `${kind} ${name}`).join(', ')
      return {
        operation: operation.permission,
        decision: depends ? 'ask' : 'allow',
        role: role.name,
        reason: depends ? `if theirs: ${named}` : inRoles([role]),
        objections: [],
      }
    }
    const { message: reason, objections } = decision
    const answer = { operation: operation.permission, role: role.name, reason, objections }
    nearest ??= { ...answer, decision: 'deny' }
  }
  if (nearest === undefined) throw new Error('INVARIANT: there is a role to be judged by')
  return nearest
}

function refused(operation: string | null, { message }: Failure): Explained {
  return { operation, decision: 'refuse', role: null, reason: message, objections: [] }
}

function inRoles(roles: readonly Role[]): string {
  return roles
    .map((one) => `role "${one.name}" allows it on ${one.on.kind}, within its limits`)
    .join('; ')
}
