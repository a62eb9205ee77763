// PKCS#10 (RFC 2986) in and out. Of a request the authority takes the public key and the proof that
// its sender holds the private one, and nothing else: names, extensions and attributes are not read.
import { verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { CaError } from './ca-error.ts'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { publicKeyDer, signatureAlgorithm, signBytes } from './keys.ts'
import { oids } from './oids.ts'
import { fromPem, toPem } from './pem.ts'
import { readPublicKey } from './public-key.ts'
import type { KeyFamily } from './public-key.ts'

const label = 'CERTIFICATE REQUEST'

// An RSA key of 4096 bits with its signature takes 1.7 kB; the rest is room for names nobody reads.
const maxCharacters = 8 * 1024

interface Scheme {
  readonly family: KeyFamily
  /** Null where the scheme has its own (Ed25519). */
  readonly digest: string | null
}

// RFC 5758 §3.2 and RFC 8410 §3 want the parameters absent, RFC 4055 §5 wants NULL. No SHA-1.
const schemes: ReadonlyMap<string, Scheme> = new Map([
  [hex(der.oid(oids.ecdsaWithSha256)), { family: 'ec', digest: 'sha256' }],
  [hex(der.oid(oids.ecdsaWithSha384)), { family: 'ec', digest: 'sha384' }],
  [hex(der.oid(oids.ecdsaWithSha512)), { family: 'ec', digest: 'sha512' }],
  [hex(der.oid(oids.ed25519)), { family: 'ed25519', digest: null }],
  [hex(der.oid(oids.sha256WithRsaEncryption), der.nothing()), { family: 'rsa', digest: 'sha256' }],
  [hex(der.oid(oids.sha384WithRsaEncryption), der.nothing()), { family: 'rsa', digest: 'sha384' }],
  [hex(der.oid(oids.sha512WithRsaEncryption), der.nothing()), { family: 'rsa', digest: 'sha512' }],
])

/** The public key of a request whose sender has proved to hold the private one. */
export function readRequest(pem: string): KeyObject {
  if (pem.length > maxCharacters) throw refused('it is too large')
  const root = der.decode(fromPem(label, pem))
  const [info, algorithm, signature, ...more] = requireSequence(root)
  if (info === undefined || algorithm === undefined || signature === undefined) {
    throw refused('a part is missing')
  }
  const [version, subject, publicKey, attributes, ...others] = requireSequence(info)
  const isVersion1 = version !== undefined && hex(version) === hex(der.integer(0))
  if (!isVersion1 || subject === undefined || publicKey === undefined) {
    throw refused('it is not of version 1')
  }
  const tags = [subject, publicKey, attributes, signature].map(tagOf)
  // SEQUENCE, SEQUENCE, [0], BIT STRING
  if (tags.join() !== '48,48,160,3' || more.length + others.length > 0) {
    throw refused('it is not built as RFC 2986 says')
  }
  const { key, family } = readPublicKey(publicKey)
  const scheme = schemes.get(hex(...requireSequence(algorithm)))
  const [unusedBits, ...octets] = der.content(signature)
  if (scheme?.family !== family || unusedBits !== 0) {
    throw refused('its signature is of a kind that is not read')
  }
  if (!verify(scheme.digest, der.encode(info), key, Buffer.from(octets))) {
    throw refused('its signature is not of the key in it')
  }
  return key
}

/** A request without names: whoever signs it knows the names from elsewhere. */
export function makeRequest(key: KeyObject): string {
  const info = der.sequence(
    der.integer(0),
    der.sequence(),
    der.decode(publicKeyDer(key)),
    der.explicit(0),
  )
  const signature = der.bits(signBytes(der.encode(info), key))
  return toPem(label, der.encode(der.sequence(info, signatureAlgorithm(key), signature)))
}

function requireSequence(value: Der): readonly Der[] {
  if (tagOf(value) !== 0x30) throw refused('it is not built as RFC 2986 says')
  return der.items(value)
}

function tagOf(value: Der | undefined): number | undefined {
  return value === undefined ? undefined : der.encode(value)[0]
}

function hex(...values: readonly Der[]): string {
  return Buffer.concat(values.map(der.encode)).toString('hex')
}

function refused(why: string): CaError {
  return new CaError('bad-request', `the certificate request cannot be used: ${why}`)
}
