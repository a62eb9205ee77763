// Where the paths on the engine's host lead that a request would mount, as far as this process sees the
// same files: what it cannot see, the policy refuses.
import { realpath } from 'node:fs/promises'
import type { Operation } from '../docker/operation.ts'
import { hostPathsOf } from '../policy/limits/mounts.ts'

const none: ReadonlyMap<string, string> = new Map()

export async function resolveHostPaths(operation: Operation): Promise<ReadonlyMap<string, string>> {
  const asked = new Set(
    operation.demands.flatMap(({ say, value }) =>
      say === 'binds' || say === 'mounts' ? hostPathsOf(value, say) : [],
    ),
  )
  if (asked.size === 0) return none
  const found = new Map<string, string>()
  await Promise.all(
    [...asked].map(async (path) => {
      try {
        found.set(path, await realpath(path))
      } catch {
        // Not there, or not to be seen from here: it stays unknown.
      }
    }),
  )
  return found
}
