// The request target: parsed once, strictly, and written again in the one form that the engine, Node
// and every URL parser read alike. Whatever has two readings is refused with its reason.
import { failure, isFailure, type Failure } from '../errors.ts'
import type { Target } from './operation.ts'
import { printable } from './printable.ts'
import { formatQuery, parseQuery } from './query.ts'

/** A target that is not yet held against an endpoint. */
export interface ParsedTarget extends Target {
  /** Where in `path` a slash came from `%2F`: it may stand inside a name, but never divide the path. */
  readonly encodedSlashes: readonly number[]
}

const noSlashes: readonly number[] = Object.freeze([])
const plainPath = /^[\w\-.~!$&'()*+,=:@/]*$/

export function parseTarget(raw: string): ParsedTarget | Failure {
  if (!raw.startsWith('/')) {
    // RFC 9112 §3.2.1; the engine routes `foo:/containers/create` as well.
    return refuse(`${printable(raw)} does not begin with a slash; hint: send the path alone`)
  }
  if (!/^[\x21-\x7e]*$/.test(raw)) {
    return refuse('it holds a space, a control or a byte beyond ASCII; hint: percent-encode it')
  }
  // Go takes `#` for data, URL parsers end the target there; they turn a backslash into a slash.
  if (raw.includes('#')) return refuse('it holds a "#"; hint: write %23')
  if (raw.includes('\\')) return refuse('it holds a backslash')
  const mark = raw.indexOf('?')
  const decoded = decodePath(mark === -1 ? raw : raw.slice(0, mark))
  if (isFailure(decoded)) return decoded
  const fault = faultOf(decoded.path)
  if (fault !== undefined) return refuse(fault)
  const version = versionOf(decoded.path)
  if (typeof version === 'object') return version
  const query = parseQuery(mark === -1 ? '' : raw.slice(mark + 1))
  if (isFailure(query)) return query
  const cut = version === undefined ? 0 : version.length + 2
  return {
    version,
    path: cut === 0 ? decoded.path : decoded.path.slice(cut),
    query,
    encodedSlashes:
      decoded.slashes.length === 0 ? noSlashes : decoded.slashes.map((index) => index - cut),
  }
}

/** What goes on the wire: version, path and query, with nothing percent-encoded that need not be. */
export function formatTarget(target: Target): string {
  const { version, path, query } = target
  const prefix = version === undefined ? '' : `/v${version}`
  const written = plainPath.test(path) ? path : path.replace(/[^\w\-.~!$&'()*+,=:@/]+/g, encodePart)
  return query.length === 0 ? `${prefix}${written}` : `${prefix}${written}?${formatQuery(query)}`
}

function encodePart(part: string): string {
  return encodeURIComponent(part)
}

interface Decoded {
  readonly path: string
  readonly slashes: readonly number[]
}

function decodePath(raw: string): Decoded | Failure {
  if (!raw.includes('%')) return { path: raw, slashes: noSlashes }
  const fault = escapeFaultOf(raw)
  if (fault !== undefined) return refuse(fault)
  const slashes: number[] = []
  let path = ''
  for (const [index, part] of raw.split(/%2f/i).entries()) {
    if (index > 0) {
      slashes.push(path.length)
      path += '/'
    }
    try {
      path += decodeURIComponent(part)
    } catch {
      return refuse('its percent-encoding is no UTF-8')
    }
  }
  // Controls of the second kind and the line separators: no name has them, and readers of logs differ.
  if (/[\u0080-\u009f\u2028\u2029]/.test(path))
    return refuse('it holds an encoded control character')
  return { path, slashes }
}

/** The engine decodes once, then routes: an escape that need not be there is a second spelling. */
function escapeFaultOf(raw: string): string | undefined {
  for (const { 0: escape } of raw.matchAll(/%.{0,2}/gs)) {
    if (!/^%[0-9a-f]{2}$/i.test(escape)) return `${printable(escape)} is no percent-encoding`
    const byte = Number.parseInt(escape.slice(1), 16)
    if (byte < 0x20 || byte === 0x7f) return `it holds an encoded control character, ${escape}`
    if (byte === 0x25) return 'it is percent-encoded twice'
    if (byte === 0x5c) return 'it holds an encoded backslash'
    if (/[\w\-.~]/.test(String.fromCharCode(byte))) {
      return `${escape} need not be encoded; hint: write ${String.fromCharCode(byte)}`
    }
  }
  return undefined
}

/** The engine answers 301 to these and does nothing; whoever cleans the path first would do more. */
function faultOf(path: string): string | undefined {
  if (path.includes('//')) return 'its path has an empty segment'
  if (/\/\.\.?(?:\/|$)/.test(path)) return 'its path has a dot segment'
  // GET /networks/ is an endpoint of its own, and so is where the console begins.
  const open = /^(?:(?:\/v[0-9.]+)?\/networks|\/_dockgate)\/$/
  if (path.length > 1 && path.endsWith('/') && !open.test(path)) {
    return 'its path ends in a slash'
  }
  return undefined
}

const oldest = 24

/** The engine takes `/v01.41`, `/v1.41.0` and `/v1.41...` for versions too; here there is one spelling. */
function versionOf(path: string): string | undefined | Failure {
  const found = /^\/v([0-9.]+)(?:\/|$)/.exec(path)
  const version = found?.[1]
  if (version === undefined) return undefined
  const minor = /^1\.(0|[1-9][0-9]?)$/.exec(version)?.[1]
  if (minor === undefined) {
    return refuse(`${printable(version)} is no API version; hint: 1.${oldest} to 1.99`)
  }
  if (Number(minor) < oldest) {
    return failure(
      'version-too-old',
      `API version ${version} is not served, 1.${oldest} is the oldest; hint: use a newer client, or set DOCKER_API_VERSION=1.${oldest}`,
    )
  }
  return version
}

function refuse(why: string): Failure {
  return failure('bad-target', `the request target cannot be read: ${why}`)
}
