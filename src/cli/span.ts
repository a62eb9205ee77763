// Spans of time on the command line: `15m`, `8h`, `14d`.
import { UsageError } from './arguments.ts'

const units = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** Milliseconds; days where no unit is said. */
export function readSpan(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  const [, count, unit = 'd'] = /^([1-9]\d{0,4})([mhd])?$/.exec(text) ?? []
  const unitMs = units.get(unit)
  if (count !== undefined && unitMs !== undefined) return Number(count) * unitMs
  throw new UsageError(`--${option} takes a span like 14d, 8h or 15m, not ${JSON.stringify(text)}`)
}
