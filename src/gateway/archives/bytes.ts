// A stream of chunks, read as a tar reader wants it: so many bytes, whole or as they come.

export class Bytes {
  readonly #source: AsyncIterator<Buffer>
  #chunk: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Exactly so many; fewer only where the stream ends. */
  async take(size: number): Promise<Buffer> {
    if (this.#chunk.length >= size) return this.#cut(size)
    const parts: Buffer[] = []
    let missing = size
    for await (const part of this.upTo(size)) {
      parts.push(part)
      missing -= part.length
    }
    return Buffer.concat(parts, size - missing)
  }

  /** The same in the pieces in which it comes, without holding on to them. */
  async *upTo(size: number): AsyncGenerator<Buffer> {
    let missing = size
    while (missing > 0 && (await this.#more())) {
      const part = this.#cut(Math.min(missing, this.#chunk.length))
      missing -= part.length
      yield part
    }
  }

  /** Lets go of what is still to come. */
  async end(): Promise<void> {
    this.#chunk = Buffer.alloc(0)
    await this.#source.return?.()
  }

  async #more(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next()
      if (next.done === true) return false
      this.#chunk = next.value
    }
    return true
  }

  #cut(size: number): Buffer {
    const part = this.#chunk.subarray(0, size)
    this.#chunk = this.#chunk.subarray(size)
    return part
  }
}
