// What a signed temporary grant says: the claims of its JWS, read strictly, so that the record in the
// audit and the right that it gives come from one reading. Pure: whether the signature holds and
// whether its signer may give this is decided elsewhere.
import { isFailure } from '../errors.ts'
import { isObject, readJson } from './json.ts'
import type { Json } from './operation.ts'

export interface GrantClaims {
  /** Who receives, by the name in their certificate. */
  readonly sub: string
  readonly role: string
  readonly reason: string
  /** 128 random bits in lower-case hex: no grant counts twice. */
  readonly jti: string
  /** Seconds since the epoch. */
  readonly iat: number
  readonly exp: number
  /** The gateway that it is for, by a name in that one's certificate. */
  readonly aud: string
  /** RFC 8705 §3.1: SHA-256 of the signer's certificate, on whose connections alone it is taken. */
  readonly thumbprint: string
}

/** RFC 8725 §3.11: a type of its own, so that no other token is taken for a grant. */
export const grantType = 'dockgate-grant+jwt'
const audiencePrefix = 'urn:dockgate:gateway:'

/** As the JWS carries them. */
export function writeClaims(claims: Omit<GrantClaims, 'aud'> & { readonly host: string }): object {
  const { thumbprint, host, ...rest } = claims
  return { ...rest, aud: audiencePrefix + host, cnf: { 'x5t#S256': thumbprint } }
}

/** The claims, or what is wrong with them. */
export function readClaims(payload: Uint8Array): GrantClaims | string {
  const read = readJson(payload)
  if (isFailure(read)) return read.message
  if (!isObject(read.value)) return 'a JSON object is needed'
  const { sub, role, reason, jti, iat, exp, aud, cnf, ...more } = read.value
  const [unknown] = Object.keys(more)
  if (unknown !== undefined) return `the claim ${JSON.stringify(unknown)} means nothing here`
  const thumbprint = thumbprintIn(cnf)
  if (thumbprint === undefined) return 'it is bound to no certificate (cnf, x5t#S256)'
  if (!isText(sub, 64)) return 'it does not say to whom (sub)'
  if (!isText(role, 200)) return 'it gives no role'
  if (!isText(reason, 200)) return 'a reason is one line of 200 characters at most'
  if (typeof jti !== 'string' || !/^[0-9a-f]{32}$/.test(jti)) return 'it has no id (jti)'
  if (!isTime(iat) || !isTime(exp)) return 'it does not say from when until when (iat, exp)'
  if (!isText(aud, 300) || !aud.startsWith(audiencePrefix)) return 'it is for no gateway (aud)'
  const host = aud.slice(audiencePrefix.length)
  return Object.freeze({ sub, role, reason, jti, iat, exp, aud: host, thumbprint })
}

/** What a JWS says, whether or not its signature holds: for words alone. */
export function claimsIn(jws: string): GrantClaims | undefined {
  const claims = readClaims(Buffer.from(jws.split('.')[1] ?? '', 'base64url'))
  return typeof claims === 'string' ? undefined : claims
}

function thumbprintIn(value: Json | undefined): string | undefined {
  if (!isObject(value) || Object.keys(value).length !== 1) return undefined
  const thumbprint = value['x5t#S256']
  const isOne = typeof thumbprint === 'string' && /^[\w-]{43}$/.test(thumbprint)
  return isOne ? thumbprint : undefined
}

function isText(value: Json | undefined, longest: number): value is string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > longest) return false
  return !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value)
}

function isTime(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) < 8e12
}
