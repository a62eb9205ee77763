// From the client's request to the stream that goes to the engine, where an archive is judged and written
// anew on its way.
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Operation } from '../../docker/operation.ts'
import { failure, GatewayError, type Failure } from '../../errors.ts'
import type { Deny } from '../../policy/decision.ts'
import { engineFailure, type Engine } from '../engine.ts'
import { ArchiveRefused, inChunks } from './reader.ts'

export interface Gate {
  /** What is sent in place of the operation that was asked. */
  readonly target: Operation['target']
  open(source: Readable): Readable
  /** Nobody waits for it any more. */
  close(): void
  /** Why the stream that was opened broke off, where the gate itself ended it. */
  refused(): Failure | Deny | undefined
}

export interface GateParts {
  readonly engine: Engine
  readonly target: Operation['target']
  /** What it is, in the words of a refusal. */
  readonly what: string
  /** The archive as it is sent; throws `ArchiveRefused`. `signal` tells that nobody waits any more. */
  readonly rewrite: (archive: AsyncIterable<Buffer>, signal: AbortSignal) => AsyncIterable<Buffer>
}

export function createGate({ engine, target, what, rewrite }: GateParts): Gate {
  let refusal: Failure | Deny | undefined
  let stream: Readable | undefined
  return {
    target,
    refused: () => refusal,
    close: () => void stream?.destroy(),
    open(source) {
      const gone = new AbortController()
      async function* gated(): AsyncGenerator<Buffer> {
        try {
          yield* inChunks(rewrite(await plain(source, what), gone.signal))
        } catch (error) {
          refusal = reasonOf(engine, error, source)
          throw error
        }
      }
      stream = Readable.from(gated(), { objectMode: false })
      stream.once('close', () => {
        gone.abort()
        // Whoever still sends must come to their end to read the answer.
        source.resume()
      })
      return stream
    },
  }
}

function reasonOf(engine: Engine, error: unknown, source: Readable): Failure | Deny | undefined {
  if (error instanceof ArchiveRefused) return error.cause
  if (error instanceof GatewayError) return error.failure
  // The client broke off, and there is nobody to tell.
  return source.errored === null ? engineFailure(engine, error) : undefined
}

/** The archive without its compression: the engine knows more kinds, each with readings of its own. */
async function plain(source: Readable, what: string): Promise<AsyncIterable<Buffer>> {
  const chunks = source.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>
  let start: Buffer = Buffer.alloc(0)
  while (start.length < 2) {
    const next = await chunks.next()
    if (next.done === true) break
    start = Buffer.concat([start, next.value])
  }
  async function* whole(): AsyncGenerator<Buffer> {
    yield start
    yield* chunks
  }
  if (start[0] !== 0x1f || start[1] !== 0x8b) return whole()
  const gunzip = createGunzip()
  const input = Readable.from(whole())
  input.once('error', (error) => gunzip.destroy(error))
  gunzip.once('close', () => input.destroy())
  input.pipe(gunzip)
  return unzipped(gunzip, what)
}

async function* unzipped(gunzip: Readable, what: string): AsyncGenerator<Buffer> {
  try {
    yield* gunzip as AsyncIterable<Buffer>
  } catch (error) {
    const isCorrupt =
      error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
    if (!isCorrupt) throw error
    throw new ArchiveRefused(failure('bad-body', `${what} is no whole gzip stream`))
  }
}
