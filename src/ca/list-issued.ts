// Everything that was issued, and what has become of it.
import { requireIndex } from './store.ts'
import type { Issued } from './store-index.ts'

export type Listed = Issued & { readonly status: 'valid' | 'expired' | 'revoked' }

/** With `expiringWithinMs`, only what counts now and will not any more by then. */
export function listIssued(folder: string, now: Date, expiringWithinMs?: number): Listed[] {
  const rows = requireIndex(folder).issued.map((row) => ({ ...row, status: statusOf(row, now) }))
  if (expiringWithinMs === undefined) return rows
  const limit = now.getTime() + expiringWithinMs
  return rows.filter((row) => row.status === 'valid' && Date.parse(row.notAfter) <= limit)
}

function statusOf(row: Issued, now: Date): Listed['status'] {
  if (row.revoked !== undefined) return 'revoked'
  return Date.parse(row.notAfter) <= now.getTime() ? 'expired' : 'valid'
}
