// The pages of the console: what each shows is gathered here, as far as the role reaches that lets one see
// it, and written by src/console/.
import { readRecent } from '../audit/recent.ts'
import { isWanted } from '../audit/show.ts'
import type { Line } from '../audit/line.ts'
import { principalOf, readIssued } from '../config/issued-list.ts'
import { certificatesPage } from '../console/certificates.ts'
import { decisionsPage } from '../console/decisions.ts'
import { denialsPage, type DenialFact } from '../console/denials.ts'
import { healthPage } from '../console/health.ts'
import { icon } from '../console/icon.ts'
import type { Viewer } from '../console/page.ts'
import { rolesPage } from '../console/roles.ts'
import { spanOf, type DecisionRow, type TemporaryRow } from '../console/rows.ts'
import { script } from '../console/script.ts'
import { sessionsPage } from '../console/sessions.ts'
import { style } from '../console/style.ts'
import { youPage } from '../console/you.ts'
import { ownEndpoints } from '../docker/catalog-own.ts'
import { permissions } from '../docker/catalog.ts'
import { firstValue } from '../docker/query.ts'
import type { Principal } from '../identity/principal.ts'
import { openToAll } from '../policy/authorize.ts'
import { reachesPerson } from '../policy/ownership.ts'
import type { Policy } from '../policy/policy.ts'
import type { Role } from '../policy/role.ts'
import type { Passage } from './guard.ts'
import type { Operate } from './operate.ts'
import type { State } from './state.ts'

export interface ConsoleParts {
  readonly operate: () => Operate
  readonly state: () => State
  /** With the temporary rights. */
  readonly policy: () => Policy
  readonly now: () => number
}

export interface Page {
  readonly type: string
  readonly body: string
}

/** For everything of the console: nothing from elsewhere, nothing within a page, in no frame. */
export const consoleHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
}

const files: Readonly<Record<string, Page>> = {
  ConsoleStyle: { type: 'text/css; charset=utf-8', body: style },
  ConsoleScript: { type: 'text/javascript; charset=utf-8', body: script },
  ConsoleIcon: { type: 'image/svg+xml', body: icon },
}

/** Undefined where the endpoint is none of the console's. */
export async function consolePage(
  parts: ConsoleParts,
  passage: Passage,
  /** Those that this role reaches. */
  temporary: () => readonly TemporaryRow[],
): Promise<Page | undefined> {
  const { id } = passage.operation.endpoint
  const file = files[id]
  if (file !== undefined) return file
  const body = await write(parts, passage, id, temporary)
  return body === undefined ? undefined : { type: 'text/html; charset=utf-8', body }
}

