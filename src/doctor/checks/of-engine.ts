// Checks of what the engine answers: where it could not be asked they see nothing, and say so. Pure.
import { unseen, type Check, type Severity, type Verdict } from '../check.ts'
import type { EngineFacts } from '../engine-facts.ts'
import type { Facts } from '../facts.ts'

export function ofEngine(
  id: string,
  severity: Severity,
  title: string,
  rest: {
    readonly mend: string
    readonly look: (engine: EngineFacts, facts: Facts) => Verdict
    readonly cis?: string
  },
): Check {
  return {
    id,
    cis: /^\d/.test(id) ? id : rest.cis,
    title,
    severity,
    mend: rest.mend,
    look: (facts) =>
      typeof facts.engine === 'string' ? unseen(facts.engine) : rest.look(facts.engine, facts),
  }
}
