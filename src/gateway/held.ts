// What one request holds while it is under way: its place among all that is, and turns and names that others
// wait for. All of it is let go together and once, but where the client leaves before the engine is done:
// then others go on waiting for the names, since the engine goes on with most that it has begun.

export class Held {
  #ends: (() => void)[] = []
  #untilDone: (() => void)[] = []
  #isOver = false

  add(end: (() => void) | undefined): void {
    if (end !== undefined) this.#ends.push(end)
  }

  /** What must not be given back before the engine has done it or refused. */
  addUntilDone(end: (() => void) | undefined): void {
    if (end === undefined) return
    // What comes too late is for a request that nobody sends any more.
    if (this.#isOver) end()
    else this.#untilDone.push(end)
  }

  release(): void {
    this.#isOver = true
    for (const end of [...this.#ends.splice(0), ...this.#untilDone.splice(0)]) end()
  }

  /** Takes what others wait for out of what is released, and gives what ends it; undefined where nobody does. */
  keep(): (() => void) | undefined {
    const kept = this.#untilDone.splice(0)
    return kept.length === 0 ? undefined : () => kept.forEach((end) => end())
  }
}
