// A role as compiled from roles.yaml: what it permits, what it reaches, what it may ask for. Pure.
import type { Limits } from './limits.ts'

/** Which existing things a role reaches. */
export type Reach =
  | { readonly kind: 'own' }
  | { readonly kind: 'team' }
  | { readonly kind: 'all' }
  | { readonly kind: 'label'; readonly labels: Readonly<Record<string, string>> }

/** Which roles a role's holder may give to somebody for a time, each for how long (ms) at most. */
export type MayGrant = ReadonlyMap<string, number> | 'all'

/** What is asked of streams that the role lets open; absent: nothing. */
export interface StreamRules {
  /** The most that one person may have open by this role. */
  readonly atOnce?: number
  /** The longest that one may last. */
  readonly longestMs?: number
  /** The longest that nothing may come or go on an interactive one. */
  readonly idleMs?: number
}

/** What is kept of the terminals that the role lets open; absent: nothing. */
export interface TranscriptRules {
  /** What is typed as well, passwords among it. */
  readonly input: boolean
}

export interface Role {
  readonly name: string
  /** Every permission that it allows, wildcards and includes already spelled out. */
  readonly allows: ReadonlySet<string>
  readonly denies: ReadonlySet<string>
  readonly on: Reach
  /** 'none': nothing is limited, and bodies are not even parsed. */
  readonly limits: Limits | 'none'
  readonly hide: readonly string[]
  readonly mayGrant?: MayGrant
  /** The id of the temporary grant that gives it; undefined where roles.yaml does. */
  readonly grant?: string
  readonly streams?: StreamRules
  readonly transcript?: TranscriptRules
}
