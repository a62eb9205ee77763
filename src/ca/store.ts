// The folder of the authority, and how it changes: everything new is staged aside, then one rename of
// `index.json` makes the change, and only then do the staged things move to their places. A crash
// before that rename leaves nothing that counts; after it, the next writer finishes the moves.
import { existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { CaError } from './ca-error.ts'
import { formatIndex, parseIndex } from './store-index.ts'
import type { StoreIndex } from './store-index.ts'
import { withLock } from './store-lock.ts'
import { makeFolder, syncFolder, syncTree, writeNew } from './durable.ts'

const waitMs = 30_000
const stagingPrefix = '.staged-'

type Content = string | Uint8Array

/** What comes to which place in the store: a file, or a folder of files that arrives as one. */
export type Change = ReadonlyMap<string, Content | ReadonlyMap<string, Content>>

/** A reader needs no lock, since the index is replaced whole. Undefined before `ca init`. */
export function readIndex(folder: string): StoreIndex | undefined {
  const path = join(folder, 'index.json')
  return existsSync(path) ? parseIndex(readFileSync(path, 'utf8')) : undefined
}

export function requireIndex(folder: string): StoreIndex {
  const index = readIndex(folder)
  if (index === undefined) {
    throw new CaError('missing', `there is no CA in "${folder}"`, { hint: 'dockgate ca init' })
  }
  return index
}

export function readStored(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8')
  } catch (cause) {
    throw new CaError('damaged', `"${join(folder, name)}" cannot be read`, {
      cause,
      hint: 'restore the whole folder from a backup',
    })
  }
}

/** Holds the store, finishes what a crash left undone, and lets `act` read and commit. */
export async function withStore<T>(folder: string, act: () => T | Promise<T>): Promise<T> {
  try {
    return await withLock(folder, waitMs, () => {
      settle(folder, readIndex(folder))
      return act()
    })
  } catch (error) {
    throw explained(error, folder)
  }
}

/** Finishes what a crash left undone, if anything; for those who would not write otherwise. */
export async function settleStore(folder: string): Promise<void> {
  const { moves } = requireIndex(folder)
  if (moves.some(({ from }) => existsSync(join(folder, from)))) {
    await withStore(folder, () => undefined)
  }
}

/** Makes `index` the state of the store, with the files of `change`; INVARIANT: inside `withStore`. */
export function commit(folder: string, index: Omit<StoreIndex, 'moves'>, change: Change): void {
  // A name of its own each time: what an earlier index says to move is never found in a later staging.
  const staging = `${stagingPrefix}${randomBytes(8).toString('hex')}`
  const aside = join(folder, staging)
  let committed = false
  try {
    makeFolder(aside)
    for (const [place, content] of change) stage(join(aside, place), content)
    const moves = [...change.keys()].map((to) => ({ from: `${staging}/${to}`, to }))
    const next = { ...index, moves }
    writeNew(join(aside, 'index.json'), formatIndex(next))
    syncTree(aside)
    renameSync(join(aside, 'index.json'), join(folder, 'index.json'))
    committed = true
    syncFolder(folder)
    settle(folder, next)
  } finally {
    if (!committed) rmSync(aside, { recursive: true, force: true })
  }
}

function stage(path: string, content: Content | ReadonlyMap<string, Content>): void {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    makeFolder(dirname(path))
    writeNew(path, content)
  } else {
    for (const [file, inner] of content) stage(join(path, file), inner)
  }
}

function settle(folder: string, index: StoreIndex | undefined): void {
  for (const { from, to } of index?.moves ?? []) {
    if (!existsSync(join(folder, from))) continue
    const target = join(folder, to)
    makeFolder(dirname(target))
    // A folder cannot be renamed over a full one; the old one steps aside first.
    if (lstatSync(target, { throwIfNoEntry: false })?.isDirectory()) {
      renameSync(
        target,
        join(dirname(join(folder, from)), `.old-${randomBytes(8).toString('hex')}`),
      )
    }
    renameSync(join(folder, from), target)
    syncFolder(dirname(target))
  }
  for (const name of readdirSync(folder)) {
    if (name.startsWith(stagingPrefix)) rmSync(join(folder, name), { recursive: true, force: true })
  }
  syncFolder(folder)
}

const reasons: ReadonlyMap<unknown, string> = new Map([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EACCES', 'permission is denied'],
  ['EPERM', 'permission is denied'],
  ['EROFS', 'the file system is read-only'],
  ['ENOTDIR', 'a folder on the way is a file'],
])

/** The commonest failures of a disk in words. */
export function explained(error: unknown, folder: string): unknown {
  if (error instanceof CaError || !(error instanceof Error) || !('code' in error)) return error
  const reason = reasons.get(error.code)
  if (reason === undefined) return error
  return new CaError('not-written', `cannot write in "${folder}": ${reason}`, { cause: error })
}
