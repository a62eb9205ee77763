// What the audit says about one request: who, from where, what, and what came of it. Never a body, a
// header or an environment variable.

export interface Asked {
  /** The request's id, which a denied client quotes. */
  readonly id: string
  readonly who: string
  readonly fingerprint: string
  readonly address: string
  /** `container.create`; `unknown` where the request could not be read that far. */
  readonly operation: string
  /** The same in words, with the names that matter: `create container web from nginx`. */
  readonly intent?: string
  readonly method: string
  /** The canonical target; what the client wrote, shortened, where it could not be read. */
  readonly target: string
}

export interface Decided extends Asked {
  readonly decision: 'allow' | 'deny' | 'refuse'
  readonly role?: string | undefined
  /** The reason code of a denial or failure. */
  readonly reason?: string
  readonly detail?: string
}

export interface Ended {
  readonly id: string
  readonly who: string
  readonly operation: string
  /** HTTP status; 0 where the client went before there was one. */
  readonly status: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly durationMs: number
  readonly how: 'finished' | 'client-left' | 'engine-broke' | 'ended'
  /** Why it was ended. */
  readonly why?: string
}

export interface Audit {
  /** Takes up the chain where the last process left it; throws where nothing can be written. */
  open(): void
  /** What only reads may pass without a record while none can be written. */
  readonly readsGoOn: boolean
  /** Returns when the record is with the operating system; throws where it cannot be written. */
  decided(record: Decided): void
  /** Never throws: an end that cannot be written is counted, and the count recorded later. */
  ended(record: Ended): void
  close(): void
}
