// Turns, claims and streams that several processes have of one: whoever dies gives back what it had, and what it
// waits for.

export interface Lender {
  /** Resolves to the number under which it is given back; null where there was nothing to be had. */
  lend(borrower: object, had: Promise<(() => void) | undefined>): Promise<number | null>
  /** The same of what is had at once. */
  hold(borrower: object, release: () => void): number
  give(borrower: object, number: number): void
  /** All that it has, and all that it will be given. */
  giveAll(borrower: object): void
}

export function createLender(): Lender {
  const lent = new WeakMap<object, Map<number, () => void>>()
  const gone = new WeakSet<object>()
  let numbers = 0

  function hold(borrower: object, release: () => void): number {
    const number = ++numbers
    if (gone.has(borrower)) release()
    else {
      const held = lent.get(borrower) ?? new Map<number, () => void>()
      lent.set(borrower, held.set(number, release))
    }
    return number
  }

  return {
    async lend(borrower, had) {
      const release = await had
      return release === undefined ? null : hold(borrower, release)
    },
    hold,
    give(borrower, number) {
      const held = lent.get(borrower)
      held?.get(number)?.()
      held?.delete(number)
    },
    giveAll(borrower) {
      gone.add(borrower)
      for (const release of lent.get(borrower)?.values() ?? []) release()
      lent.delete(borrower)
    },
  }
}
