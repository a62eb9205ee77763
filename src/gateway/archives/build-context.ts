// The context of a build on its way to the engine. Its entries pass as they are; the Dockerfile among
// them is read and judged, and what was judged is written anew, last, under a name that nobody can
// know. That one file is what the engine is told to build: as long as it has not come nothing can be
// built, and whatever else the archive holds, and however it is read, is never taken for it.
import { cleanPath, ignores } from '../../docker/ignore-file.ts'
import { printable } from '../../docker/printable.ts'
import { rewriteTarHeader, writeTarHeader, type TarHeader } from '../../docker/tar-header.ts'
import { endOfArchive, padded, TarReader } from './reader.ts'

export interface ContextRules {
  /** As the client named it; the engine's own default where it did not. */
  readonly dockerfile: string
  /** Begins with `hiddenPrefix`. */
  readonly hiddenName: string
  /** What is written in its place; throws `ArchiveRefused`. */
  readonly judge: (dockerfile: Buffer) => Promise<string>
}

/** One pattern for all of them, so that it gives away no name and the build cache never sees a change. */
export const hiddenPrefix = '.dockgate-'
const ignoreName = '.dockerignore'

const maxDockerfileBytes = 1024 * 1024
const maxIgnoreBytes = 64 * 1024
/** What the lengths of both may come to, multiplied: so long it takes to tell whether one names the other. */
const maxIgnoreSteps = 4_000_000

/** The archive as it is sent. */
export async function* gateContext(
  source: AsyncIterable<Buffer>,
  rules: ContextRules,
): AsyncGenerator<Buffer> {
  const reader = new TarReader(source, 'the build context')
  const wanted = new Wanted(rules.dockerfile, reader)
  let ignoreFile: string | undefined
  let written: string | undefined
  for (;;) {
    const entry = await reader.entry()
    if (entry === undefined) break
    const { header, blocks } = entry
    const path = cleanPath(header.path)
    if (path.startsWith(hiddenPrefix))
      throw reader.refused(`${printable(path)} is a name of the gateway's`)
    if (path === ignoreName) {
      if (ignoreFile !== undefined) throw reader.refused(`${ignoreName} stands there twice`)
      ignoreFile = (await readWhole(reader, header, maxIgnoreBytes)).toString('utf8')
      yield* ignoring(ignoreFile, blocks.at(-1))
    } else if (wanted.is(path)) {
      const content = await readWhole(reader, header, maxDockerfileBytes)
      wanted.found(path, content)
      if (path === wanted.first) written = await rules.judge(content)
      if ((ignoreFile?.length ?? 0) * path.length > maxIgnoreSteps)
        throw reader.refused(`${ignoreName} is too long beside so long a name`)
      // The engine itself would take it out of the context.
      if (ignoreFile === undefined || !ignores(ignoreFile, path)) {
        yield* blocks
        yield padded(content)
      }
    } else {
      yield* blocks
      yield* reader.content(header.size)
    }
  }
  written ??= await rules.judge(wanted.chosen())
  if (ignoreFile === undefined) yield* ignoring(ignoreName)
  const content = Buffer.from(written)
  yield writeTarHeader(rules.hiddenName, content.length)
  yield padded(content)
  yield endOfArchive
  await reader.end()
}

/** The files that the engine would take for the Dockerfile, the first before the second. */
class Wanted {
  readonly first: string
  readonly #second: string | undefined
  readonly #contents = new Map<string, Buffer>()
  readonly #reader: TarReader

  constructor(dockerfile: string, reader: TarReader) {
    this.#reader = reader
    this.first = cleanPath(dockerfile)
    this.#second = dockerfile === 'Dockerfile' ? 'dockerfile' : undefined
  }

  is(path: string): boolean {
    return path === this.first || path === this.#second
  }

  found(path: string, content: Buffer): void {
    if (this.#contents.has(path))
      throw this.#reader.refused(`${printable(path)} stands there twice`)
    this.#contents.set(path, content)
  }

  chosen(): Buffer {
    const content = this.#contents.get(this.first) ?? this.#contents.get(this.#second ?? '')
    if (content === undefined) {
      throw this.#reader.refused(
        `there is no file ${printable(this.first)} in it (links are not followed)`,
      )
    }
    return content
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

async function readWhole(reader: TarReader, header: TarHeader, most: number): Promise<Buffer> {
  if (header.type === '0') return reader.whole(header, most)
  throw reader.refused(
    `${printable(header.path)} is no regular file: name the file itself (docker build -f FILE)`,
  )
}
