// What an engine takes of the machine and must give back: processes, a network between it and the
// tests, cgroups, folders.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Field 22 of proc_pid_stat(5): with the id it names one process for all time since boot. */
export function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/**
 * A /30 of 198.18.0.0/15, which RFC 2544 keeps for tests of networks, that no interface here has. The
 * search begins at a place drawn from `digest`, so that engines that start together do not meet.
 */
export function freeNetwork(digest) {
  const { stdout } = spawnSync('ip', ['-oneline', 'address', 'show'], { encoding: 'utf8' })
  const first = Number.parseInt(digest, 16) % 32_768
  for (let index = first; index < first + 100; index += 1) {
    const base = (198 << 24) + (18 << 16) + (index % 32_768) * 4
    const address = (host) =>
      [24, 16, 8, 0].map((shift) => ((base + host) >>> shift) & 255).join('.')
    if (!stdout.includes(` ${address(1)}/`)) {
      return { hostInterface: `dg${index}`, hostAddress: address(1), innerAddress: address(2) }
    }
  }
  throw new Error('no free network for the test engine in 198.18.0.0/15')
}

export function removeInterface(name) {
  spawnSync('ip', ['link', 'del', name], { stdio: 'ignore' })
}

/** Removes the cgroups below `name`, which is one folder in each hierarchy of version 1. */
export async function removeCgroups(name) {
  const mount = '/sys/fs/cgroup'
  if (!existsSync(mount)) return
  const roots = [mount, ...readdirSync(mount).map((hierarchy) => join(mount, hierarchy))]
  for (const path of roots.map((root) => join(root, name))) {
    await until(() => !existsSync(path) || removeCgroup(path), 10_000, `${path} cannot be removed`)
  }
}

/** A cgroup is a folder whose files cannot be removed and vanish with it. */
function removeCgroup(path) {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(path, entry.name))
    }
    rmdirSync(path)
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EBUSY') throw error
  }
  return !existsSync(path)
}

/** The last process of a namespace may hold a mount for a moment after its first one is gone. */
export async function removeFolder(path) {
  const remove = () => {
    try {
      rmSync(path, { recursive: true, force: true })
      return true
    } catch (error) {
      if (error.code === 'EBUSY' || error.code === 'ENOTEMPTY') return false
      throw error
    }
  }
  await until(remove, 10_000, `${path} cannot be removed`)
}

export async function until(condition, withinMs, failure) {
  const end = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${failure} within ${withinMs / 1000} s`)
    await sleep(20)
  }
}
