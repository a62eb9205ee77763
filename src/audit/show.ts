// The audit for people: which records are asked for, and how one reads on a line. Pure.
import { harmless, type Line } from './line.ts'

export interface Wanted {
  readonly who?: string | undefined
  /** A permission, `container.*`, or any part of the intent in words. */
  readonly what?: string | undefined
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** Only what was not allowed. */
  readonly denied: boolean
  /** Only what a role on trial would deny. */
  readonly wouldDeny: boolean
  readonly id?: string | undefined
}

export function isWanted({ event, time, fields }: Line, wanted: Wanted): boolean {
  const at = Date.parse(time)
  if (wanted.since !== undefined && !(at >= wanted.since)) return false
  if (wanted.until !== undefined && !(at < wanted.until)) return false
  if (event !== 'decided') {
    // What the log says of itself answers no question about somebody.
    const asks = wanted.who ?? wanted.what ?? wanted.id
    const isAboutAll = asks === undefined && !wanted.denied && !wanted.wouldDeny
    return isAboutAll && tellsOfItself.has(event)
  }
  if (wanted.who !== undefined && fields['who'] !== wanted.who) return false
  if (wanted.id !== undefined && fields['id'] !== wanted.id) return false
  if (wanted.denied && fields['decision'] === 'allow') return false
  if (wanted.wouldDeny && fields['wouldDeny'] === undefined) return false
  return wanted.what === undefined || isAbout(fields, wanted.what)
}

function isAbout({ operation, intent }: Line['fields'], what: string): boolean {
  const permission = String(operation)
  const words = typeof intent === 'string' ? intent : ''
  if (what.endsWith('*')) return permission.startsWith(what.slice(0, -1))
  return permission === what || words.includes(what)
}

const tellsOfItself = new Set(['opened', 'recovered', 'resumed', 'retired', 'worker', 'grant'])

/** How a request went on, for the line of its decision: `204 in 34 ms`. */
export function outcomeOf({ fields }: Line): string {
  const { status, durationMs, bytesIn, bytesOut, how } = fields
  const span = `${String(status)} in ${spanOf(Number(durationMs))}`
  const moved = [
    Number(bytesIn) > 4_096 ? `${sizeOf(Number(bytesIn))} in` : '',
    Number(bytesOut) > 4_096 ? `${sizeOf(Number(bytesOut))} out` : '',
    how === 'finished' ? '' : (endings.get(how) ?? ''),
  ].filter((part) => part !== '')
  return [span, ...moved].join(', ')
}

const endings: ReadonlyMap<unknown, string> = new Map([
  ['client-left', 'the client left'],
  ['engine-broke', 'the engine broke it off'],
  ['ended', 'ended by the gateway'],
])

/** `outcome`: of its end; undefined while there is none. */
export function describeLine({ event, time, fields }: Line, outcome: string | undefined): string {
  const said = (name: string): string => {
    const value = fields[name]
    return typeof value === 'string' ? harmless(value) : ''
  }
  if (event !== 'decided')
    return `${momentOf(time)}  the log itself: ${describeItself(event, fields)}`
  const allowed = fields['decision'] === 'allow'
  const what = said('intent') || `${said('method')} ${said('target')}`
  const came = outcome === undefined ? '' : `, ${outcome}`
  const by = said('grant') === '' ? '' : ` by grant ${said('grant')}`
  const why = allowed
    ? `${said('role')}${by}${came}${tellTrial(fields['wouldDeny'])}`
    : said('detail') || said('reason')
  const cells = [
    momentOf(time),
    said('who').padEnd(12),
    said('address').padEnd(15),
    { allow: 'allowed', deny: 'DENIED ', refuse: 'REFUSED' }[said('decision')] ?? said('decision'),
    `${what} (${why})`,
    said('id'),
  ]
  return cells.join('  ')
}

function tellTrial(given: unknown): string {
  if (typeof given !== 'object' || given === null) return ''
  const { detail, reason } = given as Readonly<Record<string, unknown>>
  return `; WOULD BE DENIED: ${harmless(String(detail ?? reason))}`
}

/** The end of a request whose decision was shown a while ago. */
export function describeEnd({ time, fields }: Line, what: string, outcome: string): string {
  const who = harmless(String(fields['who']))
  const cells = [momentOf(time), who.padEnd(12), ''.padEnd(15), 'ended  ', `${what} (${outcome})`]
  return `${cells.join('  ')}  ${harmless(String(fields['id']))}`
}

function momentOf(time: string): string {
  return `${harmless(time.slice(0, 10))} ${harmless(time.slice(11, 19))}Z`
}

function describeItself(event: string, fields: Line['fields']): string {
  const { event: _event, seq: _seq, prev: _prev, time: _time, key: _key, ...rest } = fields
  return `${harmless(event)} ${harmless(JSON.stringify(rest))}`
}

function spanOf(ms: number): string {
  if (ms < 1_000) return `${ms} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function sizeOf(bytes: number): string {
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10))
  const [unit = 'B'] = ['B', 'KiB', 'MiB', 'GiB'].slice(power)
  return `${(bytes / 1024 ** power).toFixed(1)} ${unit}`
}
