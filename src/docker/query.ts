// The query: split and decoded once as Go's url.ParseQuery does, then held against the endpoint's row.
// What Go, the engine's handlers or a later parser might read in a second way is refused.
import { failure, isFailure, type Failure } from '../errors.ts'
import { readFilters, writeFilters } from './filters.ts'
import type { Endpoint, Operation, QueryPairs } from './operation.ts'
import { printable } from './printable.ts'

const none: QueryPairs = Object.freeze([])

/** Decodes what stands after the `?`; knows nothing of endpoints. */
export function parseQuery(raw: string): QueryPairs | Failure {
  if (raw === '') return none
  // Go drops or refuses a pair with `;`, older parsers split there; on /build the drop went unnoticed.
  if (raw.includes(';')) return refuse('it holds a semicolon; hint: write %3B')
  const pairs: (readonly [string, string])[] = []
  for (const pair of raw.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    if (name === undefined || value === undefined) {
      // The value stays unsaid: it may be a secret.
      return refuse(`${printable(pair.split('=', 1).join())} is not percent-encoded UTF-8`)
    }
    if (!/^[\x21-\x7e]+$/.test(name)) return refuse(`${printable(name)} is no parameter's name`)
    pairs.push([name, value])
  }
  return pairs
}

function decode(text: string): string | undefined {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return undefined
  }
}

/** Writes pairs so that no URL parser changes them and every one of them reads the same. */
export function formatQuery(pairs: QueryPairs): string {
  return pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
}

function encode(text: string): string {
  if (/^[\w\-.~!*()/:@,]*$/.test(text)) return text
  // The WHATWG URL parser encodes an apostrophe; slash and colon are left as people write them.
  return encodeURIComponent(text)
    .replaceAll("'", '%27')
    .replaceAll('%2F', '/')
    .replaceAll('%3A', ':')
    .replaceAll('%40', '@')
    .replaceAll('%2C', ',')
}

/** Holds the pairs against the row: one value where the engine reads one, filters in their one form. */
export function readQuery(endpoint: Endpoint, pairs: QueryPairs): QueryPairs | Failure {
  if (pairs.length === 0) return none
  const seen = new Set<string>()
  const read: (readonly [string, string])[] = []
  for (const pair of pairs) {
    const [name, value] = pair
    const kind = kindOf(endpoint, name)
    if (kind !== undefined && kind !== 'list' && kind !== 'ignored') {
      // The engine takes the first, others the last.
      if (seen.has(name)) return refuse(`${printable(name)} stands there twice`)
      seen.add(name)
    }
    if (kind === 'bool' && !isPlainBool(value)) {
      return refuse(
        `${printable(name)} is ${printable(value)}, which the engine reads as yes; hint: write 1 or 0`,
      )
    }
    if (kind !== 'filters') read.push(Object.freeze(pair))
    else if (value !== '') {
      const filters = readFilters(value)
      if (isFailure(filters)) return filters
      read.push(Object.freeze([name, writeFilters(filters)] as const))
    }
  }
  return Object.freeze(read)
}

function kindOf(endpoint: Endpoint, name: string): string | undefined {
  return Object.hasOwn(endpoint.query, name) ? endpoint.query[name] : undefined
}

/**
 * Parameters that the engine is not known to read here, each once. Not among them: what the row says
 * is ignored, and the fields of a JSON body that dockerode repeats in the query.
 */
export function unknownQuery(operation: Operation): readonly string[] {
  const { endpoint, target } = operation
  const unknown = target.query
    .map(([name]) => name)
    .filter((name) => kindOf(endpoint, name) === undefined && !mirrorsBody(endpoint, name))
  return [...new Set(unknown)]
}

/** The query without what the engine ignores, for a request that is rebuilt from what was judged. */
export function withoutIgnored(endpoint: Endpoint, query: QueryPairs): QueryPairs {
  const kept = query.filter(
    ([name]) => kindOf(endpoint, name) !== 'ignored' && !mirrorsBody(endpoint, name),
  )
  return kept.length === query.length ? query : Object.freeze(kept)
}

// No parameter that the engine reads begins with a capital, every field of a body does.
function mirrorsBody(endpoint: Endpoint, name: string): boolean {
  return endpoint.body === 'json' && /^[A-Z]/.test(name) && kindOf(endpoint, name) === undefined
}

/** The value that the engine reads: the first one. */
export function firstValue(query: QueryPairs, name: string): string | undefined {
  return query.find((pair) => pair[0] === name)?.[1]
}

export function allValues(query: QueryPairs, name: string): readonly string[] {
  return query.filter((pair) => pair[0] === name).map((pair) => pair[1])
}

/** Sets one value in the place of all that the name has, or at the end. */
export function withValue(query: QueryPairs, name: string, value: string): QueryPairs {
  const rest = query.filter((pair) => pair[0] !== name)
  return Object.freeze([...rest, Object.freeze([name, value] as const)])
}

const trueWords = new Set(['1', 'true', 'yes', 'on'])
const falseWords = new Set(['', '0', 'no', 'false', 'none'])
// unicode.IsSpace, which strings.TrimSpace uses; it differs from String#trim in U+0085 and U+FEFF.
const goSpace = /^[\t-\r \u0085\p{Z}]+|[\t-\r \u0085\p{Z}]+$/gu

/** Whether a person reads it as the engine does: `off` and `disabled` mean yes to the engine. */
function isPlainBool(value: string): boolean {
  const word = value.toLowerCase()
  return trueWords.has(word) || falseWords.has(word)
}

/** As moby's httputils.BoolValue reads it: `off`, `f` and `n` are true. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && !falseWords.has(value.replace(goSpace, '').toLowerCase())
}

/** As moby's Int64ValueOrZero reads it: what is no decimal of 64 bits is zero. */
export function readInt(value: string | undefined): bigint {
  if (value === undefined || !/^[+-]?[0-9]+$/.test(value)) return 0n
  const int = BigInt(value.startsWith('+') ? value.slice(1) : value)
  return BigInt.asIntN(64, int) === int ? int : 0n
}

function refuse(why: string): Failure {
  return failure('bad-query', `the query cannot be read: ${why}`)
}
