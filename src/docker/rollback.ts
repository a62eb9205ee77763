// A service that is rolled back goes to the specification that it had before, whatever the body says. Pure.
import type { Operation } from './operation.ts'
import { firstValue } from './query.ts'

export function rollsBack({ endpoint, target }: Pick<Operation, 'endpoint' | 'target'>): boolean {
  if (endpoint.id !== 'ServiceUpdate') return false
  return !['', 'none'].includes(firstValue(target.query, 'rollback') ?? '')
}
