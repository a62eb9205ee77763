// Records made into lines of the chain, one after the other, to be written together.
import { formatLine, hashLine, origin, type Position } from './line.ts'

export class Lines {
  readonly #texts: string[] = []
  #last: Position
  #before: Position
  #bytes = 0

  /** `last`: what they follow. */
  constructor(last: Position = origin) {
    this.#last = last
    this.#before = last
  }

  get texts(): readonly string[] {
    return this.#texts
  }

  get count(): number {
    return this.#texts.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get last(): Position {
    return this.#last
  }

  add(time: string, event: string, fields: object): void {
    const line = formatLine(this.#last, time, event, fields)
    this.#texts.push(line)
    this.#bytes += Buffer.byteLength(line) + 1
    this.#before = this.#last
    this.#last = { seq: this.#before.seq + 1, hash: hashLine(line) }
  }

  /** Takes back the one that was added last. */
  drop(): void {
    this.#bytes -= Buffer.byteLength(this.#texts.pop() ?? '') + 1
    this.#last = this.#before
  }

  take(): Buffer {
    return Buffer.from(`${this.#texts.join('\n')}\n`)
  }
}
