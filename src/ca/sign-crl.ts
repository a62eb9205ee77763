// The CRL of the store: signed anew after every revocation, and in time before it runs out.
import { withList } from './crl-file.ts'
import type { Issuer } from './issuer.ts'
import { openIssuer } from './open-issuer.ts'
import type { Access } from './open-issuer.ts'
import { periodFrom } from './period.ts'
import { signRevocationList } from './revocation-list.ts'
import { requireOwnIndex } from './signer.ts'
import type { Signer } from './signer.ts'
import { commit, requireIndex, settleStore, withStore } from './store.ts'
import type { StoreIndex } from './store-index.ts'

export type CrlRecord = StoreIndex['crl']

// The gateway fails closed on an expired CRL, so it must outlast a holiday of its operator.
const defaultLifetimeHours = 24 * 30

/** The next CRL for what `index` says was revoked, and its record for the index. */
export function nextRevocationList(
  index: Pick<StoreIndex, 'issued'> & { readonly crl?: CrlRecord },
  issuer: Issuer,
  now: Date,
  lifetimeHours = index.crl?.lifetimeHours ?? defaultLifetimeHours,
): { pem: string; crl: CrlRecord } {
  const { notBefore: thisUpdate, notAfter: nextUpdate } = periodFrom(now, lifetimeHours)
  const number = (index.crl?.number ?? 0) + 1
  const before = index.crl === undefined ? undefined : new Date(index.crl.thisUpdate)
  const revoked = index.issued.flatMap(({ serial, notAfter, revoked: found }) => {
    // RFC 5280 §3.3: an entry stays until it was in one list from after the certificate's end.
    if (found === undefined || (before !== undefined && new Date(notAfter) < before)) return []
    return [{ serial, at: new Date(found.at), reason: found.reason }]
  })
  const pem = signRevocationList(
    { issuer: issuer.name, issuerKeyId: issuer.keyId, number, thisUpdate, nextUpdate, revoked },
    issuer.key,
  )
  return {
    pem,
    crl: {
      number,
      thisUpdate: thisUpdate.toISOString(),
      nextUpdate: nextUpdate.toISOString(),
      lifetimeHours,
    },
  }
}

/** Half of its life is left for whoever should have signed it anew and did not. */
export function isCrlDue(crl: CrlRecord, now: Date): boolean {
  const remainingMs = Date.parse(crl.nextUpdate) - now.getTime()
  return remainingMs < (crl.lifetimeHours * 3_600_000) / 2
}

/** Signs the CRL anew; with `onlyIfDue`, undefined when it is not yet time. */
export async function signCrl(
  access: Access & { readonly lifetimeHours?: number; readonly onlyIfDue?: boolean },
): Promise<CrlRecord | undefined> {
  const { folder, now, lifetimeHours, onlyIfDue = false } = access
  // A crash may have left a signed CRL aside that names more than the one in place.
  await settleStore(folder)
  if (onlyIfDue && !isCrlDue(requireIndex(folder).crl, now)) return undefined
  const issuer = await openIssuer(access)
  return withStore(folder, () => {
    const index = requireIndex(folder)
    const { pem, crl } = nextRevocationList(index, issuer, now, lifetimeHours)
    commit(folder, { ...index, crl }, withList(folder, pem))
    return crl
  })
}

/** As `signCrl` when it is due, for a process that has the key open. */
export async function keepCrlFresh(signer: Signer): Promise<CrlRecord | undefined> {
  const { folder, issuer } = signer
  if (!isCrlDue(requireIndex(folder).crl, signer.now())) return undefined
  return withStore(folder, () => {
    const index = requireOwnIndex(signer)
    const { pem, crl } = nextRevocationList(index, issuer, signer.now())
    commit(folder, { ...index, crl }, withList(folder, pem))
    return crl
  })
}
