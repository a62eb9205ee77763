// The head: a small file beside the log that says which record is the last, so that an end cut off is
// noticed before a checkpoint has signed it. It is written over in place after each write of records; its
// second line says before a write of several how far that goes.
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import type { Position } from './line.ts'

/** `audit.log` → `audit.head` */
export function headPathOf(logPath: string): string {
  return `${logPath.replace(/\.log$/, '')}.head`
}

export interface Head {
  write(last: Position): void
  /** The log is about to go on to here. */
  foretell(last: Position): void
  close(): void
}

export function openHead(path: string): Head {
  // Not for appending: there, Linux would ignore the position.
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  return {
    // Of one length always, and within a disk block: written over, never torn by a kill.
    write: (last) => void writeSync(file, textOf(last), 0, 'latin1'),
    foretell: (last) => void writeSync(file, textOf(last), lineBytes, 'latin1'),
    close: () => closeSync(file),
  }
}

const lineBytes = 16 + 1 + 64 + 1

function textOf({ seq, hash }: Position): string {
  return `${String(seq).padStart(16, '0')} ${hash}\n`
}

/** What the head says is last, and what may follow it where a write of several was cut short. */
export interface HeadSays extends Position {
  readonly foretold: Position
}

/** Undefined where there is none; `'unreadable'` for what `openHead` did not write. */
export function readHead(path: string): HeadSays | 'unreadable' | undefined {
  let text: string
  try {
    text = readFileSync(path, 'latin1')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  if (text === '') return undefined
  const match = /^(\d{16}) ([0-9a-f]{64})\n(?:(\d{16}) ([0-9a-f]{64})\n)?$/.exec(text)
  if (match === null) return 'unreadable'
  const last = { seq: Number(match[1]), hash: match[2] ?? '' }
  const foretold = { seq: Number(match[3] ?? 0), hash: match[4] ?? '' }
  return { ...last, foretold: foretold.seq > last.seq ? foretold : last }
}
