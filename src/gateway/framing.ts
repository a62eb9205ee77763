// How a request is framed: what would make the engine read another request than the one that is judged.
import type { Operation } from '../docker/operation.ts'
import { failure, isFailure, type Failure } from '../errors.ts'
import { whyForeign } from './cross-site.ts'
import { announcesBody, readWholeBody, type Incoming } from './body.ts'

/** Refuses what would make the engine read another request than the one that is judged. */
export function checkFraming(
  incoming: Incoming,
  operation: Operation,
  maxHeaders: number,
): Failure | undefined {
  const { raw } = incoming
  // Node forgets those beyond a number, which is one more than this.
  if (raw.rawHeaders.length > 2 * maxHeaders) return failure('too-many-headers')
  const { endpoint } = operation
  const foreign = whyForeign(raw.headers, endpoint)
  if (foreign !== undefined) return failure('bad-header', foreign, foreign)
  // llhttp also takes the line alone, as HTTP/0.9 had it.
  if (raw.httpVersionMajor !== 1) return failure('bad-header', 'this is not HTTP/1.1')
  // A coding that is not undone here would be taken off the request and left in its body.
  const coding = raw.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return failure('bad-header', 'Transfer-Encoding may be "chunked" and nothing else')
  }
  if (incoming.upgraded !== undefined && !endpoint.hijacks) {
    return failure('bad-header', `${endpoint.method} ${endpoint.path} cannot be upgraded`)
  }
  if ((raw.method === 'GET' || raw.method === 'HEAD') && announcesBody(raw)) {
    return failure('bad-body', `a ${raw.method} request has no body`)
  }
  // Go's ParseForm lets such a body override the query that was judged.
  const type = raw.headers['content-type'] ?? ''
  if (/^\s*application\/x-www-form-urlencoded/i.test(type)) {
    return failure('bad-header', 'form bodies are not part of the Docker API')
  }
  let contentTypes = 0
  for (let index = 0; index < raw.rawHeaders.length; index += 2) {
    if (raw.rawHeaders[index]?.toLowerCase() === 'content-type') contentTypes++
  }
  return contentTypes > 1 ? failure('bad-header', 'more than one Content-Type') : undefined
}

/**
 * What an endpoint without a body may get all the same, and the engine never sees: old clients send
 * `{}` or `null`, dockerode repeats the query there as a JSON object.
 */
const maxSurplusBytes = 16_384

/** Undefined at once for what announces no body, as most do. */
export function refuseSurplusBody(
  incoming: Incoming,
  withinMs: number,
): Promise<Failure | undefined> | undefined {
  if (incoming.upgraded === undefined && !announcesBody(incoming.raw)) return undefined
  return readSurplusBody(incoming, withinMs)
}

async function readSurplusBody(incoming: Incoming, withinMs: number): Promise<Failure | undefined> {
  const bytes = await readWholeBody(incoming, maxSurplusBytes, withinMs)
  if (isFailure(bytes)) return bytes
  const text = bytes.toString('latin1').trim()
  return text === '' || text === 'null' || text.startsWith('{')
    ? undefined
    : failure('bad-body', 'this operation has no request body')
}
