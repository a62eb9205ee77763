// The gate of one build: from the client's request to the stream that goes to the engine.
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Operation } from '../../docker/operation.ts'
import { firstValue, withValue } from '../../docker/query.ts'
import { failure, GatewayError, type Failure } from '../../errors.ts'
import type { Deny } from '../../policy/decision.ts'
import { engineFailure, type Engine } from '../engine.ts'
import { ContextRefused, gateContext, hiddenPrefix } from './gate.ts'
import { judgeBuild, type BuildParts } from './judge.ts'

export interface BuildGate {
  /** What is sent in place of the operation that was asked. */
  readonly target: Operation['target']
  open(source: Readable): Readable
  /** Nobody waits for it any more. */
  close(): void
  /** Why the stream that was opened broke off, where the gate itself ended it. */
  refused(): Failure | Deny | undefined
}

/** Undefined where no context is sent: then the engine fetches it, which is judged by its limit. */
export function buildGate(parts: Omit<BuildParts, 'signal'>): BuildGate | undefined {
  const { operation, engine } = parts
  const { target } = operation
  if (firstValue(target.query, 'remote')) return undefined
  const hiddenName = `${hiddenPrefix}${randomBytes(16).toString('hex')}`
  const dockerfile = firstValue(target.query, 'dockerfile') || 'Dockerfile'
  let refusal: Failure | Deny | undefined
  let stream: Readable | undefined
  return {
    target: Object.freeze({ ...target, query: queryFor(target.query, hiddenName) }),
    refused: () => refusal,
    close: () => void stream?.destroy(),
    open(source) {
      const gone = new AbortController()
      const judge = (content: Buffer): Promise<string> =>
        judgeBuild({ ...parts, signal: gone.signal }, content)
      async function* gated(): AsyncGenerator<Buffer> {
        try {
          yield* gateContext(await plain(source), { dockerfile, hiddenName, judge })
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

/** The engine is to see the one Dockerfile, by the one builder, and to fetch nothing. */
function queryFor(query: Operation['target']['query'], hiddenName: string): typeof query {
  const kept = query.filter(([name]) => name !== 'pull')
  return withValue(withValue(kept, 'version', '1'), 'dockerfile', hiddenName)
}

function reasonOf(engine: Engine, error: unknown, source: Readable): Failure | Deny | undefined {
  if (error instanceof ContextRefused) return error.cause
  if (error instanceof GatewayError) return error.failure
  // The client broke off, and there is nobody to tell.
  return source.errored === null ? engineFailure(engine, error) : undefined
}

/** The archive without its compression: the engine knows more kinds, each with readings of its own. */
async function plain(source: Readable): Promise<AsyncIterable<Buffer>> {
  const chunks = source.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>
  const first = await chunks.next()
  async function* whole(): AsyncGenerator<Buffer> {
    if (first.done === true) return
    yield first.value
    yield* chunks
  }
  const start: Buffer = first.done === true ? Buffer.alloc(0) : first.value
  if (start[0] !== 0x1f || start[1] !== 0x8b) return whole()
  const gunzip = createGunzip()
  const input = Readable.from(whole())
  input.once('error', (error) => gunzip.destroy(error))
  gunzip.once('close', () => input.destroy())
  input.pipe(gunzip)
  return unzipped(gunzip)
}

async function* unzipped(gunzip: Readable): AsyncGenerator<Buffer> {
  try {
    yield* gunzip as AsyncIterable<Buffer>
  } catch (error) {
    const isCorrupt =
      error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
    if (!isCorrupt) throw error
    throw new ContextRefused(failure('bad-body', 'the build context is no whole gzip stream'))
  }
}
