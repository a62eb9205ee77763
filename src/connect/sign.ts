// Signs with the key of a client bundle: a JWS that says by which certificate it is to be verified.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CompactSign } from 'jose'

export interface BundleSigner {
  /** The common name that the certificate states. */
  readonly name: string
  readonly notAfter: Date
  /** SHA-256 of the certificate, as RFC 8705 writes it (`x5t#S256`). */
  readonly thumbprint: string
  sign(type: string, claims: object): Promise<string>
}

export function openSigner(folder: string): BundleSigner {
  const certificate = new X509Certificate(readFileSync(join(folder, 'cert.pem')))
  const key = createPrivateKey(readFileSync(join(folder, 'key.pem')))
  const thumbprint = Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex')
  const { subject } = certificate.toLegacyObject()
  return {
    name: String(subject.CN),
    notAfter: new Date(certificate.validTo),
    thumbprint: thumbprint.toString('base64url'),
    sign: (type, claims) =>
      new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: algorithmOf(key), typ: type })
        .sign(key),
  }
}

function algorithmOf(key: ReturnType<typeof createPrivateKey>): string {
  if (key.asymmetricKeyType === 'rsa') return 'PS256'
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA'
  return key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'ES384' : 'ES256'
}
