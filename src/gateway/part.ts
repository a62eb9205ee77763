// The part that this process has of a limit on all that serve. What fits into it is let in without a word
// to anybody; when it is used up the others are asked, who give of what they do not use. What one gets is
// taken from another: all parts together are the limit.
import { unlimited } from '../config/load-limits.ts'
import { addTo, capacity, newAllowance, spend, takeFrom } from './allowance.ts'

/** What is asked of the others. */
export interface Want {
  readonly what: 'requests' | 'inFlight' | 'connections'
  /** The client's name; null where it is about all of them. */
  readonly who: string | null
  /** The limit, which may just have become another one for some of them. */
  readonly of: number
  readonly amount: number
}

/** The other processes that serve. */
export interface Others {
  /** From 1 on, and of how many. */
  readonly slot: number
  readonly count: number
  /** Grows when one of them has died: each has its own part again, and no more. */
  readonly round: number
  /** Resolves to what they give. */
  ask(want: Want): Promise<number>
}

export interface PartOf {
  readonly others: Others | undefined
  readonly clock: () => number
  readonly what: Want['what']
  readonly who: string | null
}

/** Of a limit that is not borrowed: parts are even, as connections are handed out in turn. */
export function evenPart(limit: number, others: Others | undefined): number {
  return others === undefined ? limit : Math.max(1, ownPart(limit, others))
}

function ownPart(limit: number, { slot, count }: Others): number {
  if (limit === unlimited) return limit
  return Math.floor(limit / count) + (slot <= limit % count ? 1 : 0)
}

/** Whoever has nothing to give is not asked again for so long. */
const restMs = 10

class Borrower {
  readonly #of: PartOf
  #asked: Promise<void> | undefined
  #notBeforeMs = Number.NEGATIVE_INFINITY

  constructor(of: PartOf) {
    this.#of = of
  }

  /** `take` says whether it was enough to go on. Undefined where nobody is to be asked. */
  ask(limit: number, amount: number, take: (given: number) => boolean): Promise<void> | undefined {
    const { others, clock, what, who } = this.#of
    if (others === undefined || limit === unlimited) return undefined
    if (this.#asked !== undefined) return this.#asked
    if (clock() < this.#notBeforeMs) return undefined
    this.#asked = others
      .ask({ what, who, of: limit, amount })
      .then(take, () => false)
      .then((isEnough) => {
        this.#asked = undefined
        if (!isEnough) this.#notBeforeMs = clock() + restMs
      })
    return this.#asked
  }
}

/** How many there may be at once. */
export class Room {
  readonly #others: Others | undefined
  readonly #borrower: Borrower
  #used = 0
  #limit = 0
  #round = 0
  #extra = 0

  constructor(of: PartOf) {
    this.#others = of.others
    this.#borrower = new Borrower(of)
  }

  get used(): number {
    return this.#used
  }

  /** Nothing is in it, and nothing lent or borrowed. */
  get isIdle(): boolean {
    return this.#used === 0 && this.#extra === 0
  }

  isFull(limit: number): boolean {
    return this.#used >= (this.#others === undefined ? limit : this.#most(limit, this.#others))
  }

  enter(): void {
    this.#used++
  }

  leave(): void {
    this.#used--
  }

  /** Resolves when the others have been asked for more. */
  more(limit: number): Promise<void> | undefined {
    return this.#borrower.ask(limit, Math.max(1, this.#used), (given) => {
      this.add(limit, given)
      return !this.isFull(limit)
    })
  }

  add(limit: number, given: number): void {
    if (this.#others === undefined) return
    this.#most(limit, this.#others)
    this.#extra += given
  }

  /** Half of what is free, or as much as is wanted. */
  give(limit: number, amount: number): number {
    if (this.#others === undefined) return 0
    const free = this.#most(limit, this.#others) - this.#used
    const given = Math.max(0, Math.min(Math.ceil(amount), Math.ceil(free / 2)))
    this.#extra -= given
    return given
  }

  #most(limit: number, others: Others): number {
    if (this.#limit !== limit || this.#round !== others.round) {
      this.#limit = limit
      this.#round = others.round
      this.#extra = 0
    }
    return ownPart(limit, others) + this.#extra
  }
}

/** How often in a while. */
export class Rate {
  /** Of this process alone. */
  readonly allowance = newAllowance()
  readonly #count: number
  readonly #clock: () => number
  readonly #borrower: Borrower

  constructor(of: PartOf) {
    this.#count = of.others?.count ?? 1
    this.#clock = of.clock
    this.#borrower = new Borrower(of)
  }

  spend(perSecond: number, nowMs: number): boolean {
    return spend(this.allowance, perSecond / this.#count, nowMs)
  }

  more(perSecond: number): Promise<void> | undefined {
    const missing = capacity(perSecond / this.#count) - this.allowance.level
    return this.#borrower.ask(perSecond, missing, (given) => {
      this.add(perSecond, given)
      return this.allowance.level >= 1
    })
  }

  add(_perSecond: number, given: number): void {
    addTo(this.allowance, given)
  }

  give(perSecond: number, amount: number): number {
    return takeFrom(this.allowance, perSecond / this.#count, amount, this.#clock())
  }
}
