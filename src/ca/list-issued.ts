// Everything that was issued, and what has become of it.
import { readRetired } from './retire.ts'
import { requireIndex } from './store.ts'
import type { Issued } from './store-index.ts'

export type Listed = Issued & { readonly status: 'valid' | 'expired' | 'revoked' }

export interface ListOptions {
  /** Only what counts now and will not any more by then. */
  readonly expiringWithinMs?: number
  /** Also what ended and stands in the index no more. */
  readonly all?: boolean
}

export function listIssued(folder: string, now: Date, options: ListOptions = {}): Listed[] {
  const { expiringWithinMs, all = false } = options
  const { issued } = requireIndex(folder)
  const known = new Set(issued.map(({ serial }) => serial))
  const retired = all ? readRetired(folder).filter(({ serial }) => !known.has(serial)) : []
  const rows = [...retired, ...issued].map((row) => ({ ...row, status: statusOf(row, now) }))
  if (expiringWithinMs === undefined) return rows
  const limit = now.getTime() + expiringWithinMs
  return rows.filter((row) => row.status === 'valid' && Date.parse(row.notAfter) <= limit)
}

function statusOf(row: Issued, now: Date): Listed['status'] {
  if (row.revoked !== undefined) return 'revoked'
  return Date.parse(row.notAfter) <= now.getTime() ? 'expired' : 'valid'
}
