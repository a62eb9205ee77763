// JSON with one reading. JSON.parse does the parsing; what it lets pass and Go would read otherwise is
// refused before or after it: duplicate keys (Go merges them), lone surrogates (Go folds them into
// U+FFFD), bytes that are no UTF-8, numbers that a double does not hold, depths that exhaust a stack.
import { failure, type Failure } from '../errors.ts'
import type { Json, JsonObject } from './operation.ts'
import { printable } from './printable.ts'

const maxDepth = 64

/** One JSON value and nothing beside it but white space. */
export function readJson(bytes: Uint8Array): { readonly value: Json } | Failure {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return refuse('it is not UTF-8')
  }
  const keys = scan(text)
  if (typeof keys === 'object') return keys
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    return refuse('it is not one JSON value', String(error))
  }
  if (countKeys(value) !== keys) {
    return refuse(`the key ${printable(duplicateIn(text) ?? '')} stands twice in one object`)
  }
  if (text.includes('\\u') && surrogateEscape.test(text) && !isWellFormed(value)) {
    return refuse('it holds half of a surrogate pair')
  }
  return { value }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// A byte order mark is no white space: JSON.parse refuses it, as the engine does.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const surrogateEscape = /\\u[dD][89a-fA-F]/
// With the u flag a pair is one code point, so that only a half is left to match.
const loneSurrogate = /\p{Surrogate}/u

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const minus = 0x2d

/** Counts the keys, and refuses what must not even be parsed. */
function scan(text: string): number | Failure {
  let keys = 0
  let depth = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === quote) {
      index = endOfString(text, index)
    } else if (code === colon) {
      keys++
    } else if (code === comma) {
      continue
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) return refuse(`it nests deeper than ${maxDepth}`)
    } else if (code === 0x7d || code === 0x5d) {
      depth--
    } else if (code === minus || isDigit(code)) {
      let end = index + 1
      while (isDigit(text.charCodeAt(end))) end++
      if (end - index > mostDigits || isInNumber(text.charCodeAt(end))) {
        while (isInNumber(text.charCodeAt(end))) end++
        if (!isHeld(text, index, end)) {
          const shown = text.slice(index, Math.min(end, index + 40))
          return refuse(`a number in it is too large: ${shown}`)
        }
      }
      index = end - 1
    }
  }
  return keys
}

/** Where its closing quote stands. */
function endOfString(text: string, start: number): number {
  for (let from = start + 1; ;) {
    const end = text.indexOf('"', from)
    if (end === -1) return text.length
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return end
    from = end + 1
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** Digits, and what else may stand in a number: + - . E e */
function isInNumber(code: number): boolean {
  return isDigit(code) || code === 0x2b || code === minus || code === 0x2e || (code | 0x20) === 0x65
}

/** Every whole number of so many is held. */
const mostDigits = 15
/** No number that the engine reads has more; ten thousand digits would be a list of arguments. */
const longestNumber = 64

/** Whether a double holds the number as it is written. */
function isHeld(text: string, start: number, end: number): boolean {
  if (end - start > longestNumber) return false
  const value = Number(text.slice(start, end))
  if (Number.isNaN(value)) return true // JSON.parse will say so
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
}

/** What JSON.parse makes inherits nothing enumerable; if it did, the count would not be that of the text. */
function countKeys(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) {
      if (typeof item === 'object' && item !== null) count += countKeys(item)
    }
    return count
  }
  const object = value as JsonObject
  for (const key in object) {
    count++
    const item = object[key]
    if (typeof item === 'object' && item !== null) count += countKeys(item)
  }
  return count
}

function isWellFormed(value: Json): boolean {
  if (typeof value === 'string') return !loneSurrogate.test(value)
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every((item) => isWellFormed(item))
  return Object.entries(value).every(
    ([key, item]) => !loneSurrogate.test(key) && isWellFormed(item),
  )
}

/** Names the culprit, for a text that JSON.parse has taken. */
function duplicateIn(text: string): string | undefined {
  const open: Set<string>[] = []
  const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    if (token[0] === '{') open.push(new Set())
    else if (token[0] === '}') open.pop()
    else if (token[1] !== undefined) {
      const key = JSON.parse(token[0].slice(0, -token[1].length)) as string
      const keys = open.at(-1)
      if (keys?.has(key) === true) return key
      keys?.add(key)
    }
  }
  return undefined
}

function refuse(why: string, detail?: string): Failure {
  return failure('bad-body', `the request body cannot be read: ${why}`, detail)
}
