// What the pages are given: values as the gateway knows them.

/** One row of `dockgate sessions`. */
export interface SessionRow {
  readonly id: string
  readonly who: string
  readonly address: string
  readonly role: string
  readonly operation: string
  readonly target: string
  readonly on: string | null
  readonly since: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** One decision of the audit. */
export interface DecisionRow {
  readonly id: string
  readonly at: number
  readonly who: string
  readonly address: string
  readonly decision: 'allow' | 'deny' | 'refuse'
  readonly operation: string
  /** In words, or method and target. */
  readonly what: string
  readonly role: string
  readonly reason: string
  readonly detail: string
}

/** One row of `dockgate grant --list`. */
export interface TemporaryRow {
  readonly to: string
  readonly role: string
  readonly by: string
  readonly reason: string
  readonly until: number
  /** Why it gives nothing now; null where it is in force. */
  readonly idle: string | null
}

/** How much of the audit was read for a page. */
export interface Read {
  /** Milliseconds since the epoch: what is older was not looked at. */
  readonly backTo: number
  /** It was left at that, since the audit is large. */
  readonly cut: boolean
}

export const spans = [
  { key: '1h', words: 'the last hour', ms: 3_600_000, bars: 30 },
  { key: '24h', words: 'the last day', ms: 86_400_000, bars: 24 },
  { key: '7d', words: 'the last week', ms: 7 * 86_400_000, bars: 28 },
] as const
export type Span = (typeof spans)[number]

/** The day where nothing, or nothing that is known, was asked for. */
export function spanOf(key: string | undefined): Span {
  return spans.find((one) => one.key === key) ?? spans[1]
}
