// The root's revocation list: signed in the root's folder, and brought to where the gateway reads it.
import { CaError } from './ca-error.ts'
import { withList } from './crl-file.ts'
import type { Access } from './open-issuer.ts'
import type { RevocationReason } from './revocation-list.ts'
import { revoke } from './revoke.ts'
import { signCrl } from './sign-crl.ts'
import type { CrlRecord } from './sign-crl.ts'
import { commit, readStored, requireIndex, withStore } from './store.ts'

export interface RootListRequest {
  readonly lifetimeHours?: number
  /** An authority to take back, by its serial or fingerprint. */
  readonly revoke?: { readonly who: string; readonly reason: RevocationReason }
}

/** Signs it anew in the folder of `root`, then puts it into the store in `folder`. */
export async function signRootList(
  folder: string,
  root: Access,
  { lifetimeHours, revoke: taken }: RootListRequest,
): Promise<CrlRecord> {
  requireBelow(folder, root)
  if (taken !== undefined) await revoke(root, taken.who, taken.reason)
  const asked = lifetimeHours === undefined ? {} : { lifetimeHours }
  const crl = taken === undefined || lifetimeHours !== undefined ? await signCrl({ ...root, ...asked }) : undefined // prettier-ignore
  const { nextUpdate } = crl ?? requireIndex(root.folder).crl
  const list = readStored(root.folder, 'crl.pem')
  await withStore(folder, () => {
    const { index, above } = requireBelow(folder, root)
    const ca = { ...index.ca, root: { ...above, nextUpdate } }
    commit(folder, { ...index, ca }, withList(folder, list))
  })
  return crl ?? requireIndex(root.folder).crl
}

/** The index of a CA that this very root signed, and what it says of the root. */
export function requireBelow(folder: string, root: Access) {
  const index = requireIndex(folder)
  const { name, fingerprint } = requireIndex(root.folder).ca
  const above = index.ca.root
  if (above?.fingerprint === fingerprint) return { index, above }
  const whose = above === undefined ? 'signed itself' : `is of the root "${above.name}"`
  throw new CaError('not-allowed', `the CA in "${folder}" ${whose}, not of "${name}"`, {
    hint: '--root-dir with the folder of its root',
  })
}
