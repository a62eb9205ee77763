// What has no id that could stand for it is held by its name while something is made of it, mounted or
// removed, until the engine has answered: by the time that it is asked, the name might be another's. Of
// volumes, and of networks that are yet to be, in turns; of images, whose makers take long, by claims.
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import { failure, type Failure } from '../errors.ts'
import { taken } from '../policy/stranger.ts'
import type { Claimant, ClaimNames } from './claims.ts'
import type { Engine } from './engine.ts'
import { lookUp } from './resolve.ts'
import type { TakeTurns } from './turns.ts'

/** Waits for the names whose turns must be had before they are looked up, and gives what ends them. */
export async function takeNames(
  take: TakeTurns,
  { endpoint, references }: Operation,
): Promise<(() => void) | undefined> {
  if (!endpoint.changes) return undefined
  // A network is spoken of by its id once it is there.
  const names = references
    .filter(({ kind, wants }) => kind === 'volume' || (kind === 'network' && wants === 'make'))
    .map(({ kind, name }) => `${kind} ${name}`)
  return names.length === 0 ? undefined : take(names)
}

export interface Claiming {
  readonly operation: Operation
  /** Whose the image will be. */
  readonly who: string
  /** Whether they may give this name although this thing has it. */
  readonly mayTake: (reference: Reference, thing: Thing) => boolean
}

/**
 * Claims the names that images will get, after it was judged that they are free: else whoever asks for
 * another's image would keep its owner from it. What came between is seen by looking once more.
 */
export async function claimNames(
  engine: Engine,
  claim: ClaimNames,
  { operation, who, mayTake }: Claiming,
): Promise<Failure | (() => void) | undefined> {
  const given = operation.references.filter(
    ({ kind, wants }) => kind === 'image' && wants === 'make',
  )
  const [first] = given
  if (!operation.endpoint.changes || first === undefined) return undefined
  const claimant: Claimant = { who, pulls: operation.permission === 'image.pull' }
  const giveBack = await claim(
    given.map(({ name }) => name),
    claimant,
  )
  if (giveBack === undefined) return failure('name-taken', taken(first))
  try {
    for (const reference of given) {
      const now = await lookUp(engine, 'image', reference.name)
      if (now === undefined || mayTake(reference, now)) continue
      giveBack()
      return failure('name-taken', taken(reference))
    }
    return giveBack
  } catch (error) {
    giveBack()
    throw error
  }
}
