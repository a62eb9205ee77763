// Who has a name already. Pure.
import type { StoreIndex } from './store-index.ts'

/** Names are folders, and some file systems take `Alice` and `alice` for one. */
export function holderOf(index: StoreIndex, name: string): string | undefined {
  return index.issued.find(
    (row) => row.kind === 'client' && row.name.toLowerCase() === name.toLowerCase(),
  )?.name
}

/** The serials of a client's certificates that count. */
export function validOf(index: StoreIndex, name: string, now: Date): string[] {
  return index.issued
    .filter((row) => row.kind === 'client' && row.name === name)
    .filter((row) => row.revoked === undefined && new Date(row.notAfter) > now)
    .map((row) => row.serial)
}
