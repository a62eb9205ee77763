// A new certificate for an authority below a root: of the same key, so that everything it issued goes
// on, or of a new one, which ends at once all that the old one issued.
import { kindOf, generateKey, isSealed, openKey, toPkcs8 } from './keys.ts'
import type { KeyKind } from './keys.ts'
import type { KeyObject, X509Certificate } from 'node:crypto'
import { CaError } from './ca-error.ts'
import { joinLists } from './crl-file.ts'
import { certificatesIn, readIssuer } from './issuer.ts'
import { passphraseFor } from './open-issuer.ts'
import type { Access } from './open-issuer.ts'
import type { RevocationReason } from './revocation-list.ts'
import { markRevoked, revoke } from './revoke.ts'
import { requireBelow } from './root-list.ts'
import { signAuthority } from './sign-authority.ts'
import type { SignedAuthority } from './sign-authority.ts'
import { nextRevocationList } from './sign-crl.ts'
import { commit, readStored, requireIndex, settleStore, withStore } from './store.ts'
import type { StoreIndex } from './store-index.ts'

export interface AuthorityRenewal {
  readonly lifetimeHours?: number
  /** Leaves the old key behind, and takes back what it signed for this reason. */
  readonly newKey?: { readonly reason: RevocationReason }
}

export async function renewAuthority(
  access: Access,
  root: Access,
  { lifetimeHours, newKey }: AuthorityRenewal,
): Promise<StoreIndex['ca']> {
  const { folder } = access
  await settleStore(folder)
  const { index } = requireBelow(folder, root)
  const request = {
    name: index.ca.name,
    ...(lifetimeHours === undefined ? {} : { lifetimeHours }),
  }
  const authorities = certificatesIn(readStored(folder, 'ca.pem'))
  const current = requireCurrent(authorities, index)
  if (newKey === undefined) {
    const signed = await signAuthority(root, { ...request, key: current.publicKey })
    return withStore(folder, () => putRenewed(access, root, signed, current))
  }
  const { key, sealedKey } = await makeKey(access, kindOf(current.publicKey))
  const signed = await signAuthority(root, { ...request, key })
  const old = authorities.filter((one) => one.publicKey.equals(current.publicKey))
  await takeBack(root, old, newKey.reason)
  return withStore(folder, () => putReplaced(access, root, signed, current, { key, sealedKey }))
}

function putRenewed(
  { folder, now }: Access,
  root: Access,
  { ca, pem, rootPem, rootList }: SignedAuthority,
  current: X509Certificate,
): StoreIndex['ca'] {
  const { index } = requireUnchanged(folder, root, current)
  // The earlier one too: a connection that was let in by it goes on.
  const others = othersIn(folder, rootPem).filter((one) => new Date(one.validTo) > now)
  const files = new Map([
    ['ca.pem', rootPem + pem + others.map(String).join('')],
    ['crl.pem', joinLists(folder, rootList)],
  ])
  commit(folder, { ...index, ca }, files)
  return ca
}

function putReplaced(
  { folder, now }: Access,
  root: Access,
  { ca, pem, rootPem }: SignedAuthority,
  current: X509Certificate,
  { key, sealedKey }: NewKey,
): StoreIndex['ca'] {
  const { index } = requireUnchanged(folder, root, current)
  const counting = index.issued.filter(
    (row) => row.revoked === undefined && new Date(row.notAfter) > now,
  )
  const serials = counting.map((row) => row.serial)
  const issued = markRevoked(index.issued, serials, { at: now, reason: 'superseded' })
  const list = nextRevocationList({ ...index, issued }, readIssuer(rootPem + pem, key), now)
  const others = othersIn(folder, rootPem).filter((one) => !one.publicKey.equals(current.publicKey))
  const rootList = readStored(root.folder, 'crl.pem')
  const files = new Map([
    ['ca.key', sealedKey],
    ['ca.pem', rootPem + pem + others.map(String).join('')],
    ['crl.pem', joinLists(folder, list.pem, rootList)],
  ])
  commit(folder, { ...index, ca, issued, crl: list.crl }, files)
  return ca
}

interface NewKey {
  readonly key: KeyObject
  readonly sealedKey: string
}

/** Sealed with the passphrase of the old one, if that is sealed. */
async function makeKey(access: Access, kind: KeyKind): Promise<NewKey> {
  const old = readStored(access.folder, 'ca.key')
  const words = await passphraseFor(access, old)
  if (isSealed(old)) openKey(old, words)
  const key = await generateKey(kind)
  return { key, sealedKey: await toPkcs8(key, words) }
}

async function takeBack(
  root: Access,
  old: readonly X509Certificate[],
  reason: RevocationReason,
): Promise<void> {
  for (const { serialNumber } of old) {
    const row = requireIndex(root.folder).issued.find(({ serial }) => serial === serialNumber)
    // After a crash, it may have been.
    if (row === undefined || row.revoked !== undefined) continue
    if (new Date(row.notAfter) > root.now) await revoke(root, row.serial, reason)
  }
}

function requireCurrent(
  authorities: readonly X509Certificate[],
  { ca }: StoreIndex,
): X509Certificate {
  const found = authorities.find((one) => printOf(one) === ca.fingerprint)
  if (found !== undefined) return found
  throw new CaError('damaged', 'ca.pem does not hold the certificate of this CA', {
    hint: 'restore the whole folder from a backup',
  })
}

/** Somebody else may have renewed it while the root signed. */
function requireUnchanged(folder: string, root: Access, current: X509Certificate) {
  const below = requireBelow(folder, root)
  if (below.index.ca.fingerprint === printOf(current)) return below
  throw new CaError('busy', `the CA in "${folder}" was renewed by another at the same time`)
}

function othersIn(folder: string, rootPem: string): readonly X509Certificate[] {
  const all = certificatesIn(readStored(folder, 'ca.pem'))
  return all.filter((one) => one.toString() !== rootPem)
}

function printOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}
