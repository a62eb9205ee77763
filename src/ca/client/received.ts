// What the endpoint sent back, held against what was asked before any of it is written.
import { X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { CaError } from '../ca-error.ts'
import { readHost } from '../client-bundle.ts'
import { requireName } from '../client-name.ts'
import type { SignedBody } from '../endpoint-protocol.ts'
import { publicKeyDer } from '../keys.ts'

/** The certificate in PEM alone, for our key, from this CA, and of these names where they are known. */
export function requireReceived(
  answer: SignedBody,
  key: KeyObject,
  ca: string,
  isOurs: (certificate: X509Certificate) => boolean = () => true,
): X509Certificate {
  const root = new X509Certificate(ca)
  const certificate = read(answer.certificate)
  requireName(answer.name)
  readHost(answer.host)
  const isFromCa = certificate.checkIssued(root) && certificate.verify(root.publicKey)
  const isForKey = publicKeyDer(certificate.publicKey).equals(publicKeyDer(key))
  const isNamed = commonName(certificate) === answer.name
  if (isFromCa && isForKey && isNamed && isOurs(certificate)) return certificate
  throw wrong()
}

/** The common name, which the authority writes last. */
export function commonName(certificate: X509Certificate): string | undefined {
  const last = certificate.subject.split('\n').at(-1) ?? ''
  return last.startsWith('CN=') ? last.slice(3) : undefined
}

function read(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
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
