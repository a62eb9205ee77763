// The outcome of judging one request: a value with its reason, never an exception.
import type { Operation } from '../docker/operation.ts'
import type { View } from './view.ts'

export type DenyReason =
  | 'no-role' // no grant matches this principal
  | 'not-permitted' // no role of theirs allows the permission
  | 'denied-by-role' // a role denies it, which wins
  | 'limit' // allowed, but the body or query asks for more than the limits
  | 'not-judged' // the role has limits and this operation cannot be judged
  | 'taken' // the name that it would give away is somebody else's
  | 'not-theirs' // the thing belongs to somebody else: answered as if it did not exist

/** What one limit has against a request, in the words of the docker CLI's user. */
export interface Objection {
  /** `limits.privileged` */
  readonly limit: string
  /** Where: `HostConfig.Privileged`, `?networkmode`. */
  readonly field: string
  /** `--privileged is not allowed` */
  readonly message: string
  /** The value found and the value allowed, printable and short; secrets never. */
  readonly found: string
  readonly allowed: string
}

export interface Allow {
  readonly allow: true
  /** The role that allowed it. */
  readonly role: string
  /** What goes to the engine: as asked, or rewritten by limits, owner labels and resolved ids. */
  readonly operation: Operation
  /** What is to become of the answer; undefined where it goes as it comes. */
  readonly view?: View
}

export interface Deny {
  readonly allow: false
  readonly reason: DenyReason
  /** The role that came nearest to allowing, or that denied; undefined when there is none. */
  readonly role: string | undefined
  /** The public sentence, without the `dockgate: ` before it. */
  readonly message: string
  readonly objections: readonly Objection[]
}

export type Decision = Allow | Deny
