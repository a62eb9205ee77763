// What will run out soon, or has: in words that an operator can act on.
import type { Period, Trust } from './trust.ts'

const wayOut: Readonly<Record<Period['of'], { readonly what: string; readonly hint: string }>> = {
  ca: { what: "the authority's certificate (ca.pem)", hint: 'a new authority' },
  crl: { what: 'the revocation list (crl.pem)', hint: 'dockgate ca crl' },
  server: { what: "the gateway's certificate (server/cert.pem)", hint: 'dockgate ca server' },
}

/** Where authorities are below a root. */
const wayOutBelow: Partial<Record<Period['of'], string>> = {
  ca: 'dockgate ca intermediate',
  crl: 'dockgate ca crl, or dockgate ca root-crl for that of the root',
}

/** What lives shorter than `remindMs` is told of in the last quarter of its life. */
export function remindersOf(trust: Trust, remindMs: number, now: number): readonly string[] {
  const isBelow = trust.roots.some((one) => !one.checkIssued(one))
  const reminders = trust.periods.flatMap(({ of, from, until }) => {
    if (until - now > Math.min(remindMs, (until - from) / 4)) return []
    const { what } = wayOut[of]
    const hint = (isBelow ? wayOutBelow[of] : undefined) ?? wayOut[of].hint
    const day = new Date(until).toISOString().slice(0, 16).replace('T', ' ')
    const past = of === 'crl' && trust.mode === 'refuse' ? 'and lets nobody in' : 'already'
    return [
      `${what} ${until < now ? `expired on ${day} UTC ${past}` : `expires on ${day} UTC`}; hint: ${hint}`,
    ]
  })
  return trust.revocations === undefined
    ? [
        ...reminders,
        'there is no revocation list, and "crl: warn" lets everybody in; hint: dockgate ca crl',
      ]
    : reminders
}
