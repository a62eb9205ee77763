// The keys of an issuer of identity tokens: found by its discovery document unless the operator says
// where, fetched over HTTPS alone, and cached.
import { createRemoteJWKSet, customFetch } from 'jose'
import type { JWTVerifyGetKey } from 'jose'
import { CaError } from '../ca-error.ts'
import type { IdentityIssuer } from './settings.ts'

const patienceMs = 5_000
const maxBytes = 256 * 1024
// Whoever sends us token after token must not make us ask a broken issuer each time.
const pauseMs = 5_000

/** What is wrong with the issuer or the way to it, and not with the token. */
class IssuerError extends Error {}

export function createIssuerKeys({ issuer, jwks }: IdentityIssuer): JWTVerifyGetKey {
  let found: Promise<JWTVerifyGetKey> | undefined
  let failedAt = Number.NEGATIVE_INFINITY
  // The pause is here and not before: keys that were fetched count while the issuer is down.
  const get = async (url: string, options: RequestInit): Promise<Response> => {
    if (performance.now() - failedAt < pauseMs) throw new IssuerError('it failed a moment ago')
    try {
      return await fetchSmall(url, options)
    } catch (cause) {
      failedAt = performance.now()
      throw new IssuerError('its answer cannot be used', { cause })
    }
  }
  const find = async (): Promise<JWTVerifyGetKey> => {
    const url = jwks ?? (await discover(issuer, get))
    return createRemoteJWKSet(new URL(url), { timeoutDuration: patienceMs, [customFetch]: get })
  }
  return async (header, token) => {
    try {
      found ??= find()
      const keys = await found.catch((error: unknown) => {
        found = undefined
        throw error
      })
      return await keys(header, token)
    } catch (error) {
      if (!isOfIssuer(error)) throw error
      failedAt = performance.now()
      throw new CaError('unreachable', `the keys of ${issuer} cannot be had now`, {
        cause: error,
        hint: 'try again; the log of the endpoint says why',
      })
    }
  }
}

/** OpenID Connect Discovery 1.0 §4. */
async function discover(issuer: string, get: typeof fetchSmall): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await get(url, { signal: AbortSignal.timeout(patienceMs) })
  const read: unknown = await response.json()
  const isRecord = typeof read === 'object' && read !== null
  // §4.3: the document must be the issuer's own.
  const isOwn = isRecord && 'issuer' in read && read.issuer === issuer
  const where = isOwn && 'jwks_uri' in read ? read.jwks_uri : undefined
  if (typeof where === 'string' && isHttps(where)) return where
  throw new IssuerError('its discovery document says no place of keys')
}

/** No redirects, which could lead from the issuer's host to any other, and an end to what is read. */
async function fetchSmall(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...options, redirect: 'error' })
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.length
    if (size > maxBytes) throw new Error('its answer is too long')
    parts.push(part)
  }
  if (response.status !== 200) throw new Error(`it answers ${response.status}`)
  const text = Buffer.concat(parts).toString('utf8')
  JSON.parse(text)
  return new Response(text)
}

export function isHttps(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:'
}

// jose's words for an answer that is no set of keys, and for none in time. All else, as a key that the
// issuer does not have, is the token's fault.
const issuerFaults = new Set(['ERR_JWKS_INVALID', 'ERR_JWKS_TIMEOUT'])

function isOfIssuer(error: unknown): boolean {
  if (error instanceof IssuerError) return true
  return error instanceof Error && 'code' in error && issuerFaults.has(String(error.code))
}
