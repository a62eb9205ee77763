// Where the paths on the engine's host lead that a request would mount, as far as this process sees the
// same files: what it cannot see, the policy refuses.
import { readFile, realpath } from 'node:fs/promises'
import type { Operation } from '../docker/operation.ts'
import { hostPathsOf } from '../policy/limits/mounts.ts'
import { sharedFolders } from './shared-folders.ts'

const none: ReadonlyMap<string, string> = new Map()
/** The image says so: most of what this process sees is not the host's. */
const contained = process.env['DOCKGATE_CONTAINED'] === 'yes'

export async function resolveHostPaths(operation: Operation): Promise<ReadonlyMap<string, string>> {
  const asked = new Set(
    operation.demands.flatMap(({ say, value }) =>
      say === 'binds' || say === 'mounts' ? hostPathsOf(value, say) : [],
    ),
  )
  if (asked.size === 0) return none
  const isSeen = contained ? sharedFolders(await readMounts()) : () => true
  const found = new Map<string, string>()
  await Promise.all(
    [...asked].map(async (path) => {
      try {
        const real = await realpath(path)
        if (isSeen(path) && isSeen(real)) found.set(path, real)
      } catch {
        // Not there, or not to be seen from here: it stays unknown.
      }
    }),
  )
  return found
}

/** Unreadable, it shows nothing to be the host's. */
function readMounts(): Promise<string> {
  return readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
}
