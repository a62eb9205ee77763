// A client's key and certificates as PKCS#12 (RFC 7292), for browsers and key stores: everything in
// it sealed with AES-256, and the whole under an HMAC-SHA256.
import { createHmac, hash, randomBytes } from 'node:crypto'
import type { KeyObject, X509Certificate } from 'node:crypto'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { oids } from './oids.ts'
import { passphraseRounds, seal } from './pbes2.ts'

export interface Pkcs12Content {
  readonly name: string
  readonly key: KeyObject
  readonly certificate: X509Certificate
  readonly authorities: readonly X509Certificate[]
}

export async function pkcs12(content: Pkcs12Content, password: string): Promise<Buffer> {
  const { name, key, certificate, authorities } = content
  const owner = [
    attribute(oids.friendlyName, der.bmp(name)),
    attribute(oids.localKeyId, der.octets(hash('sha256', certificate.raw, 'buffer'))),
  ]
  const certificateBags = der.sequence(
    certificateBag(certificate, owner),
    ...authorities.map((authority) => certificateBag(authority, [])),
  )
  const certificates = await seal(der.encode(certificateBags), password)
  const sealedKey = await seal(key.export({ type: 'pkcs8', format: 'der' }), password)
  const keyBag = der.sequence(
    der.oid(oids.pkcs8ShroudedKeyBag),
    der.explicit(0, der.sequence(sealedKey.algorithm, der.octets(sealedKey.bytes))),
    der.set(...owner),
  )
  const safe = der.encode(
    der.sequence(
      contentInfo(
        oids.encryptedData,
        der.sequence(
          der.integer(0),
          der.sequence(
            der.oid(oids.data),
            certificates.algorithm,
            der.implicit(0, certificates.bytes),
          ),
        ),
      ),
      contentInfo(oids.data, der.octets(der.encode(der.sequence(keyBag)))),
    ),
  )
  const salt = randomBytes(16)
  const mac = createHmac('sha256', macKey(password, salt)).update(safe).digest()
  const version3 = der.integer(3)
  return der.encode(
    der.sequence(
      version3,
      contentInfo(oids.data, der.octets(safe)),
      der.sequence(
        der.sequence(der.sequence(der.oid(oids.sha256), der.nothing()), der.octets(mac)),
        der.octets(salt),
        der.integer(passphraseRounds),
      ),
    ),
  )
}

function contentInfo(type: string, content: Der): Der {
  return der.sequence(der.oid(type), der.explicit(0, content))
}

function certificateBag(certificate: X509Certificate, attributes: readonly Der[]): Der {
  return der.sequence(
    der.oid(oids.certBag),
    der.explicit(
      0,
      der.sequence(der.oid(oids.x509Certificate), der.explicit(0, der.octets(certificate.raw))),
    ),
    attributes.length === 0 ? undefined : der.set(...attributes),
  )
}

function attribute(type: string, value: Der): Der {
  return der.sequence(der.oid(type), der.set(value))
}

/**
 * RFC 7292 appendix B.2, for one block of SHA-256, purpose 3 (integrity). The rounds are those of the
 * encryption: whoever guesses passwords takes the cheaper of the two.
 */
function macKey(password: string, salt: Buffer): Buffer {
  const blockBytes = 64
  // Big-endian UTF-16 with its terminator (appendix B.1).
  const secret = Buffer.from(`${password}\0`, 'utf16le').swap16()
  const repeated = [salt, secret].map((part) =>
    Buffer.alloc(Math.ceil(part.length / blockBytes) * blockBytes, part),
  )
  let key = hash('sha256', Buffer.concat([Buffer.alloc(blockBytes, 3), ...repeated]), 'buffer')
  for (let round = 1; round < passphraseRounds; round++) key = hash('sha256', key, 'buffer')
  return key
}
