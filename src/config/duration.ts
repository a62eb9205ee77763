// Spans of time as an operator writes them: `10s`, `5m`, `1h`. Pure.

/** A longer timer of Node's fires at once. */
const maxTimerMs = 2 ** 31 - 1
const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

export type Complain = (message: string, hint: string) => void

/** Milliseconds; 0, and a fault, for what is no span or longer than can be timed. */
export function readDuration(text: string, fault: Complain): number {
  const match = /^(\d{1,6})(ms|s|m|h)$/.exec(text)
  if (match === null) {
    fault(`"${text}" is no duration`, '10s, 5m or 1h')
    return 0
  }
  const durationMs = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
  if (durationMs > maxTimerMs) fault(`"${text}" is longer than can be timed`, 'at most 596h')
  return durationMs
}
