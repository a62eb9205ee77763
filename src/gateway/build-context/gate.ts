// The context of a build on its way to the engine. Its entries pass as they are; the Dockerfile among
// them is read and judged, and what was judged is written anew, last, under a name that nobody can
// know. That one file is what the engine is told to build: as long as it has not come nothing can be
// built, and whatever else the archive holds, and however it is read, is never taken for it.
import { printable } from '../../docker/printable.ts'
import { cleanPath, ignores } from '../../docker/ignore-file.ts'
import {
  blockBytes,
  readLongName,
  readPaxRecords,
  readTarHeader,
  rewriteTarHeader,
  writeTarHeader,
  type TarExtension,
  type TarHeader,
} from '../../docker/tar-header.ts'
import { failure, type Failure } from '../../errors.ts'
import type { Deny } from '../../policy/decision.ts'
import { Bytes } from './bytes.ts'

/** Ends the stream, and with it the engine's request. */
export class ContextRefused extends Error {
  override readonly cause: Failure | Deny

  constructor(cause: Failure | Deny) {
    super('the build context was refused')
    this.cause = cause
  }
}

export interface ContextRules {
  /** As the client named it; the engine's own default where it did not. */
  readonly dockerfile: string
  /** Begins with `hiddenPrefix`. */
  readonly hiddenName: string
  /** What is written in its place; throws `ContextRefused`. */
  readonly judge: (dockerfile: Buffer) => Promise<string>
}

/** One pattern for all of them, so that it gives away no name and the build cache never sees a change. */
export const hiddenPrefix = '.dockgate-'
const ignoreName = '.dockerignore'

const maxDockerfileBytes = 1024 * 1024
const maxIgnoreBytes = 64 * 1024
const maxExtensionBytes = 64 * 1024
const chunkBytes = 64 * 1024

/** The archive as it is sent, in pieces worth a write each. */
export async function* gateContext(
  source: AsyncIterable<Buffer>,
  rules: ContextRules,
): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let bytes = 0
  for await (const part of gate(new Bytes(source), rules)) {
    held.push(part)
    bytes += part.length
    if (bytes < chunkBytes) continue
    yield held.length === 1 ? part : Buffer.concat(held, bytes)
    held = []
    bytes = 0
  }
  yield Buffer.concat(held, bytes)
}

async function* gate(bytes: Bytes, rules: ContextRules): AsyncGenerator<Buffer> {
  const wanted = new Wanted(rules.dockerfile)
  let ignoreFile: string | undefined
  let written: string | undefined
  for (;;) {
    const entry = await readEntry(bytes)
    if (entry === undefined) break
    const { header, blocks } = entry
    const path = cleanPath(header.path)
    if (path.startsWith(hiddenPrefix))
      throw refused(`${printable(path)} is a name of the gateway's`)
    if (path === ignoreName) {
      if (ignoreFile !== undefined) throw refused(`${ignoreName} stands there twice`)
      ignoreFile = (await readWhole(bytes, header, maxIgnoreBytes)).toString('utf8')
      yield* ignoring(ignoreFile, blocks.at(-1))
    } else if (wanted.is(path)) {
      const content = await readWhole(bytes, header, maxDockerfileBytes)
      wanted.found(path, content)
      if (path === wanted.first) written = await rules.judge(content)
      // The engine itself would take it out of the context.
      if (ignoreFile === undefined || !ignores(ignoreFile, path)) {
        yield* blocks
        yield padded(content)
      }
    } else {
      yield* blocks
      yield* passContent(bytes, header.size)
    }
  }
  written ??= await rules.judge(wanted.chosen())
  if (ignoreFile === undefined) yield* ignoring(ignoreName)
  const content = Buffer.from(written)
  yield writeTarHeader(rules.hiddenName, content.length)
  yield padded(content)
  yield Buffer.alloc(2 * blockBytes)
  // What lies beyond the end is nothing to the engine, and the client must get rid of it.
  await bytes.end()
}

/** The files that the engine would take for the Dockerfile, the first before the second. */
class Wanted {
  readonly first: string
  readonly #second: string | undefined
  readonly #contents = new Map<string, Buffer>()

