// The head: a small file beside the log that says which record is the last, so that an end cut off is
// noticed before a checkpoint has signed it. It is written over in place after each record.
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import type { Position } from './line.ts'

/** `audit.log` → `audit.head` */
export function headPathOf(logPath: string): string {
  return `${logPath.replace(/\.log$/, '')}.head`
}

export interface Head {
  write(last: Position): void
  close(): void
}

export function openHead(path: string): Head {
  // Not for appending: there, Linux would ignore the position.
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  return {
    // Of one length always, and within a disk block: written over, never torn by a kill.
    write: ({ seq, hash }) =>
      void writeSync(file, `${String(seq).padStart(16, '0')} ${hash}\n`, 0, 'latin1'),
    close: () => closeSync(file),
  }
}

/** Undefined where there is none; `'unreadable'` for what `openHead` did not write. */
export function readHead(path: string): Position | 'unreadable' | undefined {
  let text: string
  try {
    text = readFileSync(path, 'latin1')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  const match = /^(\d{16}) ([0-9a-f]{64})\n$/.exec(text)
  if (match === null) return text === '' ? undefined : 'unreadable'
  return { seq: Number(match[1]), hash: match[2] ?? '' }
}
