// A first certificate for whoever brings a token: everything but the key is what the operator said
// when the token was made. Of many attempts with one token exactly one is served, since the look at
// the token and its end are the same step of the store as the certificate.
import type { KeyObject } from 'node:crypto'
import { CaError } from '../ca-error.ts'
import { certify } from '../certify.ts'
import type { Certified } from '../certify.ts'
import type { TokenClaims } from '../enrollment-token.ts'
import { holderOf, validOf } from '../holder.ts'
import { defaultClientHours } from '../issue-client.ts'
import { remembered } from '../make-token.ts'
import { periodWithin } from '../period.ts'
import type { Signer } from '../signer.ts'
import type { StoreIndex, Token } from '../store-index.ts'
import type { LifetimeLimit } from './settings.ts'

export async function enroll(
  signer: Signer,
  { maxHours }: LifetimeLimit,
  claims: TokenClaims,
  key: KeyObject,
): Promise<Certified> {
  return certify(signer, key, (index, now, serial) => {
    const token = requireUsable(index, claims, now)
    const { name, org, unit, dns, email, uri, ip, host, earlier } = token
    const taken = holderOf(index, name)
    if (taken !== undefined && (taken !== name || earlier === undefined)) {
      throw new CaError('exists', `${JSON.stringify(taken)} has a certificate already`, {
        hint: 'ask your operator for a token that is for one more, or that replaces it',
      })
    }
    const hours = Math.min(maxHours, token.lifetimeHours ?? defaultClientHours)
    const used = { ...token, used: { at: now.toISOString(), serial } }
    const tokens = remembered(index, now).map((row) => (row.id === token.id ? used : row))
    return {
      leaf: {
        kind: 'client',
        name,
        ...(org === undefined ? {} : { org }),
        ...(unit === undefined ? {} : { unit }),
        names: { dns, email, uri, ip },
        period: periodWithin(signer.issuer.notAfter, now, undefined, hours),
      },
      record: { by: 'enroll', ...(host === undefined ? {} : { host }) },
      supersedes: earlier === 'revoke' ? validOf(index, name, now) : [],
      change: { tokens },
    }
  })
}

function requireUsable({ tokens = [] }: StoreIndex, claims: TokenClaims, now: Date): Token {
  const token = tokens.find(({ id }) => id === claims.id)
  if (token?.name !== claims.name) {
    throw new CaError(
      'bad-token',
      'this token is not known here: it was cancelled, or ended long ago',
      { hint: 'ask for a new one' },
    )
  }
  if (token.used !== undefined) {
    throw new CaError('bad-token', `this token was used already, at ${token.used.at}`, {
      hint: 'if that was not you, tell your operator at once; else ask for a new one',
    })
  }
  if (new Date(token.until) <= now) throw new CaError('bad-token', 'this token has expired')
  return token
}
