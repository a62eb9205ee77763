// One after the other: whoever asks for a name's turn waits until those before have given it back.

/** Resolves when it is their turn with all of the names; what it gives ends the turn. */
export type TakeTurns = (names: readonly string[]) => Promise<() => void>

export function createTurns(): TakeTurns {
  /** The end of the queue of each name. */
  const queues = new Map<string, Promise<void>>()

  async function take(name: string): Promise<() => void> {
    const before = queues.get(name)
    let leave = (): void => undefined
    const turn = new Promise<void>((resolve) => (leave = resolve))
    queues.set(name, turn)
    await before
    return () => {
      if (queues.get(name) === turn) queues.delete(name)
      leave()
    }
  }

  return async (names) => {
    const held: (() => void)[] = []
    // In one order for all, so that no two wait for each other.
    for (const name of [...new Set(names)].toSorted()) held.push(await take(name))
    return () => held.forEach((leave) => leave())
  }
}
