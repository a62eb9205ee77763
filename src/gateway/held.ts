// What one request holds while it is under way: turns and names that others wait for. All of it is let go
// together and once, whatever becomes of the request.

export class Held {
  #ends: (() => void)[] = []

  add(end: (() => void) | undefined): void {
    if (end !== undefined) this.#ends.push(end)
  }

  release(): void {
    for (const end of this.#ends.splice(0)) end()
  }
}
