// From when until when a certificate or a CRL is valid. Pure: the clock is a parameter.
import { CaError } from './ca-error.ts'

// A verifier whose clock is a little slow must not refuse what was signed a moment ago.
const clockSlackMs = 5 * 60_000
const hourMs = 3_600_000

export interface Period {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** Whole seconds, as certificates have them. */
export function periodFrom(now: Date, hours: number): Period {
  const start = Math.floor(now.getTime() / 1000) * 1000
  // RFC 5280 §4.1.2.5 knows no year after 9999.
  if (!Number.isInteger(hours) || hours < 1 || hours > 24 * 36_500) {
    throw new CaError('bad-period', 'a lifetime is from one hour to 100 years')
  }
  return {
    notBefore: new Date(start - clockSlackMs),
    notAfter: new Date(start + hours * hourMs),
  }
}

/** As `periodFrom`, within the life of the issuer: a certificate that outlives its CA is no good. */
export function periodWithin(
  issuerNotAfter: Date,
  now: Date,
  asked: number | undefined,
  defaultHours: number,
): Period {
  const end = issuerNotAfter.toISOString()
  if (issuerNotAfter <= now) throw new CaError('bad-period', `the CA expired on ${end}`)
  const period = periodFrom(now, asked ?? defaultHours)
  if (period.notAfter <= issuerNotAfter) return period
  if (asked === undefined) return { ...period, notAfter: issuerNotAfter }
  throw new CaError('bad-period', `the CA itself ends on ${end}, before that lifetime is over`, {
    hint: 'ask for fewer --days',
  })
}

/** Some minutes, cut short where the issuer ends. */
export function minutesWithin(issuerNotAfter: Date, now: Date, minutes: number): Period {
  const { notBefore } = periodWithin(issuerNotAfter, now, undefined, 1)
  const end = notBefore.getTime() + clockSlackMs + minutes * 60_000
  return { notBefore, notAfter: new Date(Math.min(end, issuerNotAfter.getTime())) }
}

/** The lifetime that a certificate was given, without the minutes that it is dated back. */
export function wholeHoursOf(row: { notBefore: string; notAfter: string }): number {
  return Math.max(1, Math.floor((Date.parse(row.notAfter) - Date.parse(row.notBefore)) / hourMs))
}
