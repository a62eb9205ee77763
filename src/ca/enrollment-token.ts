// The token that an operator hands to somebody who is to enroll: a JWT of the CA's own key. It says
// for whom it is, until when, and by which fingerprint they know the CA; what it is good for stands in
// the store under its id, so that it counts once, and not at all after it was cancelled.
import { createPublicKey } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import * as z from 'zod'
import { CaError } from './ca-error.ts'
import { endpointUri } from './endpoint-protocol.ts'
import { fingerprint } from './issuer.ts'
import type { Issuer } from './issuer.ts'
import { kindOf } from './keys.ts'

// RFC 8725 §3.11: a type of its own, so that no other token of whatever use is taken for one.
const type = 'dockgate-enroll+jwt'

const issuerPrefix = 'urn:dockgate:ca:'

const claims = z.object({
  /** Ends with the SHA-256 fingerprint of the CA's certificate, which is the root's where it has one. */
  iss: z.string().regex(/^urn:dockgate:ca:[0-9a-f]{64}$/),
  sub: z.string().min(1),
  jti: z.string().min(1),
  exp: z.number(),
})

export interface TokenClaims {
  readonly id: string
  readonly name: string
  readonly until: Date
  readonly authority: string
}

export async function signToken(claim: Omit<TokenClaims, 'authority'>, issuer: Issuer, now: Date) {
  return new SignJWT()
    .setProtectedHeader({ alg: algorithmOf(issuer), typ: type })
    .setIssuer(issuerName(issuer))
    .setAudience(endpointUri)
    .setSubject(claim.name)
    .setJti(claim.id)
    .setIssuedAt(now)
    .setExpirationTime(claim.until)
    .sign(issuer.key)
}

/** For the authority: signed by itself, for this use, and not over. */
export async function verifyToken(token: string, issuer: Issuer, now: Date): Promise<TokenClaims> {
  try {
    const { payload } = await jwtVerify(token, createPublicKey(issuer.key), {
      algorithms: [algorithmOf(issuer)],
      typ: type,
      issuer: issuerName(issuer),
      audience: endpointUri,
      requiredClaims: ['sub', 'jti', 'exp', 'iat'],
      currentDate: now,
    })
    return named(claims.parse(payload))
  } catch (cause) {
    if (cause instanceof errors.JWTExpired) throw expired()
    throw new CaError('bad-token', 'this is no enrollment token of this CA', { cause })
  }
}

/** For whoever was handed it: what it says, believed because of who handed it over. */
export function readToken(token: string, now: Date): TokenClaims {
  let read: TokenClaims
  try {
    if (decodeProtectedHeader(token).typ !== type) throw new TypeError('another type')
    read = named(claims.parse(decodeJwt(token)))
  } catch (cause) {
    throw new CaError('bad-token', 'this is no enrollment token', {
      cause,
      hint: '"dockgate ca token" makes one; was all of it copied?',
    })
  }
  if (read.until <= now) throw expired()
  return read
}

function named({ iss, sub, jti, exp }: z.infer<typeof claims>): TokenClaims {
  const authority = iss.slice(issuerPrefix.length)
  return { name: sub, id: jti, until: new Date(exp * 1000), authority }
}

function issuerName({ anchor }: Issuer): string {
  return issuerPrefix + fingerprint(anchor)
}

/** One key, one scheme: the one that it signs certificates with. */
function algorithmOf({ key }: Issuer): string {
  const kind = kindOf(key)
  return kind === 'ec:p256' ? 'ES256' : kind === 'ec:p384' ? 'ES384' : 'RS256'
}

function expired(): CaError {
  return new CaError('bad-token', 'this token has expired', { hint: 'ask for a new one' })
}
