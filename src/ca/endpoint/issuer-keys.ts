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

export function createIssuerKeys({ issuer, jwks }: IdentityIssuer): JWTVerifyGetKey {
  let keys: Promise<JWTVerifyGetKey> | undefined
  let failedAt = Number.NEGATIVE_INFINITY
  const find = async (): Promise<JWTVerifyGetKey> => {
    const url = jwks ?? (await discover(issuer))
    const options = { timeoutDuration: patienceMs, [customFetch]: fetchSmall }
    return createRemoteJWKSet(new URL(url), options)
  }
  return async (header, token) => {
    if (performance.now() - failedAt < pauseMs) throw unreachable(issuer)
    try {
      keys ??= find()
      return await (
        await keys
      )(header, token)
    } catch (error) {
      if (isAboutToken(error)) throw error
      failedAt = performance.now()
      keys = undefined
      throw unreachable(issuer, error)
    }
  }
}

/** OpenID Connect Discovery 1.0 §4. */
async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await fetchSmall(url, { signal: AbortSignal.timeout(patienceMs) })
  const found: unknown = response.status === 200 ? await response.json() : undefined
  const isRecord = typeof found === 'object' && found !== null
  // §4.3: the document must be the issuer's own.
  const isOwn = isRecord && 'issuer' in found && found.issuer === issuer
  const where = isOwn && 'jwks_uri' in found ? found.jwks_uri : undefined
  if (typeof where === 'string' && isHttps(where)) return where
  throw new Error('its discovery document says no place of keys')
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
  return new Response(Buffer.concat(parts), { status: response.status })
}

export function isHttps(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:'
}

// A key that the issuer does not have is the token's fault; all else is the issuer's or the network's.
const tokenFaults = new Set([
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
  'ERR_JOSE_NOT_SUPPORTED',
])

function isAboutToken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && tokenFaults.has(String(error.code))
}

function unreachable(issuer: string, cause?: unknown): CaError {
  const words = `the keys of ${issuer} cannot be had now`
  return new CaError('unreachable', words, { cause, hint: 'try again; its operator sees why in the log' }) // prettier-ignore
}
