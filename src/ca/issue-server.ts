// Issues the gateway's own certificate, for every name and address that it will be reached by.
import { isIP } from 'node:net'
import { join } from 'node:path'
import { readAlternativeNames } from './alternative-name.ts'
import { CaError } from './ca-error.ts'
import { readHost } from './client-bundle.ts'
import { joinLists } from './crl-file.ts'
import { defaultKeyKind, generateKey, isKeyKind, toPkcs8 } from './keys.ts'
import type { KeyKind } from './keys.ts'
import { openIssuer } from './open-issuer.ts'
import type { Access } from './open-issuer.ts'
import { periodWithin } from './period.ts'
import { isCrlDue, nextRevocationList } from './sign-crl.ts'
import { signLeaf } from './sign-leaf.ts'
import { commit, requireIndex, withStore } from './store.ts'
import type { Issued } from './store-index.ts'

export interface ServerRequest {
  readonly names?: readonly string[]
  readonly ips?: readonly string[]
  readonly lifetimeHours?: number
  readonly key?: KeyKind
  /** Where clients dial the gateway; remembered for every bundle from now on. */
  readonly host?: string
  /** Names and addresses for the first time, when none are asked for. */
  readonly defaults?: { readonly names: readonly string[]; readonly ips: readonly string[] }
}

export interface ServerIssue {
  readonly issued: Issued
  readonly folder: string
  readonly host: string
}

// 397 days is the longest that every TLS library of today takes from a server.
const defaultServerHours = 24 * 397

/** Run again without names, it renews with those of the last time. */
export async function issueServer(access: Access, request: ServerRequest): Promise<ServerIssue> {
  const { folder, now } = access
  const before = requireIndex(folder)
  const last = before.issued.findLast((row) => row.kind === 'server')
  const asked = [...(request.names ?? []), ...(request.ips ?? [])].length > 0
  const names = asked
    ? readServerNames(request.names ?? [], request.ips ?? [])
    : last === undefined
      ? readServerNames(request.defaults?.names ?? [], request.defaults?.ips ?? [])
      : readServerNames(last.dns, last.ip)
  const [first] = [...names.dns, ...names.ip]
  if (first === undefined) {
    throw new CaError('bad-name', 'a server needs a name or an address', {
      hint: '--name gateway.example.com --ip 192.0.2.7',
    })
  }
  const host = request.host === undefined ? undefined : readHost(request.host)
  const issuer = await openIssuer(access)
  const period = periodWithin(issuer.notAfter, now, request.lifetimeHours, defaultServerHours)
  const lastKind = last !== undefined && isKeyKind(last.key) ? last.key : defaultKeyKind
  const key = await generateKey(request.key ?? lastKind)
  // RFC 5280 bounds a common name to 64; verifiers read the alternative names alone.
  const name = first.length <= 64 ? first : 'dockgate'
  const { pem, issued } = signLeaf({ kind: 'server', name, names, period, key }, issuer)
  const keyPem = await toPkcs8(key)

  return withStore(folder, () => {
    const index = requireIndex(folder)
    const files = new Map([
      ['cert.pem', pem + issuer.chain],
      ['key.pem', keyPem],
    ])
    const change = new Map<string, string | ReadonlyMap<string, string>>([['server', files]])
    const dialed = host ?? (asked ? undefined : index.host) ?? dialable(first)
    const list = isCrlDue(index.crl, now) ? nextRevocationList(index, issuer, now) : undefined
    if (list !== undefined) change.set('crl.pem', joinLists(folder, list.pem))
    const crl = list?.crl ?? index.crl
    commit(folder, { ...index, crl, host: dialed, issued: [...index.issued, issued] }, change)
    return { issued, folder: join(folder, 'server'), host: dialed }
  })
}

/** An address given as a name is an address; nothing is both. */
function readServerNames(names: readonly string[], ips: readonly string[]) {
  return readAlternativeNames({
    dns: names.filter((name) => isIP(name) === 0),
    ip: [...names.filter((name) => isIP(name) !== 0), ...ips],
  })
}

function dialable(name: string): string {
  const host = name.startsWith('*.') ? name.slice(2) : name
  return `tcp://${isIP(host) === 6 ? `[${host}]` : host}:2376`
}
