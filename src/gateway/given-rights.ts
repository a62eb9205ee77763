// The policy in force: what roles.yaml says, and what was given for a while besides. The two are kept
// apart, since what was given gives nothing on.
import type { Policy } from '../policy/policy.ts'
import { whyNotInForce, withTemporary, type Given, type Giver } from '../policy/temporary-grant.ts'
import type { SignedGrant, TemporaryGrants } from './temporary-grants.ts'

export interface GivenRights {
  /** `written`, which is the policy of roles.yaml, with what was given in it. */
  readonly policy: (written: Policy) => Policy
  /** Why a grant gives nothing now; undefined where it is in force. */
  readonly idle: (written: Policy, grant: SignedGrant) => string | undefined
}

export function createGivenRights(
  grants: TemporaryGrants,
  isGood: (giver: Giver) => boolean,
  now: () => number,
): GivenRights {
  const given: Given = { to: (name) => grants.to(name), all: () => grants.all(), isGood }
  let made: { readonly of: Policy; readonly policy: Policy } | undefined
  return {
    policy(written) {
      if (made?.of !== written) made = { of: written, policy: withTemporary(written, given) }
      return made.policy
    },
    idle: (written, grant) => whyNotInForce(written, grant, given, now()),
  }
}
