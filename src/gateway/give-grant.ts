// What becomes of a signed grant that somebody sends: verified and judged before it is on record, given
// after it. Nothing counts but the signature of the key that the connection itself has proved, and what
// roles.yaml lets its owner give.
import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { JsonObject } from '../docker/operation.ts'
import { failure, type Failure } from '../errors.ts'
import type { Policy } from '../policy/policy.ts'
import { whyNotGiven } from '../policy/temporary-grant.ts'
import type { Peer } from './authenticate.ts'
import { signedGrant, type SignedGrant } from './temporary-grants.ts'
import { verifyGrant, whyNotFresh } from './verify-grant.ts'

export interface GiveParts {
  /** Of roles.yaml alone. */
  readonly policy: () => Policy
  readonly server: () => X509Certificate
  readonly now: () => number
}

export type CheckGrant = (
  id: string,
  body: JsonObject,
  socket: object,
  peer: Peer,
) => Promise<SignedGrant | Failure>

export function createGrantCheck({ policy, server, now }: GiveParts): CheckGrant {
  return async (id, { grant: jws }, socket, giver) => {
    const signer = (socket as TLSSocket).getPeerX509Certificate()
    if (typeof jws !== 'string' || signer === undefined) {
      return failure('bad-body', 'there is no grant in the request; hint: dockgate grant makes one')
    }
    const claims = await verifyGrant({ jws, signer, server: server() })
    const unfit = typeof claims === 'string' ? claims : whyNotFresh(claims, now())
    if (typeof claims === 'string' || unfit !== undefined) {
      return failure('bad-body', `the grant cannot be taken: ${unfit}`, unfit)
    }
    const grant = signedGrant(claims, { id, giver, jws, certificate: signer.toString() })
    const why = whyNotGiven(policy(), grant, now())
    if (why === undefined) return grant
    return failure('denied', `${giver.principal.name} may not give this: ${why}`, why)
  }
}

/** One row of `dockgate grant --list`. */
export interface GrantRow {
  readonly id: string
  readonly jti: string
  readonly to: string
  readonly role: string
  readonly by: string
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly until: number
  /** Why it gives nothing now; null where it is in force. */
  readonly idle: string | null
}

export function grantRow(grant: SignedGrant, idle: string | undefined): GrantRow {
  const { id, jti, to, role, reason, since, until, giver } = grant
  return { id, jti, to, role, by: giver.principal.name, reason, since, until, idle: idle ?? null }
}
