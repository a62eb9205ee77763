// JSON with one reading. JSON.parse does the parsing; what it lets pass and Go would read otherwise is
// refused before or after it: duplicate keys (Go merges them), lone surrogates (Go folds them into
// U+FFFD), bytes that are no UTF-8, numbers that a double does not hold, depths that exhaust a stack.
import { failure, isFailure, type Failure } from '../errors.ts'
import type { Json, JsonObject } from './operation.ts'
import { printable } from './printable.ts'

const maxDepth = 64

/** One JSON value and nothing beside it but white space. */
export function readJson(bytes: Uint8Array): { readonly value: Json } | Failure {
  const counted = scan(bytes)
  if (isFailure(counted)) return counted
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return refuse('it is not UTF-8')
  }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    return refuse('it is not one JSON value', String(error))
  }
  if (countKeys(value) !== counted.keys) {
    return refuse(`the key ${printable(duplicateIn(text) ?? '')} stands twice in one object`)
  }
  if (surrogateEscape.test(text) && !isWellFormed(value)) {
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
const colon = 0x3a

/** Counts the keys, and refuses what must not even be parsed. */
function scan(bytes: Uint8Array): { readonly keys: number } | Failure {
  let keys = 0
  let depth = 0
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0
    if (byte === quote) {
      index = endOfString(bytes, index)
    } else if (byte === colon) {
      keys++
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) return refuse(`it nests deeper than ${maxDepth}`)
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--
    } else if (byte === 0x2d || isDigit(byte)) {
      const end = endOfNumber(bytes, index)
      if (!isHeld(bytes, index, end)) {
        return refuse(
          `a number in it is too large: ${latin1(bytes, index, Math.min(end, index + 40))}`,
        )
      }
      index = end - 1
    }
  }
  return { keys }
}

function endOfString(bytes: Uint8Array, start: number): number {
  let index = start + 1
  for (; index < bytes.length; index++) {
    const byte = bytes[index]
    if (byte === backslash) index++
    else if (byte === quote) return index
  }
  return index
}

function endOfNumber(bytes: Uint8Array, start: number): number {
  let index = start + 1
  for (; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0
    // Digits, and what else may stand in a number: + - . E e
    const inside =
      isDigit(byte) || byte === 0x2b || byte === 0x2d || byte === 0x2e || (byte | 0x20) === 0x65
    if (!inside) return index
  }
  return index
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** No number that the engine reads has more; ten thousand digits would be a list of arguments. */
const longestNumber = 64

/** Whether a double holds the number as it is written. */
function isHeld(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 16 && !hasExponent(bytes, start, end)) return true
  if (end - start > longestNumber) return false
  const value = Number(latin1(bytes, start, end))
  if (Number.isNaN(value)) return true // JSON.parse will say so
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
}

function hasExponent(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index++) {
    if (((bytes[index] ?? 0) | 0x20) === 0x65) return true
  }
  return false
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end))
}

function countKeys(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') count += countKeys(item)
    return count
  }
  const object = value as JsonObject
  for (const key of Object.keys(object)) {
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
