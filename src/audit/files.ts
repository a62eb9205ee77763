// The files of one log: the one that is written, `audit.log`, and those it was rotated to, each named for
// the day of its first record: `audit-2026-11-24-001.log`.
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { hashLine, parseLine, type Line, type Position } from './line.ts'

export interface RotatedFile {
  readonly path: string
  readonly day: string
  readonly number: number
}

/** Oldest first. */
export function rotatedFiles(logPath: string): readonly RotatedFile[] {
  const stem = stemOf(logPath)
  const folder = dirname(logPath)
  return readdirSync(folder)
    .flatMap((name) => {
      const match = /^(.*)-(\d{4}-\d\d-\d\d)-(\d{3,6})\.log$/.exec(name)
      if (match?.[1] !== stem) return []
      return [{ path: join(folder, name), day: match[2] ?? '', number: Number(match[3]) }]
    })
    .toSorted((a, b) => (a.day === b.day ? a.number - b.number : a.day < b.day ? -1 : 1))
}

/** The name that nothing has yet for a file that was begun on `day`. */
export function nextRotatedPath(logPath: string, day: string): string {
  const numbers = rotatedFiles(logPath).flatMap((file) => (file.day === day ? [file.number] : []))
  const number = String(Math.max(0, ...numbers) + 1).padStart(3, '0')
  return join(dirname(logPath), `${stemOf(logPath)}-${day}-${number}.log`)
}

function stemOf(logPath: string): string {
  return basename(logPath).replace(/\.log$/, '')
}

/** How a file ends. */
export interface Ending {
  /** Bytes of its whole lines. */
  readonly wholeBytes: number
  /** What stands after the last newline: a record that was being written when the power went. */
  readonly torn: Buffer
  /** The last whole line; undefined where there is none. */
  readonly last: { readonly line: Line | undefined; readonly hash: string } | undefined
}

/** Nothing that this program writes comes near it. */
export const longestLine = 1 << 20

export function readEnding(path: string): Ending {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    for (let span = 65_536; ; span *= 8) {
      const from = Math.max(0, size - span)
      const bytes = readSpan(file, from, size - from)
      const end = bytes.lastIndexOf(0x0a)
      const before = end < 1 ? -1 : bytes.lastIndexOf(0x0a, end - 1)
      if (from > 0 && before === -1 && span < 2 * longestLine) continue
      const torn = bytes.subarray(end + 1)
      // What is torn is cut off: never a whole file because of one byte at its end.
      if (end === -1 && from > 0) throw new Error(`the end of ${path} is no line of a log`)
      if (end === -1) return { wholeBytes: 0, torn, last: undefined }
      const line = bytes.subarray(before + 1, end)
      const last = { line: parseLine(line), hash: hashLine(line) }
      return { wholeBytes: from + end + 1, torn, last }
    }
  } finally {
    closeSync(file)
  }
}

/** The lines of its last bytes, without what of a line these begin with. */
export function readTail(path: string, most: number): readonly Buffer[] {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const from = Math.max(0, size - most)
    const bytes = readSpan(file, from, size - from)
    const lines: Buffer[] = []
    let begin = from === 0 ? 0 : bytes.indexOf(0x0a) + 1
    for (let end; (end = bytes.indexOf(0x0a, begin)) !== -1; begin = end + 1) {
      lines.push(bytes.subarray(begin, end))
    }
    return lines
  } finally {
    closeSync(file)
  }
}

function readSpan(file: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const read = readSync(file, bytes, done, length - done, from + done)
    if (read === 0) break
    done += read
  }
  return bytes.subarray(0, done)
}

/** The first line of a file, if this program wrote it. */
export function readFirst(path: string): Line | undefined {
  const file = openSync(path, 'r')
  try {
    const bytes = readSpan(file, 0, Math.min(65_536, fstatSync(file).size))
    const end = bytes.indexOf(0x0a)
    return end === -1 ? undefined : parseLine(bytes.subarray(0, end))
  } finally {
    closeSync(file)
  }
}

export function positionOf({ last }: Ending): Position | undefined {
  return last?.line === undefined ? undefined : { seq: last.line.seq, hash: last.hash }
}

/** All that there are, oldest first. */
export function logFiles(logPath: string): readonly string[] {
  const rotated = rotatedFiles(logPath).map(({ path }) => path)
  return existsSync(logPath) ? [...rotated, logPath] : rotated
}
