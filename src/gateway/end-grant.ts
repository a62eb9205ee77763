// The operator takes a right back that was given for a while: it stands in the folder that every process
// looks at several times a second, and in the audit.
import type { AuditLog } from '../audit/log.ts'
import type { GrantRow } from './give-grant.ts'
import { endGrant } from './temporary-grants.ts'

/** What was ended; undefined where nothing has that id. */
export type EndGrant = (id: string, why: string) => Promise<GrantRow | undefined>

export interface EndGrantParts {
  readonly folder: string
  readonly grants: () => Promise<readonly GrantRow[]>
  readonly audit: Pick<AuditLog, 'note'>
  readonly now: () => number
}

export function createEndGrant({ folder, grants, audit, now }: EndGrantParts): EndGrant {
  return async (id, why) => {
    const found = (await grants()).find((row) => row.id === id)
    if (found === undefined) return undefined
    endGrant(folder, found.jti, why, now())
    const { to, role, by } = found
    audit.note('grant', { grant: id, did: 'ended', to, role, givenBy: by, why })
    return found
  }
}
