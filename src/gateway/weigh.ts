// Asks the engine what a request names and lets the policy decide. A rollback is weighed twice: as it was
// sent, and as the specification to which the engine goes back in truth.
import { readSpecification } from '../docker/body.ts'
import { isObject } from '../docker/json.ts'
import type { Json, JsonObject, Operation } from '../docker/operation.ts'
import { firstValue } from '../docker/query.ts'
import { rollsBack } from '../docker/rollback.ts'
import { failure, isFailure, type Failure } from '../errors.ts'
import type { Principal } from '../identity/principal.ts'
import { authorize, deny } from '../policy/authorize.ts'
import type { Decision } from '../policy/decision.ts'
import { isSaid } from '../policy/is-said.ts'
import type { Role } from '../policy/role.ts'
import type { Engine } from './engine.ts'
import { resolveHostPaths } from './host-paths.ts'
import { resolveReferences, type Things } from './resolve.ts'

export interface Weighed {
  readonly read: Operation
  readonly things: Things
  readonly hostPaths: ReadonlyMap<string, string>
  readonly decision: Decision
}

export async function weigh(
  engine: Engine,
  roles: readonly Role[],
  principal: Principal,
  read: Operation,
  asked: Operation,
): Promise<Weighed | Failure> {
  const sent = await weighOne(engine, roles, principal, read)
  // What is not theirs is not looked at.
  if (!sent.decision.allow || !rollsBack(asked)) return sent
  const previous = await readPrevious(engine, asked, sent.things)
  // Without one the engine says so itself: of this version there will never be one.
  if (previous === undefined) return sent
  if (isFailure(previous)) return previous
  const weighed = await weighOne(engine, roles, principal, previous)
  const { decision } = weighed
  if (!decision.allow || isSaid(decision.operation.body, previous.body)) return weighed
  const role = roles.find(({ name }) => name === decision.role)
  const why =
    'the specification that it would go back to was not made within this role: set it by an update'
  return { ...weighed, decision: deny(principal, asked.permission, 'not-judged', role, why) }
}

async function weighOne(
  engine: Engine,
  roles: readonly Role[],
  principal: Principal,
  read: Operation,
): Promise<Weighed> {
  const things = await resolveReferences(engine, read.references)
  const hostPaths = await resolveHostPaths(read)
  return { read, things, hostPaths, decision: authorize(roles, principal, read, things, hostPaths) }
}

/**
 * The specification before, as if it were sent. The engine goes on only from the version that the request
 * names, so that this is the one to which it goes back if the versions are the same.
 */
async function readPrevious(
  engine: Engine,
  asked: Operation,
  things: Things,
): Promise<Operation | Failure | undefined> {
  const target = [...things].find(([{ wants }]) => wants === 'target')?.[1]
  const { status, value } = await engine.ask(`/services/${target?.id ?? ''}`)
  if (status !== 200) return failure('engine-refused', undefined, `status ${status} for service`)
  const service = objectOf(value as Json)
  const version = objectOf(service['Version'])['Index']
  if (JSON.stringify(version ?? null) !== firstValue(asked.target.query, 'version')) {
    return failure('bad-query', 'the service is of another version by now; hint: try again')
  }
  const previous = service['PreviousSpec'] ?? null
  return previous === null ? undefined : readSpecification(asked, previous)
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}
