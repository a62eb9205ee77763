// Which public keys of strangers the authority certifies: the forms that every TLS library reads in
// one way, and none that is weak or dear to verify. Pure.
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { CaError } from './ca-error.ts'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { oids } from './oids.ts'

export type KeyFamily = 'ec' | 'ed25519' | 'rsa'

// The AlgorithmIdentifier octet for octet: curves are named, never spelled out as parameters, which
// could name a generator of the sender's choice (CVE-2020-0601).
const families: ReadonlyMap<string, KeyFamily> = new Map([
  [hex(der.sequence(der.oid(oids.ecPublicKey), der.oid(oids.prime256v1))), 'ec'],
  [hex(der.sequence(der.oid(oids.ecPublicKey), der.oid(oids.secp384r1))), 'ec'],
  [hex(der.sequence(der.oid(oids.ed25519))), 'ed25519'],
  [hex(der.sequence(der.oid(oids.rsaEncryption), der.nothing())), 'rsa'],
])

const hint = 'P-256, P-384, Ed25519, or RSA with 2048 to 4096 bits and the exponent 65537'

/** A SubjectPublicKeyInfo as a key, if it is one of those. */
export function readPublicKey(info: Der): { key: KeyObject; family: KeyFamily } {
  const [algorithm, bits] = der.items(info)
  const family = algorithm === undefined ? undefined : families.get(hex(algorithm))
  if (family === undefined) throw refused()
  const bytes = der.encode(info)
  let key: KeyObject
  try {
    key = createPublicKey({ key: bytes, format: 'der', type: 'spki' })
  } catch {
    throw refused()
  }
  if (!key.export({ type: 'spki', format: 'der' }).equals(bytes)) throw refused()
  // RFC 5480 §2.2: a compressed point is optional to read, so not everybody can.
  if (family === 'ec' && der.content(bits)[1] !== 4) throw refused()
  if (family === 'rsa') {
    const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {}
    if (modulusLength < 2048 || modulusLength > 4096 || publicExponent !== 65_537n) throw refused()
  }
  return { key, family }
}

/** `ec:p256`, `ed25519`, `rsa:3072`: for the record. */
export function describeKey(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {}
  if (namedCurve !== undefined) return namedCurve === 'secp384r1' ? 'ec:p384' : 'ec:p256'
  return modulusLength === undefined ? 'ed25519' : `rsa:${modulusLength}`
}

function hex(value: Der): string {
  return der.encode(value).toString('hex')
}

function refused(): CaError {
  return new CaError('bad-key', 'this kind of key is not certified', { hint })
}
