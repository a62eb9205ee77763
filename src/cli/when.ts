// A moment on the command line: a time, or a span back from now.
import { UsageError } from './arguments.ts'

const units: ReadonlyMap<string | undefined, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** Milliseconds since the epoch. */
export function readWhen(
  text: string | undefined,
  option: string,
  now: number,
): number | undefined {
  if (text === undefined) return undefined
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (count !== undefined) return now - Number(count) * (units.get(unit) ?? 0)
  const date = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(
    text,
  )
  // The log tells its times in UTC, and takes them so.
  const zone = date?.[1] === undefined && text.includes('T') ? 'Z' : ''
  const at = date === null ? Number.NaN : Date.parse(`${text}${zone}`)
  if (!Number.isNaN(at)) return at
  throw new UsageError(
    `--${option} takes a time or a span, not ${JSON.stringify(text)}`,
    '2026-11-24, 2026-11-24T04:00Z, 15m, 2h or 7d',
  )
}
