// Makes, lists and cancels enrollment tokens.
import { randomBytes } from 'node:crypto'
import { readAlternativeNames } from './alternative-name.ts'
import type { AlternativeNames } from './alternative-name.ts'
import { CaError } from './ca-error.ts'
import { readHost } from './client-bundle.ts'
import { requireAttribute, requireName } from './client-name.ts'
import { signToken } from './enrollment-token.ts'
import { holderOf } from './holder.ts'
import { fingerprint } from './issuer.ts'
import { openIssuer } from './open-issuer.ts'
import type { Access } from './open-issuer.ts'
import { periodWithin } from './period.ts'
import { commit, requireIndex, withStore } from './store.ts'
import type { StoreIndex, Token } from './store-index.ts'

export interface TokenRequest {
  readonly name: string
  readonly org?: string
  readonly unit?: string
  readonly names?: Partial<AlternativeNames>
  /** Of the certificate. */
  readonly lifetimeHours?: number
  readonly host?: string
  /** What becomes of the certificates that this name has already; to have any is refused otherwise. */
  readonly earlier?: 'revoke' | 'keep'
  /** Of the token. */
  readonly goodForMs: number
}

export interface MadeToken {
  readonly token: string
  readonly id: string
  readonly name: string
  readonly until: string
  /** Of the CA: what the client will hold the endpoint against. */
  readonly authority: string
}

const minuteMs = 60_000
const longestMs = 7 * 24 * 60 * minuteMs
// Long enough to tell whoever comes late that it was used or is over.
const rememberedMs = 24 * 60 * minuteMs

export async function makeToken(access: Access, request: TokenRequest): Promise<MadeToken> {
  const { folder, now } = access
  const { name, org, unit, lifetimeHours, earlier, goodForMs } = request
  requireName(name)
  if (org !== undefined) requireAttribute('an organization', org)
  if (unit !== undefined) requireAttribute('a unit', unit)
  const { dns, email, uri, ip } = readAlternativeNames(request.names ?? {})
  const host = request.host === undefined ? undefined : readHost(request.host)
  if (goodForMs < minuteMs || goodForMs > longestMs) {
    throw new CaError('bad-period', 'a token is good for one minute to 7 days')
  }
  refuseTaken(requireIndex(folder), name, earlier)
  const issuer = await openIssuer(access)
  // To learn now, and not from the client, that the CA ends before the certificate would.
  if (lifetimeHours !== undefined) periodWithin(issuer.notAfter, now, lifetimeHours, lifetimeHours)
  // A JWT counts in whole seconds.
  const until = new Date(Math.floor((now.getTime() + goodForMs) / 1000) * 1000)
  const id = randomBytes(16).toString('hex')
  const token = await signToken({ id, name, until }, issuer, now)
  const row: Token = {
    id,
    name,
    ...(org === undefined ? {} : { org }),
    ...(unit === undefined ? {} : { unit }),
    dns: [...dns],
    email: [...email],
    uri: [...uri],
    ip: [...ip],
    ...(lifetimeHours === undefined ? {} : { lifetimeHours }),
    ...(host === undefined ? {} : { host }),
    ...(earlier === undefined ? {} : { earlier }),
    until: until.toISOString(),
  }
  return withStore(folder, () => {
    const index = requireIndex(folder)
    refuseTaken(index, name, earlier)
    commit(folder, { ...index, tokens: [...remembered(index, now), row] }, new Map())
    return { token, id, name, until: row.until, authority: fingerprint(issuer.anchor) }
  })
}

/** Those that can still be used. */
export function listTokens(folder: string, now: Date): Token[] {
  const tokens = requireIndex(folder).tokens ?? []
  return tokens.filter(({ used, until }) => used === undefined && new Date(until) > now)
}

export async function cancelToken(folder: string, id: string, now: Date): Promise<Token> {
  return withStore(folder, () => {
    const index = requireIndex(folder)
    const tokens = index.tokens ?? []
    const found = tokens.find((row) => row.id === id)
    if (found === undefined || found.used !== undefined || new Date(found.until) <= now) {
      throw new CaError('missing', `there is no token ${JSON.stringify(id)} that can be used`, {
        hint: '"ca token --list" shows those that can',
      })
    }
    commit(folder, { ...index, tokens: tokens.filter((row) => row !== found) }, new Map())
    return found
  })
}

/** Without those that ended long ago, so that the store does not grow with every token ever made. */
export function remembered({ tokens = [] }: StoreIndex, now: Date): Token[] {
  return tokens.filter(({ until }) => Date.parse(until) + rememberedMs > now.getTime())
}

function refuseTaken(index: StoreIndex, name: string, earlier: TokenRequest['earlier']): void {
  const taken = holderOf(index, name)
  if (taken === undefined || (taken === name && earlier !== undefined)) return
  throw new CaError('exists', `${JSON.stringify(taken)} has a certificate already`, {
    hint:
      taken === name
        ? '--again for one more, or --replace to revoke the old one when the token is used'
        : 'names that differ in case alone are one name',
  })
}
