// One request line as an Operation: target, endpoint, query, permission and the things it names.
// What comes back is frozen and says all that is sent on; anything else is a failure with its reason.
import { isFailure, type Failure } from '../errors.ts'
import { permissionOf } from './catalog.ts'
import { matchEndpoint } from './match.ts'
import type { Operation } from './operation.ts'
import { queryDemands } from './query-demands.ts'
import { readQuery } from './query.ts'
import { referencesOf } from './references.ts'
import { parseTarget } from './target.ts'

export function readOperation(method: string, rawTarget: string): Operation | Failure {
  const parsed = parseTarget(rawTarget)
  if (isFailure(parsed)) return parsed
  const { version, path, encodedSlashes } = parsed
  const match = matchEndpoint(method, path, encodedSlashes)
  if (isFailure(match)) return match
  const { endpoint, params } = match
  const query = readQuery(endpoint, parsed.query)
  if (isFailure(query)) return query
  const permission = permissionOf(endpoint, query)
  if (typeof permission !== 'string') return permission
  return Object.freeze({
    endpoint,
    permission,
    target: Object.freeze({ version, path, query }),
    params,
    references: referencesOf(endpoint, params, query),
    demands: queryDemands(endpoint, params, query),
  })
}
