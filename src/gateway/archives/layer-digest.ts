// The digest by which an image knows a layer: of its bytes without their compression. Whoever loads an image
// must have sent what it is made of: an engine that has a layer of this digest already takes its own, which
// may be a part of somebody else's image, and never looks into the archive.
import { createHash } from 'node:crypto'
import { createGunzip, type Gunzip } from 'node:zlib'

/** What all layers of an archive may come to. */
export const mostLayerBytes = 256 * 1024 ** 3

export class LayerDigest {
  readonly #hash = createHash('sha256')
  #gunzip: Gunzip | undefined
  /** What has come before it is known what it is. */
  #start: Buffer | undefined = Buffer.alloc(0)
  #isCorrupt = false
  bytes = 0

  async write(part: Buffer): Promise<void> {
    if (this.#start === undefined) return this.#pass(part)
    const start = Buffer.concat([this.#start, part])
    this.#start = start
    if (start.length >= 2) await this.#begin(start)
  }

  async #pass(part: Buffer): Promise<void> {
    if (this.#isCorrupt || this.bytes > mostLayerBytes) return
    if (this.#gunzip === undefined) this.#take(part)
    else if (!this.#gunzip.write(part)) await either(this.#gunzip, 'drain', 'close')
  }

  /** Undefined where it cannot be told. */
  async end(): Promise<string | undefined> {
    if (this.#start !== undefined) await this.#begin(this.#start)
    if (this.#gunzip !== undefined && !this.#isCorrupt) {
      this.#gunzip.end()
      if (!this.#gunzip.closed) await either(this.#gunzip, 'close')
    }
    return this.#isCorrupt || this.bytes > mostLayerBytes
      ? undefined
      : `sha256:${this.#hash.digest('hex')}`
  }

  close(): void {
    this.#gunzip?.destroy()
  }

  #begin(start: Buffer): Promise<void> {
    this.#start = undefined
    if (start[0] === 0x1f && start[1] === 0x8b) {
      this.#gunzip = createGunzip()
      this.#gunzip.on('data', (plain: Buffer) => this.#take(plain))
      this.#gunzip.on('error', () => (this.#isCorrupt = true))
    }
    return this.#pass(start)
  }

  #take(plain: Buffer): void {
    this.bytes += plain.length
    if (this.bytes > mostLayerBytes) this.#gunzip?.destroy()
    else this.#hash.update(plain)
  }
}

/** Not `once` of node:events, to which an error is one of waiting. */
function either(gunzip: Gunzip, ...events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) gunzip.off(event, done)
      resolve()
    }
    for (const event of events) gunzip.on(event, done)
  })
}
