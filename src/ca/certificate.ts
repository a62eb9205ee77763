// Makes and signs one X.509 v3 certificate (RFC 5280 §4.1) of any content: it judges nothing, the
// profiles and name rules do. Pure but for the signature.
import { randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { nameDer } from './distinguished-name.ts'
import type { DistinguishedName } from './distinguished-name.ts'
import { extensionDer } from './extensions.ts'
import type { Extension } from './extensions.ts'
import { signatureAlgorithm, signBytes } from './keys.ts'
import { toPem } from './pem.ts'

export interface CertificateContent {
  readonly serial: Uint8Array
  readonly issuer: Der
  readonly subject: DistinguishedName
  readonly notBefore: Date
  readonly notAfter: Date
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array
  readonly extensions: readonly Extension[]
}

/** 128 random bits; the first octet is never 0, so that every tool prints the same 32 digits. */
export function randomSerial(): Buffer {
  const serial = randomBytes(16)
  return serial[0] === 0 ? randomSerial() : serial
}

export function serialText(serial: Uint8Array): string {
  return Buffer.from(serial).toString('hex').toUpperCase()
}

/** The certificate in PEM. */
export function signCertificate(content: CertificateContent, issuerKey: KeyObject): string {
  const algorithm = signatureAlgorithm(issuerKey)
  const version3 = der.explicit(0, der.integer(2))
  const toBeSigned = der.sequence(
    version3,
    der.unsigned(content.serial),
    algorithm,
    content.issuer,
    der.sequence(der.time(content.notBefore), der.time(content.notAfter)),
    nameDer(content.subject),
    der.decode(content.publicKey),
    content.extensions.length === 0
      ? undefined
      : der.explicit(3, der.sequence(...content.extensions.map(extensionDer))),
  )
  const signature = signBytes(der.encode(toBeSigned), issuerKey)
  return toPem('CERTIFICATE', der.encode(der.sequence(toBeSigned, algorithm, der.bits(signature))))
}
