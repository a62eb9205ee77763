// A client's certificate anew, for a new key of its own. Names, roles and lifetime cannot grow: all
// of them are those of the certificate that was shown.
import type { KeyObject } from 'node:crypto'
import { CaError } from '../ca-error.ts'
import { certify } from '../certify.ts'
import type { Certified } from '../certify.ts'
import { withList } from '../crl-file.ts'
import { publicKeyDer } from '../keys.ts'
import { periodWithin, wholeHoursOf } from '../period.ts'
import { markRevoked } from '../revoke.ts'
import { nextRevocationList } from '../sign-crl.ts'
import { commit, withStore } from '../store.ts'
import { requireOwnIndex } from '../signer.ts'
import type { Signer } from '../signer.ts'
import { requireCaller } from './caller.ts'
import type { Shown } from './caller.ts'
import type { LifetimeLimit } from './settings.ts'

export async function renewOwn(
  signer: Signer,
  limits: LifetimeLimit,
  shown: Shown,
  key: KeyObject,
  hours: number | undefined,
): Promise<Certified> {
  return certify(signer, key, (index, now) => {
    const row = requireCaller(shown, index, now)
    if (publicKeyDer(key).equals(shown.publicKey)) {
      throw new CaError('bad-key', 'a renewed certificate needs a new key')
    }
    if (row.by === 'oidc') {
      // It stands for what the issuer says now, not for what it said once.
      throw new CaError('not-allowed', 'a certificate for an identity token is not renewed', {
        hint: 'enroll again with a new identity token',
      })
    }
    const { name, org, unit, dns, email, uri, ip, host } = row
    const most = Math.min(limits.maxHours, wholeHoursOf(row))
    if (hours !== undefined && hours > most) {
      throw new CaError('bad-period', `this certificate is renewed for ${most} hours at most`, {
        hint: 'for a longer life, ask your operator for a new one',
      })
    }
    return {
      leaf: {
        kind: 'client',
        name,
        ...(org === undefined ? {} : { org }),
        ...(unit === undefined ? {} : { unit }),
        names: { dns, email, uri, ip },
        // Never a fault to be cut short by the end of the CA: the client did not choose it.
        period: periodWithin(signer.issuer.notAfter, now, undefined, hours ?? most),
      },
      record: { by: 'renew', renews: row.serial, ...(host === undefined ? {} : { host }) },
    }
  })
}

/**
 * Takes back the certificate that the caller's renewed. The caller shows the new one, so that whoever
 * lost the answer to a renewal has not lost the old one too.
 */
export async function supersedeOwn(signer: Signer, shown: Shown): Promise<readonly string[]> {
  const { folder, issuer } = signer
  return withStore(folder, () => {
    const index = requireOwnIndex(signer)
    const now = signer.now()
    const { renews } = requireCaller(shown, index, now)
    const earlier = index.issued.find(({ serial }) => serial === renews)
    if (earlier === undefined) {
      throw new CaError('not-allowed', 'this certificate renewed no other')
    }
    if (earlier.revoked !== undefined || new Date(earlier.notAfter) <= now) return []
    const issued = markRevoked(index.issued, [earlier.serial], { at: now, reason: 'superseded' })
    const list = nextRevocationList({ ...index, issued }, issuer, now)
    commit(folder, { ...index, issued, crl: list.crl }, withList(folder, list.pem))
    return [earlier.serial]
  })
}
