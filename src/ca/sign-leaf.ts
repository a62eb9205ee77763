// One certificate of a client or server, and its row for the index. Pure but for the signature.
import type { KeyObject } from 'node:crypto'
import type { AlternativeNames } from './alternative-name.ts'
import { randomSerial, serialText, signCertificate } from './certificate.ts'
import type { DistinguishedName } from './distinguished-name.ts'
import { leafProfile } from './extensions.ts'
import { fingerprint } from './issuer.ts'
import type { Issuer } from './issuer.ts'
import { keyIdentifier, publicKeyDer } from './keys.ts'
import type { Period } from './period.ts'
import { describeKey } from './public-key.ts'
import type { Issued } from './store-index.ts'

export interface Leaf {
  readonly kind: Issued['kind']
  readonly name: string
  readonly org?: string
  readonly unit?: string
  readonly names: AlternativeNames
  readonly period: Period
  /** The public half suffices. */
  readonly key: KeyObject
  /** Random unless given. */
  readonly serial?: Uint8Array
}

export function signLeaf(leaf: Leaf, issuer: Issuer): { pem: string; issued: Issued } {
  const { kind, name, org, unit, names, period, serial = randomSerial() } = leaf
  const publicKey = publicKeyDer(leaf.key)
  const subject: DistinguishedName = [
    ...(org === undefined ? [] : [['O', org] as const]),
    ...(unit === undefined ? [] : [['OU', unit] as const]),
    ['CN', name],
  ]
  const purpose = kind === 'client' ? 'clientAuth' : 'serverAuth'
  const extensions = leafProfile(purpose, keyIdentifier(publicKey), issuer.keyId, names)
  const pem = signCertificate(
    { serial, issuer: issuer.name, subject, ...period, publicKey, extensions },
    issuer.key,
  )
  const issued: Issued = {
    serial: serialText(serial),
    kind,
    name,
    ...(org === undefined ? {} : { org }),
    ...(unit === undefined ? {} : { unit }),
    dns: [...names.dns],
    email: [...names.email],
    uri: [...names.uri],
    ip: [...names.ip],
    key: describeKey(leaf.key),
    notBefore: period.notBefore.toISOString(),
    notAfter: period.notAfter.toISOString(),
    fingerprint: fingerprint(pem),
  }
  return { pem, issued }
}
