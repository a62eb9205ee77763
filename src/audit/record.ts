// What the audit says about one request: who, from where, what, and what came of it. Never a body, a
// header or an environment variable.
import type { TranscriptSeal } from './transcript.ts'

export interface Asked {
  /** The request's id, which a denied client quotes. */
  readonly id: string
  readonly who: string
  readonly fingerprint: string
  /** What else the certificate says of them: `{"unit":["dev"]}`; absent where that is nothing. */
  readonly facts?: Readonly<Record<string, readonly string[]>>
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
  /** The temporary grant that gave the role. */
  readonly grant?: string
  /** The reason code of a denial or failure. */
  readonly reason?: string
  readonly detail?: string
  /** Of a body that was judged, what limits have a say in; never a command, a variable or a value. */
  readonly needs?: object | string
  /** The narrowest reach with which all that it names is theirs; absent where the engine was not asked. */
  readonly reach?: 'own' | 'team' | 'all'
  /** What is neither theirs nor everybody's: `container 1a51…`. */
  readonly beyond?: readonly string[]
  /** What roles on trial have against it. They decide nothing. */
  readonly wouldDeny?: WouldDeny
  /** Why they could not be asked. */
  readonly untried?: string
}

export interface WouldDeny {
  readonly role?: string | undefined
  readonly reason: string
  readonly detail: string
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
  /** What came into being by it, where a role on trial watches: `container 1a51…`. */
  readonly made?: readonly string[]
  /** Of what was seen at its terminal. */
  readonly transcript?: TranscriptSeal
}

export interface Audit {
  /** Takes up the chain where the last process left it; throws where nothing can be written. */
  open(): void
  /** The last record could not be written. */
  isFailing(): boolean
  /** What only reads may pass without a record while none can be written. */
  readonly readsGoOn: boolean
  /**
   * Resolves when the record is with the operating system, and rejects where it cannot be written. Those
   * that come in one breath share a write.
   */
  decided(record: Decided): Promise<void>
  /** Written soon; an end that cannot be written is counted, and the count recorded later. */
  ended(record: Ended): void
  /** Writes now what waits. */
  flush(): void
  close(): void
}
