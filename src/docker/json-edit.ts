// Edits JSON by the character: values found by their path are replaced or left out, and every other
// byte stays what it was, numbers, escapes and order included. Pure.
import type { Json } from './operation.ts'
import type { ByteText } from './json-units.ts'

/** Keys and positions from the root down. */
export type JsonPath = readonly (string | number)[]

export interface Found {
  readonly kind: 'object' | 'array' | 'string' | 'other'
  /** The value as it stands there. */
  raw(): ByteText
  json(): Json
}

export type Verdict =
  /** Judge what is inside of it. */
  | 'inside'
  /** It stays, whatever is inside. */
  | 'stay'
  /** The member or element goes; the root cannot. */
  | 'leave-out'
  | { readonly put: ByteText }

export type JudgeValue = (path: JsonPath, found: Found) => Verdict

/** Deeper than any answer of the engine, and far from the end of the stack. */
const maxDepth = 256

/** Throws where the text is not JSON as far as it was read. */
export function editJson(text: ByteText, judge: JudgeValue): ByteText {
  const done: string[] = []
  const path: (string | number)[] = []
  let from = 0
  let at = 0

  const cut = (start: number, end: number, put = ''): void => {
    if (start === end && put === '') return
    done.push(text.slice(from, start), put)
    from = end
  }

  function value(verdict: Verdict, start: number): void {
    if (verdict === 'inside') {
      const open = text[start]
      if (open === '{' || open === '[') inside(open)
      else at = endOfValue(text, start)
      return
    }
    at = endOfValue(text, start)
    if (typeof verdict === 'object') cut(start, at, verdict.put)
    else if (verdict === 'leave-out') cut(start, at)
  }

  function inside(open: '{' | '['): void {
    if (path.length >= maxDepth) throw malformed(at)
    const close = open === '{' ? '}' : ']'
    at++
    let previousEnd = at
    let anyKept = false
    at = skipSpace(text, at)
    if (text[at] === close) {
      at++
      return
    }
    for (let index = 0; ; index++) {
      const entry = at
      if (open === '[') path.push(index)
      else {
        const keyEnd = endOfString(text, at)
        path.push(decodeString(text.slice(at, keyEnd)))
        at = skipSpace(text, keyEnd)
        if (text[at] !== ':') throw malformed(at)
        at = skipSpace(text, at + 1)
      }
      const start = at
      const verdict = judge(path, foundAt(text, start))
      const leavesOut = verdict === 'leave-out'
      // A separator goes with what it separates: the one before, or where nothing is kept before, too.
      if (index > 0 && (leavesOut || !anyKept)) cut(previousEnd, entry)
      if (leavesOut) {
        at = endOfValue(text, start)
        cut(entry, at)
      } else {
        value(verdict, start)
        anyKept = true
      }
      path.pop()
      previousEnd = at
      at = skipSpace(text, at)
      const next = text[at]
      at++
      if (next === close) return
      if (next !== ',') throw malformed(at)
      at = skipSpace(text, at)
    }
  }

  at = skipSpace(text, 0)
  value(judge(path, foundAt(text, at)), at)
  if (skipSpace(text, at) !== text.length) throw malformed(at)
  if (done.length === 0) return text
  done.push(text.slice(from))
  return done.join('')
}

function foundAt(text: ByteText, start: number): Found {
  const first = text[start]
  const raw = (): ByteText => text.slice(start, endOfValue(text, start))
  return {
    kind:
      first === '{'
        ? 'object'
        : first === '['
          ? 'array'
          : first === '"'
            ? 'string'
            : ('other' as const),
    raw,
    json: () => parseBytes(raw()),
  }
}

/** The value that such a text stands for. */
export function parseBytes(text: ByteText): Json {
  return JSON.parse(Buffer.from(text, 'latin1').toString('utf8')) as Json
}

/** The string that a value is, or the empty one. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** A value as it is written between untouched bytes. */
export function writeBytes(value: Json): ByteText {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('latin1')
}

function decodeString(token: ByteText): string {
  // Plain ASCII without an escape, which nearly all keys are, stands for itself.
  return /^"[ -[\]-~]*"$/.test(token) ? token.slice(1, -1) : textOf(parseBytes(token))
}

function skipSpace(text: ByteText, at: number): number {
  let next = at
  for (;;) {
    const code = text.charCodeAt(next)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return next
    next++
  }
}

function endOfValue(text: ByteText, start: number): number {
  const first = text[start]
  if (first === '"') return endOfString(text, start)
  if (first !== '{' && first !== '[') {
    const word = /(?:-?[0-9][-+.0-9eE]*|true|false|null)/y
    word.lastIndex = start
    if (!word.test(text)) throw malformed(start)
    return word.lastIndex
  }
  const mark = /["[\]{}]/g
  mark.lastIndex = start
  let depth = 0
  for (let found = mark.exec(text); found !== null; found = mark.exec(text)) {
    const [char] = found
    if (char === '"') mark.lastIndex = endOfString(text, found.index)
    else if (char === '{' || char === '[') depth++
    else if (--depth === 0) return mark.lastIndex
  }
  throw malformed(text.length)
}

function endOfString(text: ByteText, start: number): number {
  if (text[start] !== '"') throw malformed(start)
  for (let from = start + 1; ;) {
    const quote = text.indexOf('"', from)
    if (quote === -1) throw malformed(text.length)
    let slashes = 0
    while (text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return quote + 1
    from = quote + 1
  }
}

function malformed(at: number): Error {
  return new Error(`the answer is not the JSON that it should be, at byte ${at}`)
}
