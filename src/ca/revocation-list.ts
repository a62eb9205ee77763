// Makes and signs a v2 CRL (RFC 5280 §5). Pure but for the signature.
import type { KeyObject } from 'node:crypto'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { authorityKeyIdentifier, extensionDer } from './extensions.ts'
import { signatureAlgorithm, signBytes } from './keys.ts'
import { oids } from './oids.ts'
import { toPem } from './pem.ts'

// RFC 5280 §5.3.1; those of CAs, of attribute certificates and of holds have no meaning here.
const reasonCodes = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
} as const

export type RevocationReason = keyof typeof reasonCodes

export const revocationReasons = Object.keys(reasonCodes)

export function isRevocationReason(word: string): word is RevocationReason {
  return Object.hasOwn(reasonCodes, word)
}

export interface RevokedEntry {
  readonly serial: string
  readonly at: Date
  readonly reason: RevocationReason
}

export interface RevocationListContent {
  readonly issuer: Der
  readonly issuerKeyId: Uint8Array
  readonly number: number
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  readonly revoked: readonly RevokedEntry[]
}

/** The CRL in PEM. */
export function signRevocationList(content: RevocationListContent, issuerKey: KeyObject): string {
  const algorithm = signatureAlgorithm(issuerKey)
  const crlNumber = { oid: oids.crlNumber, critical: false, value: der.integer(content.number) }
  const extensions = [authorityKeyIdentifier(content.issuerKeyId), crlNumber]
  const version2 = der.integer(1)
  const toBeSigned = der.sequence(
    version2,
    algorithm,
    content.issuer,
    der.time(content.thisUpdate),
    der.time(content.nextUpdate),
    // RFC 5280 §5.1.2.6: absent, not empty, when nothing is revoked.
    content.revoked.length === 0
      ? undefined
      : der.sequence(...content.revoked.map((entry) => entryDer(entry, content.thisUpdate))),
    der.explicit(0, der.sequence(...extensions.map(extensionDer))),
  )
  const signature = signBytes(der.encode(toBeSigned), issuerKey)
  return toPem('X509 CRL', der.encode(der.sequence(toBeSigned, algorithm, der.bits(signature))))
}

function entryDer({ serial, at, reason }: RevokedEntry, thisUpdate: Date): Der {
  // thisUpdate is dated back for slow clocks, and nothing in a list can be newer than the list.
  const revokedAt = at < thisUpdate ? at : thisUpdate
  const reasonCode = {
    oid: oids.reasonCode,
    critical: false,
    value: der.enumerated(reasonCodes[reason]),
  }
  return der.sequence(
    der.unsigned(Buffer.from(serial, 'hex')),
    der.time(revokedAt),
    // RFC 5280 §5.3.1: an unspecified reason is said by leaving it out.
    reason === 'unspecified' ? undefined : der.sequence(extensionDer(reasonCode)),
  )
}
