// The chunked coding (RFC 9112 §7.1), read strictly: sizes in plain hexadecimal, no extensions, CRLF and
// nothing else. Trailers are read over. Pure.

const CR = 0x0d
const LF = 0x0a
/** 2^48 - 1 bytes in one chunk are more than there will ever be, and still exact. */
const maxDigits = 12
const maxTrailerBytes = 64 * 1024

type Expects = 'size' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer' | 'trailer-lf'

export class Chunks {
  #expects: Expects = 'size'
  #digits = 0
  #left = 0
  /** Bytes of the trailer's line so far; the empty one is the last. */
  #lineBytes = 0
  #trailerBytes = 0
  #done = false

  /** Reads on from within a chunk of which so many bytes are to come. */
  static within(left: number): Chunks {
    const chunks = new Chunks()
    chunks.#expects = 'data'
    chunks.#left = left
    return chunks
  }

  /** The last chunk and its trailer have been read. */
  get done(): boolean {
    return this.#done
  }

  /**
   * Reads from `start` to `end` and tells `body` where the body's bytes are. Comes back with where it has
   * stopped, which is `end` until all is done; -1 for what is no chunked coding.
   */
  read(
    bytes: Uint8Array,
    start: number,
    end: number,
    body: (from: number, to: number) => void,
  ): number {
    let at = start
    while (at < end && !this.#done) {
      if (this.#expects === 'data') {
        const to = Math.min(end, at + this.#left)
        this.#left -= to - at
        if (this.#left === 0) this.#expects = 'data-cr'
        body(at, to)
        at = to
      } else if (!this.#step(bytes[at++] ?? 0)) return -1
    }
    return at
  }

  #step(byte: number): boolean {
    switch (this.#expects) {
      case 'size': {
        if (byte === CR) {
          this.#expects = 'size-lf'
          return this.#digits > 0
        }
        const digit = valueOf(byte)
        this.#left = this.#left * 16 + digit
        return digit >= 0 && ++this.#digits <= maxDigits
      }
      case 'size-lf':
        this.#expects = this.#left === 0 ? 'trailer' : 'data'
        this.#digits = 0
        return byte === LF
      case 'data-cr':
        this.#expects = 'data-lf'
        return byte === CR
      case 'data-lf':
        this.#expects = 'size'
        return byte === LF
      case 'trailer':
        if (byte === CR) this.#expects = 'trailer-lf'
        else this.#lineBytes++
        return byte !== LF && ++this.#trailerBytes <= maxTrailerBytes
      case 'trailer-lf':
        this.#done = this.#lineBytes === 0
        this.#lineBytes = 0
        this.#expects = 'trailer'
        return byte === LF
      case 'data':
        return false
    }
  }
}

function valueOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
