// Tells whose certificate ends soon, in time to renew it: themselves, by a header of every answer on
// the connection, and the operator, by the log. Worked out once for each connection.
import type { Principal } from '../identity/principal.ts'

export const expiryHeader = 'Dockgate-Certificate-Expires'

export interface ExpiryNotices {
  /** To be called once a connection that was let in. */
  admitted(socket: object, principal: Principal): void
  /** What the header says on this connection; undefined where there is nothing to say. */
  of(socket: object): string | undefined
}

export interface ExpiryParts {
  readonly remindMs: () => number
  readonly now: () => number
  readonly warn: (about: object, what: string) => void
}

/** Whoever connects every minute is in the log this often. */
const againMs = 6 * 3_600_000
const remembered = 10_000

export function createExpiryNotices({ remindMs, now, warn }: ExpiryParts): ExpiryNotices {
  const notices = new WeakMap<object, string>()
  const told = new Map<string, number>()
  return {
    of: (socket) => notices.get(socket),
    admitted(socket, { name, serial, fingerprint, notBefore, notAfter }) {
      const time = now()
      // As for the gateway's own: what lives shorter is told of in the last quarter of its life.
      if (notAfter - time > Math.min(remindMs(), (notAfter - notBefore) / 4)) return
      const expires = new Date(notAfter).toISOString().replace('.000Z', 'Z')
      notices.set(socket, expires)
      if (time - (told.get(fingerprint) ?? -againMs) < againMs) return
      if (told.size >= remembered) told.clear()
      told.set(fingerprint, time)
      warn({ who: name, serial, expires }, 'a certificate expires soon; hint: dockgate renew')
    },
  }
}
