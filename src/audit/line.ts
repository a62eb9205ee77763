// One record as one line of the log: JSON in ASCII but for printable text, with its number and the hash
// of the line before. The hash is of the line's exact bytes, so nothing can be changed unseen. Pure.
import { hash } from 'node:crypto'

export interface Position {
  /** Number of a record, from 1. */
  readonly seq: number
  /** SHA-256 of its line without the newline, lower-case hex. */
  readonly hash: string
}

/** Where a chain begins. */
export const origin: Position = Object.freeze({ seq: 0, hash: '0'.repeat(64) })

/** A line as it was read; `fields` are all of it. */
export interface Line {
  readonly seq: number
  readonly prev: string
  readonly time: string
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** The line that follows `last`, without its newline. */
export function formatLine(last: Position, time: string, event: string, fields: object): string {
  const rest = JSON.stringify(fields)
  const head = `{"seq":${last.seq + 1},"prev":"${last.hash}","time":"${time}","event":"${event}"`
  return rest === '{}' ? `${head}}` : `${head},${harmless(rest.slice(1))}`
}

/**
 * Escapes what is no printable text. JSON does so with the controls below space alone: DEL, C1 controls, line separators, and what turns or
 * hides text on a terminal could forge a line for whoever reads the log with something else.
 */
export function harmless(json: string): string {
  if (!/[^\x20-\x7e]/.test(json)) return json
  return json.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => {
    let escaped = ''
    for (let index = 0; index < char.length; index++) {
      escaped += `\\u${char.charCodeAt(index).toString(16).padStart(4, '0')}`
    }
    return escaped
  })
}

/** Of the bytes, or of the text as the bytes that it is written as. */
export function hashLine(line: Uint8Array | string): string {
  return hash('sha256', line, 'hex')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Undefined for what this program did not write so. */
export function parseLine(bytes: Uint8Array): Line | undefined {
  let fields: unknown
  try {
    fields = JSON.parse(utf8.decode(bytes))
  } catch {
    return undefined
  }
  if (typeof fields !== 'object' || fields === null) return undefined
  const { seq, prev, time, event } = fields as Record<string, unknown>
  const sound =
    Number.isSafeInteger(seq) &&
    (seq as number) > 0 &&
    typeof prev === 'string' &&
    /^[0-9a-f]{64}$/.test(prev) &&
    typeof time === 'string' &&
    typeof event === 'string'
  if (!sound) return undefined
  return { seq: seq as number, prev, time, event, fields: fields as Line['fields'] }
}
