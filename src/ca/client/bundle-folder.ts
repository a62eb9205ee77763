// A bundle on the client's machine: read, and replaced so that a crash at any point leaves the old or
// the new one, never a key beside the certificate of another. What is new is staged inside the folder,
// one rename decides, and whoever comes next finishes the moves.
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { CaError } from '../ca-error.ts'
import { makeFolder, syncFolder, syncTree, writeNew } from '../durable.ts'
import { explained } from '../store.ts'
import { withLock } from '../store-lock.ts'

export interface Bundle {
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Where it was made and is renewed. */
  readonly url: string | undefined
}

type Files = ReadonlyMap<string, string | Uint8Array>

const decided = '.renewed'
const stagingPrefix = '.renewing-'
const waitMs = 60_000

/** Holds the bundle for as long as `act` takes, with whatever a crash left undone finished first. */
export async function withBundle<T>(folder: string, act: () => Promise<T>): Promise<T> {
  if (!existsSync(join(folder, 'cert.pem')) && !existsSync(join(folder, decided))) {
    throw new CaError('missing', `there is no bundle in "${folder}"`, {
      hint: 'name its folder, the one with cert.pem and key.pem',
    })
  }
  try {
    return await withLock(folder, waitMs, async () => {
      settle(folder)
      return act()
    })
  } catch (error) {
    throw explained(error, folder)
  }
}

export function readBundle(folder: string): Bundle {
  const read = (name: string): string => {
    try {
      return readFileSync(join(folder, name), 'utf8')
    } catch (cause) {
      throw new CaError('missing', `"${join(folder, name)}" cannot be read`, { cause })
    }
  }
  const url = existsSync(join(folder, 'url')) ? read('url').trim() : undefined
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem'), url }
}

/** INVARIANT: inside `withBundle`. */
export function replaceFiles(folder: string, files: Files): void {
  const aside = join(folder, `${stagingPrefix}${randomBytes(8).toString('hex')}`)
  makeFolder(aside)
  try {
    for (const [name, content] of files) writeNew(join(aside, name), content)
    syncTree(aside)
    renameSync(aside, join(folder, decided))
  } catch (error) {
    rmSync(aside, { recursive: true, force: true })
    throw error
  }
  syncFolder(folder)
  settle(folder)
}

function settle(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(stagingPrefix)) rmSync(join(folder, name), { recursive: true, force: true })
  }
  const ready = join(folder, decided)
  if (!existsSync(ready)) return
  // The key and its certificate one right after the other.
  for (const name of readdirSync(ready).toSorted(pairLast)) {
    renameSync(join(ready, name), join(folder, name))
  }
  rmdirSync(ready)
  syncFolder(folder)
}

function pairLast(one: string, other: string): number {
  return rank(one) - rank(other)
}

function rank(name: string): number {
  return name === 'key.pem' ? 1 : name === 'cert.pem' ? 2 : 0
}
