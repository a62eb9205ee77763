// Gathers what comes in many parts in memory of ours and writes it in few large ones: those of one turn
// of the event loop go in one write.
import type { Writable } from 'node:stream'
import { giveBuffer, takeBuffer } from './buffers.ts'

export class Gathering {
  readonly #to: Writable
  #memory: Buffer | undefined
  #used = 0
  #isDue = false

  constructor(to: Writable) {
    this.#to = to
  }

  /** Takes a copy, which goes at the end of this turn. */
  put(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const memory = this.#room()
      const left = memory.length - this.#used
      const part = from === 0 && bytes.length <= left ? bytes : bytes.subarray(from, from + left)
      memory.set(part, this.#used)
      this.#used += part.length
      from += part.length
    }
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      this.flush()
    })
  }

  /** Of a few characters. */
  putText(text: string): void {
    this.put(Buffer.from(text, 'latin1'))
  }

  /** Takes a copy, which goes now, after all before it. */
  putLast(bytes: Uint8Array): void {
    if (this.#memory !== undefined) {
      this.put(bytes)
      this.flush()
    } else if (bytes.length > 0) this.#to.write(Buffer.from(bytes))
  }

  flush(): void {
    const memory = this.#memory
    if (memory === undefined) return
    this.#memory = undefined
    this.#to.write(memory.subarray(0, this.#used), () => giveBuffer(memory))
  }

  #room(): Buffer {
    if (this.#used === this.#memory?.length) this.flush()
    if (this.#memory === undefined) {
      this.#memory = takeBuffer()
      this.#used = 0
    }
    return this.#memory
  }
}
