// Signs a certificate for a public key that somebody sent, and records it: what `decide` reads, what
// it says, and the record of it are one step of the store, so that of two who may not both have
// something exactly one gets it.
import type { KeyObject } from 'node:crypto'
import { withList } from './crl-file.ts'
import { randomSerial, serialText } from './certificate.ts'
import { retire, writeRetired } from './retire.ts'
import { markRevoked } from './revoke.ts'
import { isCrlDue, nextRevocationList } from './sign-crl.ts'
import { signLeaf } from './sign-leaf.ts'
import type { Leaf } from './sign-leaf.ts'
import { requireOwnIndex } from './signer.ts'
import type { Signer } from './signer.ts'
import { commit, withStore } from './store.ts'
import type { Issued, StoreIndex } from './store-index.ts'

export interface Certification {
  readonly leaf: Omit<Leaf, 'key' | 'serial'>
  /** What else the record says of the certificate. */
  readonly record?: Partial<Pick<Issued, 'by' | 'from' | 'host' | 'renews'>>
  /** Serials to take back in the same step. */
  readonly supersedes?: readonly string[]
  /** What else of the store changes in the same step. */
  readonly change?: Partial<StoreIndex>
}

export interface Certified {
  readonly pem: string
  readonly issued: Issued
  /** Where the client dials the gateway, as far as the store knows. */
  readonly host: string | undefined
}

/** `decide` throws what the sender is to read, or says what is signed. */
export async function certify(
  signer: Signer,
  key: KeyObject,
  decide: (index: StoreIndex, now: Date, serial: string) => Certification,
): Promise<Certified> {
  const { folder, issuer } = signer
  return withStore(folder, () => {
    const index = requireOwnIndex(signer)
    const now = signer.now()
    const serial = randomSerial()
    const {
      leaf,
      record = {},
      supersedes = [],
      change = {},
    } = decide(index, now, serialText(serial))
    const { pem, issued: row } = signLeaf({ ...leaf, key, serial }, issuer)
    const issued = { ...row, ...record }
    const rest = markRevoked(index.issued, supersedes, { at: now, reason: 'superseded' })
    const { kept, retired } = retire({ issued: [...rest, issued], crl: index.crl }, now)
    writeRetired(folder, retired)
    const next = { ...index, ...change, issued: [...kept] }
    if (supersedes.length > 0 || isCrlDue(index.crl, now)) {
      const list = nextRevocationList(next, issuer, now)
      commit(folder, { ...next, crl: list.crl }, withList(folder, list.pem))
    } else {
      commit(folder, next, new Map())
    }
    return { pem, issued, host: issued.host ?? index.host }
  })
}
