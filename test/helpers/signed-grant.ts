// Temporary grants as `dockgate grant` signs them, but for what a test wants otherwise.
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { CompactSign } from 'jose'
import type { Identity } from './authority.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { askDoor, type RawAnswer } from './raw-http.ts'

export interface GrantParts {
  readonly header: Record<string, unknown>
  readonly claims: Record<string, unknown>
  /** The payload itself, octet for octet. */
  readonly payload: string
  /** Whose key signs. */
  readonly key: string
}

export function thumbprint({ cert }: Identity): string {
  const hex = new X509Certificate(cert).fingerprint256.replaceAll(':', '')
  return Buffer.from(hex, 'hex').toString('base64url')
}

export function claimsOf(identity: Identity, more: Record<string, unknown> = {}): object {
  const iat = Math.floor(Date.now() / 1000)
  return {
    sub: 'alice',
    role: 'operator',
    reason: 'INC-7',
    jti: randomBytes(16).toString('hex'),
    iat,
    exp: iat + 600,
    aud: 'urn:dockgate:gateway:localhost',
    cnf: { 'x5t#S256': thumbprint(identity) },
    ...more,
  }
}

export async function signGrant(
  identity: Identity,
  { header, claims, payload, key }: Partial<GrantParts> = {},
): Promise<string> {
  const text = payload ?? JSON.stringify(claimsOf(identity, claims))
  return new CompactSign(Buffer.from(text))
    .setProtectedHeader({ alg: 'ES256', typ: 'dockgate-grant+jwt', ...header })
    .sign(createPrivateKey(key ?? identity.key))
}

export function sendGrant(
  gateway: GatewayProcess,
  identity: Identity,
  grant: string,
): Promise<RawAnswer> {
  return askDoor(gateway.door(identity), {
    method: 'POST',
    path: '/_dockgate/grants',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ grant }),
  })
}
