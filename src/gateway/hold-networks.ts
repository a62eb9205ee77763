// A container that has never run knows the networks that it is to join by their names alone, and the engine
// looks them up when it is started: by then the name may be another's network. So it is looked up before,
// in a turn of the name, in which nobody makes a network of that name until the engine has answered.
import { ownNetworks } from '../docker/body-references.ts'
import { isObject } from '../docker/json.ts'
import type { Json, Operation, Reference, Thing } from '../docker/operation.ts'
import { failure, type Failure } from '../errors.ts'
import { notFound } from '../policy/ownership.ts'
import type { Engine } from './engine.ts'
import { lookUp } from './resolve.ts'
import type { TakeTurns } from './turns.ts'

const starts: ReadonlySet<string> = new Set(['ContainerStart', 'ContainerRestart'])

/** The failure, or what ends the turns; undefined where no network is at stake. */
export async function holdNetworks(
  engine: Engine,
  take: TakeTurns,
  { endpoint, references }: Operation,
  things: ReadonlyMap<Reference, Thing | undefined>,
  mayJoin: (network: Thing) => boolean,
): Promise<Failure | (() => void) | undefined> {
  if (!starts.has(endpoint.id)) return undefined
  const target = references.find(({ wants }) => wants === 'target')
  const container = target && things.get(target)
  if (container === undefined) return undefined
  const names = (await networksOf(engine, container.id)).filter((name) => !ownNetworks.has(name))
  if (names.length === 0) return undefined
  const leave = await take(names.map((name) => `network ${name}`))
  try {
    for (const name of names) {
      const network = await lookUp(engine, 'network', name)
      if (network === undefined || mayJoin(network)) continue
      leave()
      return failure('not-found', notFound('network', name))
    }
    return leave
  } catch (error) {
    leave()
    throw error
  }
}

async function networksOf(engine: Engine, id: string): Promise<readonly string[]> {
  const { value } = await engine.ask(`/containers/${id}/json`)
  const settings = isObject(value as Json) ? (value as { NetworkSettings?: Json }) : {}
  const { NetworkSettings: all = null } = settings
  const networks = isObject(all) ? (all['Networks'] ?? null) : null
  return isObject(networks) ? Object.keys(networks) : []
}
