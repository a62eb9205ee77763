// Reads a tar archive as it streams by, strictly: an entry that somebody might read otherwise is refused.
import {
  blockBytes,
  readLongName,
  readPaxRecords,
  readTarHeader,
  type TarExtension,
  type TarHeader,
} from '../../docker/tar-header.ts'
import { printable } from '../../docker/printable.ts'
import { failure, type Failure } from '../../errors.ts'
import type { Deny } from '../../policy/decision.ts'
import { Bytes } from './bytes.ts'

/** Ends the stream, and with it the engine's request. */
export class ArchiveRefused extends Error {
  override readonly cause: Failure | Deny

  constructor(cause: Failure | Deny) {
    super('an archive was refused')
    this.cause = cause
  }
}

export interface TarEntry {
  readonly header: TarHeader
  /** The header's block last, before it those that extend it. */
  readonly blocks: readonly Buffer[]
}

const maxExtensionBytes = 64 * 1024

export class TarReader {
  readonly #bytes: Bytes
  readonly #what: string

  /** `what` it is, in the words of a refusal: `the build context`. */
  constructor(source: AsyncIterable<Buffer>, what: string) {
    this.#bytes = new Bytes(source)
    this.#what = what
  }

  refused(why: string): ArchiveRefused {
    return new ArchiveRefused(failure('bad-body', `${this.#what} cannot be taken: ${why}`))
  }

  /** Undefined at the end of the archive. */
  async entry(): Promise<TarEntry | undefined> {
    const blocks: Buffer[] = []
    let extension: TarExtension | undefined
    let longName: string | undefined
    let hasLongLink = false
    for (;;) {
      const block = await this.#bytes.take(blockBytes)
      const ends = block.every((byte) => byte === 0)
      if (ends && blocks.length === 0) return undefined
      if (ends || block.length < blockBytes) throw this.#brokenOff()
      const header = this.#known(readTarHeader(block))
      blocks.push(block)
      if (!'xgLK'.includes(header.type)) {
        const path = longName ?? extension?.path ?? header.path
        const size = extension?.size ?? header.size
        const { type } = header
        if (type !== '0' && type !== '7' && size > 0)
          throw this.refused('an entry without content has a size')
        const link = hasLongLink ? undefined : header.link
        return { header: { type, path, size, link }, blocks }
      }
      if (header.size > maxExtensionBytes) throw this.refused('a name or header is too long')
      const data = await this.#padded(header.size)
      blocks.push(data)
      const content = data.subarray(0, header.size)
      if (header.type === 'L' || header.type === 'x') {
        if (longName !== undefined || extension !== undefined)
          throw this.refused('an entry has two names')
      }
      if (header.type === 'L') longName = readLongName(content)
      if (header.type === 'K') hasLongLink = true
      if (header.type === 'x') {
        extension = this.#known(readPaxRecords(content))
        hasLongLink ||= extension.link
      }
      if (header.type === 'g') {
        // For all that follow, some say; for none, says the engine.
        const { path, size, link } = this.#known(readPaxRecords(content))
        if (path !== undefined || size !== undefined || link)
          throw this.refused('a global header names a file')
      }
    }
  }

  /** The content of the entry with its padding, in the pieces in which it comes. */
  async *content(size: number): AsyncGenerator<Buffer> {
    let missing = paddedSize(size)
    for await (const part of this.#bytes.upTo(missing)) {
      missing -= part.length
      yield part
    }
    if (missing > 0) throw this.#brokenOff()
  }

  /** The content of a small file, without its padding. */
  async whole({ type, path, size }: TarHeader, most: number): Promise<Buffer> {
    if (type !== '0') throw this.refused(`${printable(path)} is no regular file`)
    if (size > most) throw this.refused(`${printable(path)} is larger than ${most} bytes`)
    return (await this.#padded(size)).subarray(0, size)
  }

  /** What lies beyond the end is nothing to the engine, and is not even unpacked. */
  end(): Promise<void> {
    return this.#bytes.end()
  }

  async #padded(size: number): Promise<Buffer> {
    const data = await this.#bytes.take(paddedSize(size))
    if (data.length < paddedSize(size)) throw this.#brokenOff()
    return data
  }

  #known<T extends object>(read: T | string): T {
    if (typeof read === 'string') throw this.refused(read)
    return read
  }

  #brokenOff(): ArchiveRefused {
    return this.refused('it breaks off')
  }
}

export function paddedSize(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes
}

export function padded(content: Buffer): Buffer {
  return Buffer.concat([content], paddedSize(content.length))
}

/** The end of every archive. */
export const endOfArchive = Buffer.alloc(2 * blockBytes)

const chunkBytes = 64 * 1024

/** The same in pieces worth a write each. */
export async function* inChunks(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let bytes = 0
  for await (const part of parts) {
    held.push(part)
    bytes += part.length
    if (bytes < chunkBytes) continue
    yield held.length === 1 ? part : Buffer.concat(held, bytes)
    held = []
    bytes = 0
  }
  yield Buffer.concat(held, bytes)
}
