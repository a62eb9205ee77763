// Who calls, by the client certificate of the connection: OpenSSL says that the CA signed it for
// clients and that it has not ended, the store says that it was issued and not taken back.
import type { TLSSocket } from 'node:tls'
import { CaError } from '../ca-error.ts'
import type { Issued, StoreIndex } from '../store-index.ts'

/** What a connection shows: enough to find the certificate's record. */
export interface Shown {
  readonly fingerprint: string
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer
}

export function shownBy(socket: TLSSocket): Shown {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) {
    throw new CaError('not-allowed', 'no client certificate was shown', {
      hint: 'renewing needs the certificate that is to be renewed',
    })
  }
  if (!socket.authorized) {
    // An Error by its declaration, a code in fact.
    const isOver = String(socket.authorizationError) === 'CERT_HAS_EXPIRED'
    throw new CaError(
      'not-allowed',
      isOver ? 'this certificate has expired' : 'this is no client certificate of this CA',
      isOver ? { hint: 'ask your operator for a token, and "dockgate enroll"' } : {},
    )
  }
  return {
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    publicKey: certificate.publicKey.export({ type: 'spki', format: 'der' }),
  }
}

/** The record of it, as `index` has it at this moment. */
export function requireCaller(shown: Shown, index: StoreIndex, now: Date): Issued {
  const row = index.issued.find(({ fingerprint }) => fingerprint === shown.fingerprint)
  if (row?.kind !== 'client') {
    throw new CaError('not-allowed', 'this is no client certificate of this CA')
  }
  if (row.revoked !== undefined) {
    throw new CaError('not-allowed', 'this certificate was revoked', {
      hint: 'ask your operator',
    })
  }
  if (new Date(row.notAfter) <= now) {
    throw new CaError('not-allowed', 'this certificate has expired')
  }
  return row
}
