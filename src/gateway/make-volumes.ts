// Volumes that a container would bring into being by naming them: made first and with their owner's
// labels, so that they belong to somebody, and so that nobody else's can come between.
import { isObject } from '../docker/json.ts'
import type { Json, JsonObject, Operation, Reference, Thing } from '../docker/operation.ts'
import { failure, type Failure } from '../errors.ts'
import { notFound } from '../policy/ownership.ts'
import type { Engine } from './engine.ts'

/** The failure, or undefined when every volume that the operation names is there and theirs. */
export async function makeVolumes(
  engine: Engine,
  operation: Operation,
  things: ReadonlyMap<Reference, Thing | undefined>,
  isTheirs: (thing: Thing) => boolean,
  /** Names of labels that it has from its container. */
  inherited: Iterable<string> = [],
): Promise<Failure | undefined> {
  const { body } = operation
  if (body === undefined || operation.endpoint.id !== 'ContainerCreate') return undefined
  for (const reference of operation.references) {
    if (reference.kind !== 'volume' || things.get(reference) !== undefined) continue
    if (reference.place.in !== 'body') continue
    const made = await engine.make('/volumes/create', {
      Name: reference.name,
      ...settingsOf(body, reference.place.at, new Set(inherited)),
    })
    const value = isObject(made.value as Json) ? (made.value as JsonObject) : {}
    if (made.status !== 201) {
      return failure(
        'engine-refused',
        JSON.stringify(value['message'] ?? 'no volume was made'),
        `status ${made.status}`,
      )
    }
    const labels = (value['Labels'] ?? {}) as Readonly<Record<string, string>>
    const thing: Thing = { kind: 'volume', id: reference.name, name: reference.name, labels }
    if (!isTheirs(thing)) return failure('not-found', notFound('volume', reference.name))
  }
  return undefined
}

/** Driver and labels as the container's own body has them, filled in as it is sent. */
function settingsOf(
  body: JsonObject,
  place: readonly (string | number)[],
  inherited: ReadonlySet<string>,
): JsonObject {
  const [, list, index] = place
  const host = body['HostConfig']
  const labels = isObject(body['Labels']) ? lentBy(body['Labels'], inherited) : {}
  if (!isObject(host)) return { Labels: labels }
  if (list === 'Binds') return { Driver: host['VolumeDriver'] || 'local', Labels: labels }
  const mounts = host['Mounts']
  const mount = Array.isArray(mounts) ? (mounts[Number(index)] as Json) : undefined
  const options = isObject(mount) ? mount['VolumeOptions'] : undefined
  if (!isObject(options)) return { Labels: labels }
  const driver = isObject(options['DriverConfig']) ? options['DriverConfig']['Name'] : undefined
  return { Driver: driver || 'local', Labels: options['Labels'] ?? labels }
}

function lentBy(labels: JsonObject, inherited: ReadonlySet<string>): JsonObject {
  const entries = Object.entries(labels)
  return Object.fromEntries(
    entries.filter(([name]) => name.startsWith('dockgate.') || inherited.has(name)),
  )
}
