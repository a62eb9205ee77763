// Whose an image is that is imported or committed: a LABEL of ours as the last of the lines by which it is
// changed, so that none of theirs comes after it. Pure.
import { labelWords } from '../docker/dockerfile/write.ts'
import type { Operation } from '../docker/operation.ts'
import { allValues } from '../docker/query.ts'
import { failure, GatewayError } from '../errors.ts'

export function fillChanges(
  operation: Operation,
  owner: Readonly<Record<string, string>>,
): Operation {
  const { target } = operation
  // By either escape a line would go on in the next one, and make words of its own of ours.
  if (allValues(target.query, 'changes').some((line) => /[\r\n]|[\\`]\s*$/.test(line))) {
    throw new GatewayError(failure('bad-query', 'a change is one line, which ends where it ends'))
  }
  const line = `LABEL${labelWords(owner, '\\')}`
  const query = Object.freeze([...target.query, Object.freeze(['changes', line] as const)])
  return Object.freeze({ ...operation, target: Object.freeze({ ...target, query }) })
}
