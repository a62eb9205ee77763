// Who signs: the CA's certificate read back from its file, with its opened key, and the way from there
// to the root that everybody trusts. The issuer's name is taken octet for octet, since verifiers compare
// encodings (RFC 5280 §7.1).
import { X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { CaError } from './ca-error.ts'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { keyIdentifier, publicKeyDer } from './keys.ts'
import { pemBlocks } from './pem.ts'

export interface Issuer {
  /** Its own certificate. */
  readonly pem: string
  /** The root's, whom clients trust: `pem` itself where it signed itself. */
  readonly anchor: string
  /** What goes behind each certificate so that it leads to `anchor`; empty where `pem` is the root. */
  readonly chain: string
  readonly name: Der
  readonly keyId: Buffer
  readonly key: KeyObject
  readonly notAfter: Date
}

/** `text` holds the certificate of `key` and those above it, in any order. */
export function readIssuer(text: string, key: KeyObject): Issuer {
  const all = certificatesIn(text)
  const certificate = all.find((one) => one.checkPrivateKey(key))
  if (certificate === undefined) {
    throw new CaError('damaged', 'ca.key and ca.pem do not belong together', {
      hint: 'restore both from the same backup',
    })
  }
  const way = wayToRoot(certificate, all)
  const root = way?.at(-1)
  if (way === undefined || root === undefined) {
    throw new CaError('damaged', 'ca.pem does not hold the root that signed this CA', {
      hint: 'restore it from a backup',
    })
  }
  return {
    pem: certificate.toString(),
    anchor: root.toString(),
    chain: way.slice(0, -1).map(String).join(''),
    name: subjectOf(certificate),
    keyId: keyIdentifier(publicKeyDer(certificate.publicKey)),
    key,
    notAfter: new Date(certificate.validTo),
  }
}

const longestWay = 5

/** From a certificate to the self-signed one above it, both included; undefined where there is none. */
export function wayToRoot(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): readonly X509Certificate[] | undefined {
  const way = [certificate]
  for (let at = certificate; way.length <= longestWay;) {
    const signed = at
    if (isSignedBy(signed, signed)) return way
    const above = authorities.find((one) => one.ca && isSignedBy(signed, one))
    if (above === undefined) return undefined
    way.push(above)
    at = above
  }
  return undefined
}

function isSignedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}

/** The name of whom it is for, as it is encoded. */
export function subjectOf(certificate: X509Certificate): Der {
  const [toBeSigned] = der.items(der.decode(certificate.raw))
  const [, , , , , subject] = der.items(toBeSigned)
  if (subject === undefined) throw new CaError('damaged', 'this is no version 3 certificate')
  return subject
}

/** Every certificate in PEM. */
export function certificatesIn(text: string): readonly X509Certificate[] {
  return pemBlocks('CERTIFICATE', text).map(readCertificate)
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
