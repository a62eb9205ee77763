// Everything that the doctor's checks go by, gathered before the first of them looks.
import type { AuditFacts } from './audit-facts.ts'
import type { EngineFacts } from './engine-facts.ts'
import type { GateFacts } from './gate-facts.ts'
import type { MachineFacts } from './machine-facts.ts'

export interface Facts {
  /** A sentence where the engine could not be asked. */
  readonly engine: EngineFacts | string
  readonly machine: MachineFacts
  readonly gate: GateFacts
  /** A sentence where there is none to read. */
  readonly audit: AuditFacts | string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Users who may control the engine beside dockgate. */
  readonly trusted: ReadonlySet<string>
}
