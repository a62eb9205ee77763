// Private keys and what is done with them. Made, used and sealed by node:crypto alone.
import { createPrivateKey, createPublicKey, generateKeyPair, hash, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { CaError } from './ca-error.ts'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { oids } from './oids.ts'
import { seal } from './pbes2.ts'
import { toPem } from './pem.ts'

export const keyKinds = ['ec:p256', 'ec:p384', 'rsa:3072', 'rsa:4096'] as const
export type KeyKind = (typeof keyKinds)[number]
export const defaultKeyKind: KeyKind = 'ec:p256'

const makePair = promisify(generateKeyPair)

export function isKeyKind(text: string): text is KeyKind {
  return keyKinds.some((kind) => kind === text)
}

export async function generateKey(kind: KeyKind): Promise<KeyObject> {
  const { privateKey } =
    kind === 'ec:p256' || kind === 'ec:p384'
      ? await makePair('ec', { namedCurve: kind === 'ec:p256' ? 'P-256' : 'P-384' })
      : await makePair('rsa', { modulusLength: Number(kind.slice(4)) })
  return privateKey
}

export function kindOf(key: KeyObject): KeyKind {
  const details = key.asymmetricKeyDetails
  for (const kind of keyKinds) {
    const [family, size] = kind.split(':')
    if (family !== key.asymmetricKeyType) continue
    if (family === 'rsa' && details?.modulusLength === Number(size)) return kind
    if (family === 'ec' && details?.namedCurve === curves.get(kind)) return kind
  }
  throw new CaError('bad-key', 'this kind of key is not served', {
    hint: `these are: ${keyKinds.join(', ')}`,
  })
}

const curves: ReadonlyMap<KeyKind, string> = new Map([
  ['ec:p256', 'prime256v1'],
  ['ec:p384', 'secp384r1'],
])

/** The AlgorithmIdentifier comes first, since it stands inside of what is signed. */
export function signatureAlgorithm(key: KeyObject): Der {
  switch (kindOf(key)) {
    case 'ec:p256':
      return der.sequence(der.oid(oids.ecdsaWithSha256))
    case 'ec:p384':
      return der.sequence(der.oid(oids.ecdsaWithSha384))
    case 'rsa:3072':
    case 'rsa:4096':
      // RFC 4055 §5: the parameters are NULL here, and absent for ECDSA (RFC 5758 §3.2).
      return der.sequence(der.oid(oids.sha256WithRsaEncryption), der.nothing())
  }
}

export function signBytes(bytes: Uint8Array, key: KeyObject): Buffer {
  return sign(kindOf(key) === 'ec:p384' ? 'sha384' : 'sha256', bytes, key)
}

export function publicKeyDer(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return publicKey.export({ type: 'spki', format: 'der' })
}

/** RFC 7093 §2 method 1: no SHA-1 anywhere, in 20 octets that every verifier takes. */
export function keyIdentifier(publicKey: Uint8Array): Buffer {
  const [, key] = der.items(der.decode(publicKey))
  return hash('sha256', der.content(key).subarray(1), 'buffer').subarray(0, 20)
}

/** PKCS#8 PEM, sealed with the passphrase when there is one. */
export async function toPkcs8(key: KeyObject, passphrase?: string): Promise<string> {
  const plain = key.export({ type: 'pkcs8', format: 'der' })
  if (passphrase === undefined) return toPem('PRIVATE KEY', plain)
  const { algorithm, bytes } = await seal(plain, passphrase)
  return toPem('ENCRYPTED PRIVATE KEY', der.encode(der.sequence(algorithm, der.octets(bytes))))
}

export function isSealed(pem: string): boolean {
  return pem.includes('ENCRYPTED')
}

export function openKey(pem: string, passphrase?: string): KeyObject {
  try {
    return createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase })
  } catch {
    // OpenSSL's own words name neither the file nor the cause, so they are not passed on.
    if (!isSealed(pem)) throw new CaError('bad-key', 'this is no private key in PEM')
    throw new CaError('bad-passphrase', 'the passphrase does not open the key of the CA')
  }
}
