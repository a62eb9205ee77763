// Takes certificates back: they stand in the CRL from then on.
import { CaError } from './ca-error.ts'
import { withList } from './crl-file.ts'
import { nearest } from '../nearest.ts'
import { openIssuer } from './open-issuer.ts'
import type { Access } from './open-issuer.ts'
import type { RevocationReason } from './revocation-list.ts'
import { nextRevocationList } from './sign-crl.ts'
import type { CrlRecord } from './sign-crl.ts'
import { commit, requireIndex, withStore } from './store.ts'
import type { Issued, StoreIndex } from './store-index.ts'

export interface Revocation {
  readonly revoked: readonly Issued[]
  readonly crl: CrlRecord
}

/** `who` is a name, for every certificate it has that counts, or one serial or fingerprint. */
export async function revoke(
  access: Access,
  who: string,
  reason: RevocationReason,
): Promise<Revocation> {
  const { folder, now } = access
  requireRevocable(requireIndex(folder), who, now)
  const issuer = await openIssuer(access)
  return withStore(folder, () => {
    const index = requireIndex(folder)
    const serials = requireRevocable(index, who, now)
    const issued = markRevoked(index.issued, serials, { at: now, reason })
    const list = nextRevocationList({ ...index, issued }, issuer, now)
    commit(folder, { ...index, issued, crl: list.crl }, withList(folder, list.pem))
    return { revoked: issued.filter((row) => serials.includes(row.serial)), crl: list.crl }
  })
}

export function markRevoked(
  issued: readonly Issued[],
  serials: readonly string[],
  { at, reason }: { at: Date; reason: RevocationReason },
): Issued[] {
  return issued.map((row) =>
    serials.includes(row.serial) ? { ...row, revoked: { at: at.toISOString(), reason } } : row,
  )
}

function requireRevocable(index: StoreIndex, who: string, now: Date): string[] {
  const number = digits(who)
  const named = index.issued.filter((row) => row.name === who)
  // A client may be called as the gateway is; the name alone never takes the gateway's certificate.
  const clients = named.filter((row) => row.kind === 'client')
  const byName = clients.length > 0 ? clients : named
  const byNumber = index.issued.filter(
    (row) => digits(row.serial) === number || digits(row.fingerprint) === number,
  )
  const found = byName.length > 0 ? byName : byNumber
  const [first] = found
  if (first === undefined) {
    const near = nearest(who, new Set(index.issued.map((row) => row.name)))
    throw new CaError('missing', `nothing was issued to ${JSON.stringify(who)}`, {
      hint: near === undefined ? '"ca list" shows what was' : `did you mean ${near}?`,
    })
  }
  const counting = found.filter((row) => row.revoked === undefined && new Date(row.notAfter) > now)
  if (counting.length > 0) return counting.map((row) => row.serial)
  const { revoked } = found.findLast((row) => row.revoked !== undefined) ?? first
  throw new CaError(
    'missing',
    revoked === undefined
      ? `${JSON.stringify(who)} has no certificate that has not expired`
      : `${JSON.stringify(who)} was revoked already, at ${revoked.at} (${revoked.reason})`,
  )
}

/** Tools print serials and fingerprints with colons or without, in either case, with zeros in front. */
function digits(text: string): string {
  return text.replaceAll(':', '').replace(/^0+/, '').toLowerCase()
}
