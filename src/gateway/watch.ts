// Sees that files changed by looking at them several times a second. inotify would miss what changes
// here in practice: folders that are renamed into place, links that are turned (Swarm, Kubernetes),
// files on network file systems. Six looks cost some fifty microseconds.
import { statSync, type BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'

/** Two looks that see the same, and less than a second from a revocation to its effect. */
const lookMs = 150

export interface Watch {
  /** From now on `changed` is called, also for what changed since the watch was made. */
  start(changed: () => void): void
  close(): void
}

/**
 * A change counts once the files have stood still for one look, so that none is read while an editor
 * writes it.
 */
export function watchFiles(paths: readonly string[]): Watch {
  let known = paths.map((path) => describe(() => statSync(path, { bigint: true }))).join('\n')
  let seen: string | undefined
  let closed = false
  let timer: NodeJS.Timeout | undefined

  async function look(changed: () => void): Promise<void> {
    const now = (await Promise.all(paths.map(signature))).join('\n')
    if (closed) return
    if (now === known) seen = undefined
    else if (now === seen) {
      known = now
      seen = undefined
      changed()
    } else seen = now
  }

  function again(changed: () => void): void {
    if (closed) return
    timer = setTimeout(() => void look(changed).finally(() => again(changed)), lookMs)
    timer.unref()
  }
  return {
    start: again,
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

/** Differs whenever the file was written, replaced or removed. */
function describe(look: () => BigIntStats): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = look()
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  }
}

async function signature(path: string): Promise<string> {
  try {
    const found = await stat(path, { bigint: true })
    return describe(() => found)
  } catch (error) {
    return describe(() => {
      throw error
    })
  }
}
