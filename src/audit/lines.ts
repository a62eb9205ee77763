// A log file line by line, as exact bytes, without ever holding more than a line of it.
import { createReadStream } from 'node:fs'
import { longestLine } from './files.ts'

export interface RawLine {
  /** From 1. */
  readonly number: number
  readonly bytes: Buffer
  /** False for what stands after the last newline. */
  readonly whole: boolean
  /** Where the next line begins. */
  readonly end: number
}

export async function* readLines(path: string, from = 0): AsyncGenerator<RawLine> {
  let number = 0
  let end = from
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { start: from, highWaterMark: 1 << 18 })) {
    const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    let begin = 0
    for (let newline; (newline = bytes.indexOf(0x0a, begin)) !== -1; begin = newline + 1) {
      end += newline + 1 - begin
      number += 1
      yield { number, bytes: bytes.subarray(begin, newline), whole: true, end }
    }
    rest = bytes.subarray(begin)
    // A file without newlines is no log: it comes in pieces that nobody can read.
    if (rest.length > longestLine) {
      end += rest.length
      number += 1
      yield { number, bytes: rest, whole: true, end }
      rest = Buffer.alloc(0)
    }
  }
  if (rest.length > 0) {
    yield { number: number + 1, bytes: rest, whole: false, end: end + rest.length }
  }
}
