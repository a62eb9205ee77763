// Whether a signed grant is one: by the key of the very certificate that its sender shows or, for one
// that was kept, showed; bound to that certificate; for this gateway; fresh; and with an end.
import type { KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { compactVerify } from 'jose'
import { grantType, readClaims, type GrantClaims } from '../docker/grant-claims.ts'

/** Clocks of people's machines differ from ours by this much at most. */
const skewMs = 120_000

export interface GrantCheck {
  readonly jws: string
  readonly signer: X509Certificate
  /** The gateway's own certificate, which says by what names it is called. */
  readonly server: X509Certificate
}

/** One key, one scheme, whatever the header of a token says (RFC 8725 §3.1). */
function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails }: KeyObject) {
  if (type === 'ec') return asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'ES384' : 'ES256'
  if (type === 'rsa') return 'PS256'
  return type === 'ed25519' ? 'EdDSA' : undefined
}

/** What it says, or why it is none. */
export async function verifyGrant(check: GrantCheck): Promise<GrantClaims | string> {
  const { jws, signer, server } = check
  const algorithm = algorithmOf(signer.publicKey)
  if (algorithm === undefined) return 'the key of your certificate cannot sign grants'
  let payload: Uint8Array
  try {
    const verified = await compactVerify(jws, signer.publicKey, { algorithms: [algorithm] })
    const { typ, alg: _, ...more } = verified.protectedHeader
    if (typ !== grantType || Object.keys(more).length > 0) return 'it is no signed grant'
    payload = verified.payload
  } catch {
    return 'it is not signed with the key of your certificate'
  }
  const claims = readClaims(payload)
  if (typeof claims === 'string') return claims
  if (claims.thumbprint !== thumbprintOf(signer)) return 'it is bound to another certificate'
  const isOurs = isIP(claims.aud) === 0 ? server.checkHost(claims.aud) : server.checkIP(claims.aud)
  return isOurs === undefined ? `it is for another gateway (${claims.aud})` : claims
}

/** Why it cannot be taken now: a grant is given when it is signed, and none is kept in a drawer. */
export function whyNotFresh({ iat, exp }: GrantClaims, nowMs: number): string | undefined {
  const lag = iat * 1000 - nowMs
  if (Math.abs(lag) > skewMs) {
    const seconds = Math.round(Math.abs(lag) / 1000)
    return `it was signed ${seconds} s ${lag > 0 ? 'from now' : 'ago'}: is the clock on your machine right?`
  }
  if (exp <= iat || exp * 1000 <= nowMs) return 'it ends before it begins'
  return undefined
}

export function thumbprintOf(certificate: X509Certificate): string {
  return Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
}
