// What the process that holds the files and those that serve say to each other.
import type { Position } from '../../audit/line.ts'
import type { Begun } from '../../audit/unended.ts'
import type { Settings } from '../../config/settings.ts'
import type { Claimant } from '../claims.ts'
import type { Load, PersonsSession, Selector, SessionRow, Status } from '../operate.ts'
import type { Want } from '../part.ts'
import type { Reload } from '../state.ts'
import type { StreamAsked } from '../stream-counts.ts'
import type { Place } from '../station.ts'
import type { Resize } from '../terminals.ts'
import type { Counted } from './add-metrics.ts'

/** A state as it was read and found good: texts, not files, which may have changed since. */
export interface StateTexts {
  readonly generation: number
  readonly settings: Settings
  readonly policySince: number
  readonly roles: string
  readonly pki: {
    readonly ca: string
    readonly cert: string
    readonly key: string
    readonly crl?: string
  }
  /** Base64. All who serve have the same, so that a session of TLS is resumed by any of them. */
  readonly ticketKeys: string
  readonly lastReload: Reload
}

export type Turns = 'volumes' | 'quotas'

/** What those who serve ask of the one that holds the files. */
export type OfPrimary = {
  readonly hello: readonly [
    null,
    {
      readonly slot: number
      readonly count: number
      readonly state: StateTexts
      readonly place: Place
      /** Streams of those who had this slot before, whose ends nobody has recorded. */
      readonly lost: readonly Begun[]
    },
  ]
  readonly ready: readonly [{ readonly host: string; readonly port: number }, null]
  /** It cannot serve, and why. */
  readonly failed: readonly [string, null]
  readonly take: readonly [{ readonly of: Turns; readonly names: readonly string[] }, number | null]
  readonly claim: readonly [
    { readonly names: readonly string[]; readonly by: Claimant },
    number | null,
  ]
  /** The number under which it is given back at its end, or whose limit it met. */
  readonly stream: readonly [StreamAsked, number | 'client' | 'role']
  readonly give: readonly [number, null]
  /** How much of it the others give. */
  readonly more: readonly [Want, number]
  readonly began: readonly [Begun, null]
  readonly over: readonly [string, null]
  readonly resized: readonly [Resize, null]
  /** Where its own chain of the audit stands. */
  readonly chain: readonly [Position, null]
  /** Lines of its chain, for the second sink. */
  readonly written: readonly [readonly string[], null]
  readonly status: readonly [null, Status]
  readonly sessions: readonly [null, readonly PersonsSession[]]
  readonly end: readonly [
    { readonly selector: Selector; readonly why: string },
    readonly SessionRow[],
  ]
  readonly reload: readonly [string, Reload]
  readonly metrics: readonly [null, string]
}

/** What the one that holds the files asks of those who serve. */
export type OfWorker = {
  readonly state: readonly [StateTexts, null]
  readonly ping: readonly [null, null]
  /** How much of it can be done without. */
  readonly spare: readonly [Want, number]
  /** Given too late for whoever waited. */
  readonly gift: readonly [Want, null]
  /** A terminal has another size by a request to another one. */
  readonly resize: readonly [Resize, null]
  /** One of them has died: each has its own part again. */
  readonly evened: readonly [null, null]
  readonly load: readonly [null, Load]
  readonly sessions: readonly [null, readonly PersonsSession[]]
  readonly end: readonly [
    { readonly selector: Selector; readonly why: string },
    readonly SessionRow[],
  ]
  readonly metrics: readonly [null, Counted]
  readonly stop: readonly [number, null]
}
