// Who is here, in the order of their coming, each of whom soon goes again and leaves nothing behind. No Set
// or Map: one that so much goes through is made anew all the time, each old table leads to the next, and
// what they held when they were left outlives all collections of young objects.

export class Member<T> {
  readonly value: T
  before: Member<T> | undefined
  after: Member<T> | undefined

  constructor(value: T, before: Member<T> | undefined) {
    this.value = value
    this.before = before
  }
}

export class Members<T> implements Iterable<T> {
  #first: Member<T> | undefined
  #last: Member<T> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Who has been here longest. */
  get first(): T | undefined {
    return this.#first?.value
  }

  add(value: T): Member<T> {
    const member = new Member(value, this.#last)
    if (this.#last === undefined) this.#first = member
    else this.#last.after = member
    this.#last = member
    this.#size++
    return member
  }

  /** To be called once for each. */
  remove(member: Member<T>): void {
    const { before, after } = member
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    // Grown old, it would lead to those who were beside it.
    member.before = undefined
    member.after = undefined
    this.#size--
  }

  /** Those who are here now. */
  [Symbol.iterator](): IterableIterator<T> {
    const all: T[] = []
    for (let at = this.#first; at !== undefined; at = at.after) all.push(at.value)
    return all.values()
  }
}
