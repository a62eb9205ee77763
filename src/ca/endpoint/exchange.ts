// A certificate of some minutes for an identity token: one for each token, and never under a name that
// somebody has by other means, so that no issuer can speak for a person whom the operator named.
import type { KeyObject } from 'node:crypto'
import { CaError } from '../ca-error.ts'
import { certify } from '../certify.ts'
import type { Certified } from '../certify.ts'
import { minutesWithin } from '../period.ts'
import type { Signer } from '../signer.ts'
import type { StoreIndex } from '../store-index.ts'
import type { Identity } from './identity-token.ts'
import type { LifetimeLimit } from './settings.ts'

export async function exchange(
  signer: Signer,
  { maxHours }: LifetimeLimit,
  identity: Identity,
  key: KeyObject,
): Promise<Certified> {
  const { name, uri, rule, from, hash, until } = identity
  const { org, unit, minutes } = rule
  return certify(signer, key, (index, now) => {
    const spent = (index.spent ?? []).filter((other) => new Date(other.until) > now)
    if (spent.some((other) => other.hash === hash)) {
      throw new CaError('bad-token', 'this identity token was used already')
    }
    refuseForeignName(index, identity)
    const names = { dns: [], email: [], ip: [], uri }
    return {
      leaf: {
        kind: 'client',
        name,
        ...(org === undefined ? {} : { org }),
        ...(unit === undefined ? {} : { unit }),
        names,
        period: minutesWithin(signer.issuer.notAfter, now, Math.min(minutes, maxHours * 60)),
      },
      record: { by: 'oidc', from },
      change: { spent: [...spent, { hash, until: until.toISOString() }] },
    }
  })
}

function refuseForeignName(index: StoreIndex, { name, from }: Identity): void {
  const foreign = index.issued.find(
    (row) =>
      row.kind === 'client' &&
      row.name.toLowerCase() === name.toLowerCase() &&
      (row.name !== name || row.by !== 'oidc' || row.from?.issuer !== from.issuer),
  )
  if (foreign === undefined) return
  throw new CaError('not-allowed', `${JSON.stringify(name)} is somebody else's name`, {
    hint: 'the operator gives identities of an issuer names of their own, by a prefix',
  })
}
