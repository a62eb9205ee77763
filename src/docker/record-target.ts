// The target as it may stand in a record: what the client sent, without what may be a secret.
import type { Operation } from './operation.ts'
import { formatTarget } from './target.ts'

// Build arguments carry tokens, and changes may set the environment.
const secretValues = new Set(['buildargs', 'changes'])
const masked = '***'

/**
 * Values of parameters that the engine does not read are masked too: dockerode repeats whole bodies
 * in the query, with their Env and with the data of secrets.
 */
export function recordTarget({ endpoint, target }: Operation): string {
  const query = target.query.map(([name, value]) => {
    const kind = Object.hasOwn(endpoint.query, name) ? endpoint.query[name] : 'ignored'
    const shown = kind !== 'ignored' && !secretValues.has(name)
    return [name, shown || value === '' ? value : masked] as const
  })
  return formatTarget({ ...target, query })
}
