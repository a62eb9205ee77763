// Who signs: the CA's certificate read back from its file, with its opened key. The issuer's name is
// taken octet for octet, since verifiers compare encodings (RFC 5280 §7.1).
import { X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { CaError } from './ca-error.ts'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { keyIdentifier, publicKeyDer } from './keys.ts'

export interface Issuer {
  readonly pem: string
  readonly name: Der
  readonly keyId: Buffer
  readonly key: KeyObject
  readonly notAfter: Date
}

export function readIssuer(pem: string, key: KeyObject): Issuer {
  const certificate = readCertificate(pem)
  if (!certificate.checkPrivateKey(key)) {
    throw new CaError('damaged', 'ca.key and ca.pem do not belong together', {
      hint: 'restore both from the same backup',
    })
  }
  const [toBeSigned] = der.items(der.decode(certificate.raw))
  const [, , , , , subject] = der.items(toBeSigned)
  if (subject === undefined) throw new CaError('damaged', 'ca.pem is no version 3 certificate')
  return {
    pem,
    name: subject,
    keyId: keyIdentifier(publicKeyDer(certificate.publicKey)),
    key,
    notAfter: new Date(certificate.validTo),
  }
}

export function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new CaError('damaged', 'this is no certificate in PEM', { cause })
  }
}

/** SHA-256 of the DER, in lower-case hex without colons. */
export function fingerprint(pem: string): string {
  return readCertificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
}
