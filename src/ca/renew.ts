// A new key and certificate for a client that has one: the same subject, the same kind of key, and
// the same lifetime unless another is asked for. The old one counts until it ends or is revoked.
import { CaError } from './ca-error.ts'
import { issueClient } from './issue-client.ts'
import type { ClientIssue } from './issue-client.ts'
import { isKeyKind } from './keys.ts'
import type { Access } from './open-issuer.ts'
import { wholeHoursOf } from './period.ts'
import { requireIndex } from './store.ts'

export interface RenewOptions {
  readonly lifetimeHours?: number
  readonly host?: string
  readonly revokeEarlier?: boolean
}

export async function renew(
  access: Access,
  name: string,
  options: RenewOptions = {},
): Promise<ClientIssue> {
  const last = requireIndex(access.folder).issued.findLast(
    (row) => row.kind === 'client' && row.name === name,
  )
  if (last === undefined) {
    throw new CaError('missing', `${JSON.stringify(name)} has no certificate to renew`, {
      hint: `dockgate ca issue ${name}`,
    })
  }
  if (last.revoked !== undefined) {
    throw new CaError('missing', `the certificate of ${JSON.stringify(name)} was revoked`, {
      hint: `"ca issue ${name} --replace" if they are to have one again`,
    })
  }
  const { org, unit, dns, email, uri, ip, key } = last
  const host = options.host ?? last.host
  return issueClient(access, {
    name,
    ...(org === undefined ? {} : { org }),
    ...(unit === undefined ? {} : { unit }),
    names: { dns, email, uri, ip },
    ...(isKeyKind(key) ? { key } : {}),
    usualHours: wholeHoursOf(last),
    ...(options.lifetimeHours === undefined ? {} : { lifetimeHours: options.lifetimeHours }),
    ...(host === undefined ? {} : { host }),
    earlier: options.revokeEarlier === true ? 'revoke' : 'keep',
  })
}
