// New files and folders that are private from the first byte on, and durable before anything is
// renamed to them.
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** Writes a new private file and makes it durable; fails if it is there already. */
export function writeNew(path: string, text: string | Uint8Array): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    const bytes = Buffer.from(text)
    let written = 0
    while (written < bytes.length) written += writeSync(file, bytes, written)
    fsyncSync(file)
  } catch (error) {
    // The bytes must not outlive the failure, even where the file cannot be removed.
    ftruncateSync(file)
    throw error
  } finally {
    closeSync(file)
  }
}

export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

/** Makes the names in a folder durable, after something was created or renamed in it. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** Every folder at or below `path` made durable, the deepest first. */
export function syncTree(path: string): void {
  if (!statSync(path).isDirectory()) return
  for (const name of readdirSync(path)) syncTree(join(path, name))
  syncFolder(path)
}
