// The head of the engine's answer, read strictly (RFC 9112): what has two readings is no answer. Pure.

/** How far the body goes: nowhere, so many bytes, to the last chunk, or until the engine closes. */
export type Framing = 'none' | 'length' | 'chunked' | 'close'

export interface AnswerHead {
  readonly status: number
  readonly reason: string
  /** Flat list `[name, value, …]` of all of them, as they came. */
  readonly headers: readonly string[]
  readonly framing: Framing
  /** What `Content-Length` says, also to HEAD, where no body comes. */
  readonly length: number | undefined
  /** The connection may be used again after this answer. */
  readonly persists: boolean
}

const statusLine = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const token = /^[!#$%&'*+\-.^`|~\w]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** `text` is what stands before the empty line; a string that comes back says what is wrong. */
export function readAnswerHead(text: string, method: string): AnswerHead | string {
  const lines = text.split('\r\n')
  const first = statusLine.exec(lines[0] ?? '')
  if (first === null) return 'its first line is no status line'
  const status = Number(first[2])
  const headers: string[] = []
  let length: string | undefined
  let coding: string | undefined
  let persists = first[1] === '1'
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index] ?? ''
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    // A folded line begins with a space, which is in no name.
    if (colon < 1 || !token.test(name) || !fieldValue.test(value)) return 'a header is malformed'
    headers.push(name, value)
    // Lengths of the names that matter, so that others cost no lower case.
    if (name.length !== 14 && name.length !== 17 && name.length !== 10) continue
    const lower = name.toLowerCase()
    if (lower === 'content-length') {
      if (length !== undefined) return 'it has two lengths'
      if (!/^[0-9]{1,15}$/.test(value)) return 'its length is no number'
      length = value
    } else if (lower === 'transfer-encoding') {
      if (coding !== undefined || value.toLowerCase() !== 'chunked') return 'its coding is unknown'
      coding = value
    } else if (lower === 'connection' && /(?:^|[\s,])close(?:$|[\s,])/i.test(value)) {
      persists = false
    }
  }
  if (length !== undefined && coding !== undefined) return 'it has a length and is chunked'
  const bodiless = method === 'HEAD' || status === 204 || status === 304 || status < 200
  const framing: Framing = bodiless
    ? 'none'
    : coding !== undefined
      ? 'chunked'
      : length === undefined
        ? 'close'
        : 'length'
  return {
    status,
    reason: first[3] ?? '',
    headers,
    framing,
    length: length === undefined ? undefined : Number(length),
    persists: persists && framing !== 'close',
  }
}
