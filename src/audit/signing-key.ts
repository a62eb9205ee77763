// The gateway's own key for signing checkpoints: made at the first start, private to its owner, with the
// public half beside it, which is all that `audit verify` needs.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
} from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'

export interface SigningKey {
  readonly key: KeyObject
  /** RFC 7638 thumbprint of the public half. */
  readonly id: string
}

export function publicPathOf(keyPath: string): string {
  return `${keyPath.replace(/\.pem$/, '')}.pub.pem`
}

export function openSigningKey(path: string): SigningKey {
  const key = readPrivate(path) ?? makePrivate(path)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Error(`${path} is no P-256 key; hint: move it away, and a new one is made`)
  }
  return { key, id: keyIdOf(createPublicKey(key)) }
}

export function readPublicKey(path: string): SigningKey {
  const key = createPublicKey(readFileSync(path))
  return { key, id: keyIdOf(key) }
}

/** RFC 7638 §3: the members in this order, without blanks. */
function keyIdOf(key: KeyObject): string {
  const { crv, kty, x, y } = key.export({ format: 'jwk' })
  return hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url')
}

function readPrivate(path: string): KeyObject | undefined {
  try {
    return createPrivateKey(readFileSync(path))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new Error(`the audit's key ${path} cannot be read`, { cause: error })
  }
}

/** The public half first: a key without it would be taken as it is at the next start. */
function makePrivate(path: string): KeyObject {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeWhole(publicPathOf(path), String(publicKey.export({ type: 'spki', format: 'pem' })), 0o644)
  writeWhole(path, String(privateKey.export({ type: 'pkcs8', format: 'pem' })), 0o600)
  return privateKey
}

function writeWhole(path: string, text: string, mode: number): void {
  const aside = `${path}.${process.pid}.new`
  const file = openSync(aside, 'w', mode)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(aside, path)
}