  constructor(dockerfile: string) {
    this.first = cleanPath(dockerfile)
    this.#second = dockerfile === 'Dockerfile' ? 'dockerfile' : undefined
  }

  is(path: string): boolean {
    return path === this.first || path === this.#second
  }

  found(path: string, content: Buffer): void {
    if (this.#contents.has(path)) throw refused(`${printable(path)} stands there twice`)
    this.#contents.set(path, content)
  }

  chosen(): Buffer {
    const content = this.#contents.get(this.first) ?? this.#contents.get(this.#second ?? '')
    if (content === undefined) {
      throw refused(`there is no file ${printable(this.first)} in it (links are not followed)`)
    }
    return content
  }
}

interface Entry {
  readonly header: TarHeader
  /** The header's block last, before it those that extend it. */
  readonly blocks: readonly Buffer[]
}

/** Undefined at the end of the archive. */
async function readEntry(bytes: Bytes): Promise<Entry | undefined> {
  const blocks: Buffer[] = []
  let extension: TarExtension | undefined
  let longName: string | undefined
  for (;;) {
    const block = await bytes.take(blockBytes)
    const ends = block.every((byte) => byte === 0)
    if (ends && blocks.length === 0) return undefined
    if (ends || block.length < blockBytes) throw brokenOff()
    const header = known(readTarHeader(block))
    blocks.push(block)
    if (!'xgLK'.includes(header.type)) {
      const path = longName ?? extension?.path ?? header.path
      const size = extension?.size ?? header.size
      const { type } = header
      if (type !== '0' && type !== '7' && size > 0)
        throw refused('an entry without content has a size')
      return { header: { type, path, size }, blocks }
    }
    if (header.size > maxExtensionBytes) throw refused('a name or header is too long')
    const data = await readPadded(bytes, header.size)
    blocks.push(data)
    const content = data.subarray(0, header.size)
    if (header.type === 'L') {
      if (longName !== undefined || extension !== undefined) throw refused('an entry has two names')
      longName = readLongName(content)
    }
    if (header.type === 'x') {
      if (longName !== undefined || extension !== undefined) throw refused('an entry has two names')
      extension = known(readPaxRecords(content))
    }
    if (header.type === 'g') {
      // For all that follow, some say; for none, says the engine.
      const { path, size } = known(readPaxRecords(content))
      if (path !== undefined || size !== undefined) throw refused('a global header names a file')
    }
  }
}

/** The .dockerignore with what hides the Dockerfile of ours, which the engine then takes out. */
function* ignoring(text: string, header?: Buffer): Generator<Buffer> {
  const content = Buffer.from(`${text}\n${hiddenPrefix}*\n`)
  yield header === undefined
    ? writeTarHeader(ignoreName, content.length)
    : rewriteTarHeader(header, ignoreName, content.length)
  yield padded(content)
}

async function* passContent(bytes: Bytes, size: number): AsyncGenerator<Buffer> {
  let missing = paddedSize(size)
  for await (const part of bytes.upTo(missing)) {
    missing -= part.length
    yield part
  }
  if (missing > 0) throw brokenOff()
}

async function readWhole(bytes: Bytes, header: TarHeader, most: number): Promise<Buffer> {
  const { type, path, size } = header
  if (type !== '0') {
    throw refused(
      `${printable(path)} is no regular file: name the file itself (docker build -f FILE)`,
    )
  }
  if (size > most) throw refused(`${printable(path)} is larger than ${most} bytes`)
  return (await readPadded(bytes, size)).subarray(0, size)
}

async function readPadded(bytes: Bytes, size: number): Promise<Buffer> {
  const data = await bytes.take(paddedSize(size))
  if (data.length < paddedSize(size)) throw brokenOff()
  return data
}

function paddedSize(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content], paddedSize(content.length))
}

function known<T extends object>(read: T | string): T {
  if (typeof read === 'string') throw refused(read)
  return read
}

function brokenOff(): ContextRefused {
  return refused('it breaks off')
}

function refused(why: string): ContextRefused {
  return new ContextRefused(failure('bad-body', `the build context cannot be taken: ${why}`))
}
