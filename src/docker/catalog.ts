// Every operation of the Docker API from 1.24 up, one row each, and the permissions they need.
// Two rows share a permission only where whoever has the one loses nothing by the other.
import { failure, type Failure } from '../errors.ts'
import { containers } from './catalog-containers.ts'
import { images } from './catalog-images.ts'
import { secretsAndConfigs, services, swarm } from './catalog-swarm.ts'
import { ownEndpoints } from './catalog-own.ts'
import { networks, plugins, system, volumes } from './catalog-system.ts'
import { firstValue } from './query.ts'
import type { Endpoint, QueryPairs } from './operation.ts'

export const catalog: readonly Endpoint[] = Object.freeze([
  ...system,
  ...containers,
  ...images,
  ...networks,
  ...volumes,
  ...plugins,
  ...swarm,
  ...services,
  ...secretsAndConfigs,
])

const imagePull = 'image.pull'
const imageImport = 'image.import'

export const permissions: ReadonlySet<string> = new Set([
  ...catalog.map((endpoint) => endpoint.permission),
  ...ownEndpoints.map((endpoint) => endpoint.permission),
  imageImport,
])

/** The permission that this request needs: its row's, or on the one route that does two things, which. */
export function permissionOf(endpoint: Endpoint, query: QueryPairs): string | Failure {
  if (endpoint.id !== 'ImageCreate') return endpoint.permission
  const pulls = Boolean(firstValue(query, 'fromImage'))
  const imports = Boolean(firstValue(query, 'fromSrc'))
  if (pulls === imports) {
    return failure(
      'bad-query',
      pulls
        ? 'fromImage and fromSrc together may be read as a pull or as an import; hint: send one'
        : 'neither fromImage nor fromSrc says what to create; hint: send one',
    )
  }
  return pulls ? imagePull : imageImport
}
