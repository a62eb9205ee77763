// Whether the gateway can do its work: what is missing for that, in words. Pure.
import type { Status } from './operate.ts'

/** Nothing where policy, certificates and engine are fine. */
export function missingOf(status: Status, now: number): readonly string[] {
  const { engine, periods, revocations } = status
  return [
    ...(engine.fault === null ? [] : [`the engine does not answer: ${engine.fault}`]),
    ...periods.flatMap(({ of, until }) => {
      const counts = of !== 'crl' || revocations.mode === 'refuse'
      return counts && until < now ? [`${of} has expired`] : []
    }),
  ]
}