async function write(
  parts: ConsoleParts,
  passage: Passage,
  id: string,
  temporary: () => readonly TemporaryRow[],
): Promise<string | undefined> {
  const { principal, address } = passage.peer
  const { settings } = parts.state()
  const policy = parts.policy()
  const now = parts.now()
  const roles = policy.rolesOf(principal, address, now)
  const trials = policy.trialsOf(principal, address, now)
  const viewer: Viewer = { name: principal.name, may: permissionsOf(roles), now }
  const reach = passage.basis.role.on
  const sees = (other: Principal): boolean => reachesPerson(reach, principal, other)
  const asked = (name: string): string => firstValue(passage.operation.target.query, name) ?? ''
  switch (id) {
    case 'ConsoleYou':
      return youPage(viewer, { temporary: temporary().filter(({ to }) => to === principal.name), principal, address, roles, trials, grants: policy.grantsOf(principal, address, now) }) // prettier-ignore
    case 'ConsoleSessions': {
      const rows = await parts.operate().sessions(sees)
      return sessionsPage(
        viewer,
        rows.toSorted((one, other) => other.since - one.since),
      )
    }
    case 'ConsoleDecisions': {
      const filter = {
        who: asked('who').trim(),
        what: asked('what').trim(),
        denied: asked('denied') !== '',
        own: asked('own') !== '' || asked('what').trim().startsWith('dockgate.'),
        span: spanOf(asked('span')),
      }
      const isSeen = peopleSeen(parts, passage)
      const wanted = { denied: filter.denied, wouldDeny: false, who: filter.who || undefined, what: filter.what || undefined } // prettier-ignore
      const rows: DecisionRow[] = []
      const since = now - filter.span.ms
      const read = await recent(settings.audit.path, since, (line, at) => {
        const passes = isSeen(line) && isWanted(line, wanted)
        if (passes && (filter.own || !isLook(line))) rows.push(decisionOf(line, at))
        return rows.length <= shownDecisions
      })
      const shown = rows.slice(0, shownDecisions)
      const more = rows.length > shown.length
      return decisionsPage(viewer, filter, shown, { ...read, cut: read.cut && !more, more })
    }
    case 'ConsoleDenials': {
      const span = spanOf(asked('span'))
      const isSeen = peopleSeen(parts, passage)
      const denials: DenialFact[] = []
      const read = await recent(settings.audit.path, now - span.ms, (line, at) => {
        const { decision, who, operation, reason } = decisionOf(line, at)
        if (decision !== 'allow' && isSeen(line)) denials.push({ at, who, operation, reason })
        return true
      })
      return denialsPage(viewer, span, denials, read)
    }
    case 'ConsoleRoles': {
      const all = reach.kind === 'all'
      const grants = all ? policy.grants : policy.grantsOf(principal, address, now)
      const isOnTrial = (name: string): boolean => policy.sources.get(name)?.onTrial === true
      const given = new Set(grants.flatMap((grant) => grant.roles))
      const named = [...policy.roles.values()].filter(({ name }) => given.has(name))
      return rolesPage(viewer, {
        grants,
        roles: named,
        all: permissions.size,
        isOnTrial,
        temporary: temporary(),
      })
    }
    case 'ConsoleCertificates': {
      const issued = readIssued(settings.certs)?.filter((row) => sees(principalOf(row)))
      const { periods } = parts.state().trust
      return certificatesPage(viewer, periods, issued?.toSorted((one, other) => other.notBefore - one.notBefore).slice(0, shownCertificates)) // prettier-ignore
    }
    case 'ConsoleHealth':
      return healthPage(viewer, await parts.operate().status())
    default:
      return undefined
  }
}

/** Who looks at this page, or scrapes the metrics, fills it with that. */
function isLook({ fields: { operation, decision } }: Line): boolean {
  return decision === 'allow' && looks.some((endpoint) => endpoint.permission === operation)
}

const looks = ownEndpoints.filter(({ changes }) => !changes)
const shownDecisions = 200
const shownCertificates = 500

function permissionsOf(roles: readonly Role[]): ReadonlySet<string> {
  const denied = new Set(roles.flatMap((role) => [...role.denies]))
  const allowed = roles.flatMap((role) => [...role.allows]).filter((one) => !denied.has(one))
  return new Set([...openToAll, ...allowed])
}

/** About so many records: the gateway has other things to do. */
const maxAuditBytes = 16 * 1024 * 1024
let reading: Promise<unknown> = Promise.resolve()

/** One at a time, however many ask. */
function recent(
  ...[path, since, see]: [string, number, Parameters<typeof readRecent>[2]]
): ReturnType<typeof readRecent> {
  const next = reading.then(() => readRecent(path, { since, maxBytes: maxAuditBytes }, see))
  reading = next.catch(() => undefined)
  return next
}

/** Whose records this person may see: the audit has a name and a fingerprint, the CA's list the rest. */
function peopleSeen(parts: ConsoleParts, { peer, basis }: Passage): (line: Line) => boolean {
  const { on } = basis.role
  if (on.kind === 'all') return () => true
  const { principal } = peer
  const seen = new Set<unknown>()
  if (on.kind === 'team') {
    for (const row of readIssued(parts.state().settings.certs) ?? []) {
      if (reachesPerson(on, principal, principalOf(row))) seen.add(row.fingerprint)
    }
  }
  const isOwnName = on.kind !== 'label'
  return ({ fields }) =>
    (isOwnName && fields['who'] === principal.name) || seen.has(fields['fingerprint'])
}

function decisionOf({ fields }: Line, at: number): DecisionRow {
  const text = (key: string): string => {
    const value = fields[key]
    return typeof value === 'string' ? value : ''
  }
  const decision = text('decision')
  return {
    id: text('id'),
    at,
    who: text('who'),
    address: text('address'),
    decision: decision === 'allow' || decision === 'deny' ? decision : 'refuse',
    operation: text('operation'),
    what: text('intent') || `${text('method')} ${text('target')}`,
    role: text('role'),
    reason: text('reason'),
    detail: text('detail'),
  }
}
