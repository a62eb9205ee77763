// Issues a client's certificate with a new key, as a bundle that is there whole or not at all.
import { join } from 'node:path'
import { readAlternativeNames } from './alternative-name.ts'
import type { AlternativeNames } from './alternative-name.ts'
import { CaError } from './ca-error.ts'
import { clientBundle, defaultHost, readHost } from './client-bundle.ts'
import { requireAttribute, requireName } from './client-name.ts'
import { joinLists } from './crl-file.ts'
import { holderOf, validOf } from './holder.ts'
import { defaultKeyKind, generateKey, toPkcs8 } from './keys.ts'
import type { KeyKind } from './keys.ts'
import { openIssuer } from './open-issuer.ts'
import type { Access } from './open-issuer.ts'
import { periodWithin } from './period.ts'
import { markRevoked } from './revoke.ts'
import { isCrlDue, nextRevocationList } from './sign-crl.ts'
import { signLeaf } from './sign-leaf.ts'
import { commit, requireIndex, withStore, type Change } from './store.ts'
import type { Issued, StoreIndex } from './store-index.ts'

export interface ClientRequest {
  readonly name: string
  readonly org?: string
  readonly unit?: string
  readonly names?: Partial<AlternativeNames>
  /** Refused when the CA ends before it is over. */
  readonly lifetimeHours?: number
  /** In place of the default, and like it cut short where the CA ends. */
  readonly usualHours?: number
  readonly key?: KeyKind
  /** Where this client dials the gateway; what was said to `issueServer` otherwise. */
  readonly host?: string
  /** What becomes of the certificates that this name has already; to have any is refused otherwise. */
  readonly earlier?: 'revoke' | 'keep'
}

export interface ClientIssue {
  readonly issued: Issued
  readonly folder: string
  readonly host: string
  /** Serials that were revoked to make room. */
  readonly revoked: readonly string[]
}

export const defaultClientHours = 24 * 365

export async function issueClient(access: Access, request: ClientRequest): Promise<ClientIssue> {
  const { folder, now } = access
  const { name, org, unit } = request
  requireName(name)
  if (org !== undefined) requireAttribute('an organization', org)
  if (unit !== undefined) requireAttribute('a unit', unit)
  const usualHours = request.usualHours ?? defaultClientHours
  const names = readAlternativeNames(request.names ?? {})
  const host = request.host === undefined ? undefined : readHost(request.host)
  refuseTaken(requireIndex(folder), request)
  const issuer = await openIssuer(access)
  const period = periodWithin(issuer.notAfter, now, request.lifetimeHours, usualHours)
  const key = await generateKey(request.key ?? defaultKeyKind)
  const { pem, issued } = signLeaf(
    {
      kind: 'client',
      name,
      ...(org === undefined ? {} : { org }),
      ...(unit === undefined ? {} : { unit }),
      names,
      period,
      key,
    },
    issuer,
  )
  const keyPem = await toPkcs8(key)

  return withStore(folder, () => {
    const index = requireIndex(folder)
    refuseTaken(index, request)
    const place = `clients/${name}`
    const parts = {
      name,
      host: host ?? index.host ?? defaultHost,
      ca: issuer.anchor,
      cert: pem + issuer.chain,
      key: keyPem,
      folder: join(folder, place),
    }
    const bundle = clientBundle(parts)
    const earlier = request.earlier === 'revoke' ? validOf(index, name, now) : []
    const rest = markRevoked(index.issued, earlier, { at: now, reason: 'superseded' })
    const row = host === undefined ? issued : { ...issued, host }
    const next = { ...index, issued: [...rest, row] }
    if (earlier.length > 0 || isCrlDue(index.crl, now)) {
      const { pem: list, crl } = nextRevocationList(next, issuer, now)
      const change: Change = new Map<string, string | typeof bundle>([
        [place, bundle],
        ['crl.pem', joinLists(folder, list)],
      ])
      commit(folder, { ...next, crl }, change)
    } else {
      commit(folder, next, new Map([[place, bundle]]))
    }
    return { issued: row, folder: parts.folder, host: parts.host, revoked: earlier }
  })
}

function refuseTaken(index: StoreIndex, { name, earlier }: ClientRequest): void {
  const taken = holderOf(index, name)
  if (taken === undefined || (taken === name && earlier !== undefined)) return
  throw new CaError('exists', `${JSON.stringify(taken)} has a certificate already`, {
    hint:
      taken === name
        ? `"ca renew ${name}" for a new one, or --replace to revoke the old one as well`
        : 'names that differ in case alone are one name',
  })
}
