// The extensions that the authority writes, and the three profiles they make. Pure.
import { alternativeNamesDer, hasAny } from './alternative-name.ts'
import type { AlternativeNames } from './alternative-name.ts'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { oids } from './oids.ts'

export interface Extension {
  readonly oid: string
  readonly critical: boolean
  readonly value: Der
}

export function extensionDer({ oid, critical, value }: Extension): Der {
  return der.sequence(
    der.oid(oid),
    critical ? der.boolean(true) : undefined,
    der.octets(der.encode(value)),
  )
}

/** What a certificate of the CA itself says; `pathLength` 0 lets it sign no further CA. */
export function authorityProfile(
  publicKeyId: Buffer,
  pathLength = 0,
  issuerKeyId = publicKeyId,
): Extension[] {
  return [
    basicConstraints(pathLength),
    keyUsage('keyCertSign', 'cRLSign'),
    subjectKeyIdentifier(publicKeyId),
    authorityKeyIdentifier(issuerKeyId),
  ]
}

/**
 * What a certificate of a client or server says. Each has one purpose alone, so that a stolen server
 * key never opens the gateway as a client, nor a client's key poses as the gateway.
 */
export function leafProfile(
  purpose: 'clientAuth' | 'serverAuth',
  publicKeyId: Buffer,
  issuerKeyId: Buffer,
  names: AlternativeNames,
): Extension[] {
  return [
    basicConstraints(),
    // Every suite served is ephemeral, so no key but for signatures, RSA or not.
    keyUsage('digitalSignature'),
    extendedKeyUsage(oids[purpose]),
    subjectKeyIdentifier(publicKeyId),
    authorityKeyIdentifier(issuerKeyId),
    ...(hasAny(names) ? [subjectAltName(names)] : []),
  ]
}

export function basicConstraints(pathLength?: number): Extension {
  const value =
    pathLength === undefined
      ? der.sequence()
      : der.sequence(der.boolean(true), der.integer(pathLength))
  return { oid: oids.basicConstraints, critical: true, value }
}

// RFC 5280 §4.2.1.3
const usageBits = { digitalSignature: 0, keyEncipherment: 2, keyCertSign: 5, cRLSign: 6 } as const

export function keyUsage(...usages: (keyof typeof usageBits)[]): Extension {
  const value = der.namedBits(usages.map((usage) => usageBits[usage]))
  return { oid: oids.keyUsage, critical: true, value }
}

export function extendedKeyUsage(...purposes: string[]): Extension {
  const value = der.sequence(...purposes.map((purpose) => der.oid(purpose)))
  return { oid: oids.extendedKeyUsage, critical: false, value }
}

export function subjectKeyIdentifier(keyId: Uint8Array): Extension {
  return { oid: oids.subjectKeyIdentifier, critical: false, value: der.octets(keyId) }
}

export function authorityKeyIdentifier(keyId: Uint8Array): Extension {
  const value = der.sequence(der.implicit(0, keyId))
  return { oid: oids.authorityKeyIdentifier, critical: false, value }
}

export function subjectAltName(names: AlternativeNames): Extension {
  return { oid: oids.subjectAltName, critical: false, value: alternativeNamesDer(names) }
}
