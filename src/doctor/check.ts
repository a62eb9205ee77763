// What a check of the doctor is, and what it may say. A check sees facts that were gathered before and
// does nothing itself; what it could not see it says so, which is never a pass. Pure.
import type { Facts } from './facts.ts'

export const severities = ['info', 'low', 'medium', 'high'] as const
export type Severity = (typeof severities)[number]

export interface Check {
  /** Its number in the CIS Docker Benchmark 1.6, or a word for what is dockgate's own. */
  readonly id: string
  /** The number of the benchmark that it answers, or is nearest to. */
  readonly cis: string | undefined
  readonly title: string
  readonly severity: Severity
  /** How to mend what is found. */
  readonly mend: string
  readonly look: (facts: Facts) => Verdict
}

/** One thing that is not as it should be. */
export interface Item {
  /** What it is about: a container's name, a path; undefined for the engine or the machine as a whole. */
  readonly on: string | undefined
  readonly seen: string
}

export type Verdict =
  | { readonly kind: 'fine'; readonly seen: string }
  /** `severity` where this is not as bad as the check may be. */
  | { readonly kind: 'found'; readonly items: readonly Item[]; readonly severity?: Severity }
  | { readonly kind: 'unseen'; readonly why: string }

export function fine(seen: string): Verdict {
  return { kind: 'fine', seen }
}

export function found(seen: string, on?: string): Verdict {
  return { kind: 'found', items: [{ on, seen }] }
}

export function unseen(why: string): Verdict {
  return { kind: 'unseen', why }
}

/** `otherwise` is what was seen where nothing was found. */
export function foundAny(items: readonly Item[], otherwise: string): Verdict {
  return items.length > 0 ? { kind: 'found', items } : fine(otherwise)
}

/** A question that no program answers: how things are made and kept. */
export function onlyPeopleKnow(what: string): () => Verdict {
  return () => unseen(`${what}: only people know`)
}
