// A volume has no id that could stand for it, only a name, which may be another's by the time the engine
// is asked: removed and made anew by two who ask at once. So whoever makes, mounts or removes a volume
// does it in a turn of its name, in which it is looked up once more and held until the engine answered.
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import { failure, type Failure } from '../errors.ts'
import { notFound } from '../policy/ownership.ts'
import type { Engine } from './engine.ts'
import { lookUp } from './resolve.ts'
import type { TakeTurns } from './turns.ts'

/** The failure, or what ends the turn; undefined where no volume is at stake. */
export async function holdVolumes(
  engine: Engine,
  take: TakeTurns,
  { endpoint, references }: Operation,
  things: ReadonlyMap<Reference, Thing | undefined>,
  isTheirs: (thing: Thing) => boolean,
): Promise<Failure | (() => void) | undefined> {
  const volumes = references.filter(({ kind }) => kind === 'volume')
  if (!endpoint.changes || volumes.length === 0) return undefined
  const release = await take(volumes.map(({ name }) => name))
  try {
    for (const reference of volumes) {
      const changed = await changedSince(engine, reference, things.get(reference), isTheirs)
      if (changed === undefined) continue
      release()
      return changed
    }
    return release
  } catch (error) {
    release()
    throw error
  }
}

async function changedSince(
  engine: Engine,
  { name, wants }: Reference,
  judged: Thing | undefined,
  isTheirs: (thing: Thing) => boolean,
): Promise<Failure | undefined> {
  const now = await lookUp(engine, 'volume', name)
  if (now === undefined) {
    return judged === undefined ? undefined : failure('not-found', notFound('volume', name))
  }
  if (isTheirs(now) && (judged !== undefined || now.reachesHost !== true)) return undefined
  return wants === 'make' && judged === undefined
    ? failure('denied', `the name ${JSON.stringify(name)} is taken on this engine; choose another`)
    : failure('not-found', notFound('volume', name))
}
