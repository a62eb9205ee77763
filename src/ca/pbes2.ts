// Sealing with a passphrase, the same for PKCS#8 and PKCS#12: PBES2 (RFC 8018 §6.2) with
// PBKDF2-HMAC-SHA256 and AES-256-CBC.
import { createCipheriv, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import * as der from './der.ts'
import type { Der } from './der.ts'
import { oids } from './oids.ts'

// OWASP's number for PBKDF2-HMAC-SHA256; node:crypto's own export of keys stops at OpenSSL's 2048.
export const passphraseRounds = 600_000

const derive = promisify(pbkdf2)

export interface Sealed {
  readonly algorithm: Der
  readonly bytes: Buffer
}

export async function seal(plain: Uint8Array, passphrase: string): Promise<Sealed> {
  const salt = randomBytes(16)
  const iv = randomBytes(16)
  const key = await derive(passphrase, salt, passphraseRounds, 32, 'sha256')
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const bytes = Buffer.concat([cipher.update(plain), cipher.final()])
  const derivation = der.sequence(
    der.oid(oids.pbkdf2),
    der.sequence(
      der.octets(salt),
      der.integer(passphraseRounds),
      der.sequence(der.oid(oids.hmacWithSha256), der.nothing()),
    ),
  )
  const encryption = der.sequence(der.oid(oids.aes256Cbc), der.octets(iv))
  const algorithm = der.sequence(der.oid(oids.pbes2), der.sequence(derivation, encryption))
  return { algorithm, bytes }
}
