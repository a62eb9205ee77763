// Reads an identity token (OpenID Connect) as a certificate's subject: signed by a configured issuer,
// for us alone, in its time, and with the claims that the operator requires.
import { hash } from 'node:crypto'
import { decodeJwt, errors, jwtVerify } from 'jose'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import * as z from 'zod'
import { readAlternativeNames } from '../alternative-name.ts'
import { CaError } from '../ca-error.ts'
import { requireName } from '../client-name.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import type { FromClaims, IdentityIssuer, IdentityRule } from './settings.ts'

export interface Identity {
  readonly rule: IdentityRule
  readonly name: string
  readonly uri: readonly string[]
  readonly from: { readonly issuer: string; readonly subject: string }
  /** Of what was signed: the same for every spelling of the signature. */
  readonly hash: string
  readonly until: Date
}

export type Identify = (token: string) => Promise<Identity>

// The clock of the issuer is not ours.
const toleranceSeconds = 30
// What was exchanged is remembered until it ends, so it must end.
const longestSeconds = 24 * 3600

export function createIdentify(issuers: readonly IdentityIssuer[], now: () => Date): Identify {
  const known = new Map(
    issuers.map((issuer) => [issuer.issuer, { issuer, keys: createIssuerKeys(issuer) }]),
  )
  return async (token) => {
    const found = known.get(claimedIssuer(token))
    if (found === undefined) throw refused('it is of no issuer that is trusted here')
    const { issuer, keys } = found
    const payload = await verify(token, issuer, keys, now())
    const rule = issuer.rules.find((candidate) => isFulfilled(candidate, payload))
    if (rule === undefined) {
      throw new CaError('not-allowed', 'no rule of the operator is for this identity', {
        hint: 'its claims are others than ca.yaml requires',
      })
    }
    const name = textFrom(rule.name, payload)
    requireName(name)
    const uri = rule.uri === undefined ? [] : [textFrom(rule.uri, payload)]
    readAlternativeNames({ uri })
    const { sub, exp } = subjectClaims.parse(payload)
    return {
      rule,
      name,
      uri,
      from: { issuer: issuer.issuer, subject: sub },
      hash: hash('sha256', token.slice(0, token.lastIndexOf('.')), 'hex'),
      until: new Date((exp + toleranceSeconds) * 1000),
    }
  }
}

const subjectClaims = z.object({ sub: z.string().min(1).max(1024), exp: z.number() })

/** Only to know whom to ask: nothing is believed here. */
function claimedIssuer(token: string): string {
  try {
    return decodeJwt(token).iss ?? ''
  } catch {
    throw refused('it is none')
  }
}

async function verify(
  token: string,
  { issuer, audience, algorithms }: IdentityIssuer,
  keys: JWTVerifyGetKey,
  now: Date,
): Promise<JWTPayload> {
  let verified: Awaited<ReturnType<typeof jwtVerify>>
  try {
    verified = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: [...algorithms],
      requiredClaims: ['sub', 'exp', 'iat'],
      clockTolerance: toleranceSeconds,
      currentDate: now,
    })
  } catch (error) {
    throw error instanceof CaError ? error : refused(reasonOf(error))
  }
  const { payload, protectedHeader } = verified
  // Logout tokens, access tokens and the like say what they are (RFC 8725 §3.11).
  const { typ = 'JWT', crit } = protectedHeader
  if (!/^jwt$/i.test(typ) || crit !== undefined) throw refused('it is another kind of token')
  // What is for others too, those others could bring.
  const isForUs = payload.aud === audience || (Array.isArray(payload.aud) && payload.aud.length === 1) // prettier-ignore
  if (!isForUs) throw refused('it is for others too')
  if (!subjectClaims.safeParse(payload).success) throw refused('it is for nobody')
  const { exp = 0, iat = 0 } = payload
  const nowSeconds = now.getTime() / 1000
  if (iat > nowSeconds + toleranceSeconds) throw refused('it is of the future')
  if (exp > nowSeconds + longestSeconds) throw refused('it lives longer than a day')
  return payload
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return 'it is for another audience'
    if (error.claim === 'nbf') return 'it is not valid yet'
    return `its claim ${JSON.stringify(error.claim)} is missing or wrong`
  }
  return 'its signature is not that of the issuer'
}

/** A claim that is a list fulfills what one of its words would. */
function isFulfilled({ require }: IdentityRule, payload: JWTPayload): boolean {
  return [...require].every(([claim, wanted]) => {
    const value = Object.hasOwn(payload, claim) ? payload[claim] : undefined
    const values: unknown[] = Array.isArray(value) ? value : [value]
    return values.some((one) => {
      const text = plainText(one)
      return text !== undefined && wanted.includes(text)
    })
  })
}

function plainText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function textFrom(source: FromClaims, payload: JWTPayload): string {
  if (typeof source === 'string') return source
  const { prefix, claim } = source
  const text = Object.hasOwn(payload, claim) ? plainText(payload[claim]) : undefined
  // One word: neither a path, nor anything that is spelled in two ways.
  if (text !== undefined && /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(text)) return prefix + text
  throw new CaError('not-allowed', `the claim ${JSON.stringify(claim)} cannot be part of a name`, {
    hint: 'letters, digits, and . _ - only, and no dot first',
  })
}

function refused(why: string): CaError {
  return new CaError('bad-token', `this identity token is not taken: ${why}`)
}
