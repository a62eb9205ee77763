// One writer at a time in a store. Each process that wants it leaves a ticket, a file whose name says
// who it is; it holds the store when, after leaving its own, it sees no ticket of a living other.
// Whichever of two came second must see the first, so two never hold it. Names are never used twice,
// so clearing away the ticket of a dead process cannot take the store from a living one, which a
// single lock file could not promise. The kernel, not a clock, says who is dead.
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CaError } from './ca-error.ts'

const ticketName = /^\.lock-(\d+)-(\d+)-([\w]+)-[0-9a-f]+$/

// A process in another container cannot be asked whether it lives; nothing here takes this long.
const foreignLifetimeMs = 10 * 60_000

/** Runs `act` while no other process can write the store; waits up to `waitMs` for its turn. */
export async function withLock<T>(
  folder: string,
  waitMs: number,
  act: () => T | Promise<T>,
): Promise<T> {
  const ticket = await acquire(folder, waitMs)
  try {
    return await act()
  } finally {
    rmSync(ticket, { force: true })
  }
}

async function acquire(folder: string, waitMs: number): Promise<string> {
  const giveUpAt = performance.now() + waitMs
  for (let turn = 1; ; turn++) {
    const name = `.lock-${ownIdentity()}-${randomBytes(6).toString('hex')}`
    const ticket = join(folder, name)
    closeSync(openSync(ticket, 'wx', 0o600))
    const holder = otherLiving(folder, name)
    if (holder === undefined) return ticket
    rmSync(ticket)
    if (performance.now() > giveUpAt) {
      throw new CaError('locked', `another process (${holder.pid}) is writing this store`, {
        hint: `if it is surely gone, remove "${join(folder, holder.name)}"`,
      })
    }
    // Random, so that two who keep seeing each other's ticket part.
    await delay(2 + Math.random() * Math.min(10 * turn, 100))
  }
}

function otherLiving(folder: string, own: string): { name: string; pid: number } | undefined {
  for (const name of readdirSync(folder)) {
    const [, pid, start, space] = ticketName.exec(name) ?? []
    if (name === own || pid === undefined) continue
    const path = join(folder, name)
    if (space === pidSpace() ? startOf(Number(pid)) === start : isRecent(path)) {
      return { name, pid: Number(pid) }
    }
    rmSync(path, { force: true })
  }
  return undefined
}

function ownIdentity(): string {
  return `${process.pid}-${startOf(process.pid)}-${pidSpace()}`
}

/** When a process began, which tells it from a later one with its number; undefined when gone. */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // The command's name stands in parentheses and may hold anything, so count from the last one.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const [state] = fields
      return state === 'Z' || state === 'X' ? undefined : fields[19]
    } catch {
      return undefined
    }
  }
  try {
    process.kill(pid, 0)
    return '0'
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? '0' : undefined
  }
}

/** Names the processes that the kernel here can speak for: this boot, this pid namespace. */
function pidSpace(): string {
  if (process.platform !== 'linux') return 'host'
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)
  return `${boot}${readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')}`
}

function isRecent(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && Date.now() - found.mtimeMs < foreignLifetimeMs
}
