// The opened authority in a process that signs more than once.
import { CaError } from './ca-error.ts'
import { fingerprint } from './issuer.ts'
import type { Issuer } from './issuer.ts'
import { requireIndex } from './store.ts'
import type { StoreIndex } from './store-index.ts'

export interface Signer {
  readonly folder: string
  readonly issuer: Issuer
  readonly now: () => Date
}

/** A long-lived process must not write into the store of another CA that took the folder's place. */
export function requireOwnIndex({ folder, issuer }: Signer): StoreIndex {
  const index = requireIndex(folder)
  if (index.ca.fingerprint === fingerprint(issuer.pem)) return index
  throw new CaError('damaged', `the CA in "${folder}" is not the one that was opened`, {
    hint: 'restart "dockgate ca serve"',
  })
}
