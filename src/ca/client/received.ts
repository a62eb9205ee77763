// What the endpoint sent back, held against what was asked before any of it is written.
import type { KeyObject, X509Certificate } from 'node:crypto'
import { CaError } from '../ca-error.ts'
import { readHost } from '../client-bundle.ts'
import { requireName } from '../client-name.ts'
import type { SignedBody } from '../endpoint-protocol.ts'
import { certificatesIn, readCertificate, wayToRoot } from '../issuer.ts'
import { publicKeyDer } from '../keys.ts'

/**
 * In PEM: the certificate, for our key, from this CA, and of these names where they are known, and what
 * leads from it to the CA's.
 */
export function requireReceived(
  answer: SignedBody,
  key: KeyObject,
  ca: string,
  isOurs: (certificate: X509Certificate) => boolean = () => true,
): string {
  const root = readCertificate(ca)
  const [certificate, ...between] = read(answer.certificate)
  if (certificate === undefined) throw wrong()
  requireName(answer.name)
  readHost(answer.host)
  const way = wayToRoot(certificate, [...between, root])
  const isFromCa = way?.at(-1)?.raw.equals(root.raw) === true
  const isForKey = publicKeyDer(certificate.publicKey).equals(publicKeyDer(key))
  const isNamed = commonName(certificate) === answer.name
  if (isFromCa && isForKey && isNamed && isOurs(certificate)) {
    return way.slice(0, -1).map(String).join('')
  }
  throw wrong()
}

/** The common name, which the authority writes last. */
export function commonName(certificate: X509Certificate): string | undefined {
  const last = certificate.subject.split('\n').at(-1) ?? ''
  return last.startsWith('CN=') ? last.slice(3) : undefined
}

function read(pem: string): readonly X509Certificate[] {
  try {
    return certificatesIn(pem)
  } catch {
    throw wrong()
  }
}

function wrong(): CaError {
  return new CaError(
    'unreachable',
    'the signing endpoint sent a certificate that was not asked for',
  )
}
