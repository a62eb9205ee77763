// The answers to dockgate's own endpoints, under `/_dockgate/`: who one is here, whether the gateway is
// well, its metrics, and what is under way. They were judged and recorded like any other request.
import type { ServerResponse } from 'node:http'
import type { Audit } from '../audit/record.ts'
import { firstValue } from '../docker/query.ts'
import { openToAll } from '../policy/authorize.ts'
import { reachesPerson } from '../policy/ownership.ts'
import type { Policy } from '../policy/policy.ts'
import { consoleHeaders, consolePage, type ConsoleParts } from './console.ts'
import { readReason } from './control.ts'
import type { Passage } from './guard.ts'
import { grantRow, type GrantRow } from './give-grant.ts'
import type { Metrics } from './metrics.ts'
import type { Operate } from './operate.ts'
import { missingOf } from './readiness.ts'
import type { SignedGrant, TemporaryGrants } from './temporary-grants.ts'

export interface OwnParts extends ConsoleParts {
  readonly operate: () => Operate
  readonly metrics: Pick<Metrics, 'type' | 'text'>
  readonly policy: () => Policy
  readonly audit: Audit
  readonly now: () => number
  readonly grants: TemporaryGrants
  /** Why a grant gives nothing now. */
  readonly idle: (grant: SignedGrant) => string | undefined
  readonly told: (what: string, about: object) => void
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  /** For the audit. */
  readonly why?: string
}

export async function answerOwn(
  parts: OwnParts,
  passage: Passage,
  response: ServerResponse,
): Promise<void> {
  const { status, type, body, headers, why } = await answerTo(parts, passage).finally(
    passage.release,
  )
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
    ...headers,
  })
  response.end(bytes)
  parts.audit.ended({
    id: passage.id,
    who: passage.peer.principal.name,
    operation: passage.operation.permission,
    status,
    bytesIn: 0,
    bytesOut: bytes.length,
    durationMs: parts.now() - passage.startedAt,
    how: 'finished',
    ...(why === undefined ? {} : { why }),
  })
}

async function answerTo(parts: OwnParts, passage: Passage): Promise<Answer> {
  switch (passage.operation.endpoint.id) {
    case 'DockgateWhoami':
      return json(200, whoami(parts, passage))
    case 'DockgateHealthz':
      return healthz(parts)
    case 'DockgateMetrics':
      return { status: 200, type: parts.metrics.type, body: await parts.metrics.text() }
    case 'DockgateSessions':
      return json(200, await reached(parts, passage))
    case 'DockgateSessionEnd':
      return end(parts, passage)
    case 'DockgateGrant':
      return give(parts, passage)
    case 'DockgateGrants':
      return json(
        200,
        grantsReached(parts, passage).map((grant) => rowOf(parts, grant)),
      )
    case 'DockgateGrantEnd':
      return takeBack(parts, passage)
    default: {
      const page = await consolePage(parts, passage, () =>
        grantsReached(parts, passage).map((grant) => rowOf(parts, grant)),
      )
      if (page !== undefined) return { status: 200, headers: consoleHeaders, ...page }
      throw new Error(`INVARIANT: ${passage.operation.endpoint.id} has an answer`)
    }
  }
}

function whoami(parts: OwnParts, { peer }: Passage): object {
  const { policy, now } = parts
  const { principal, address } = peer
  const roles = policy().rolesOf(principal, address, now())
  const onTrial = policy().trialsOf(principal, address, now())
  const denied = new Set(roles.flatMap((role) => [...role.denies]))
  const allowed = new Set([...openToAll, ...roles.flatMap((role) => [...role.allows])])
  return {
    ...principal,
    notBefore: new Date(principal.notBefore).toISOString(),
    notAfter: new Date(principal.notAfter).toISOString(),
    address,
    roles: roles.map((role) => role.name),
    ...(onTrial.length === 0 ? {} : { onTrial: onTrial.map((role) => role.name) }),
    permissions: [...allowed].filter((one) => openToAll.has(one) || !denied.has(one)).toSorted(),
    temporary: parts.grants
      .all()
      .filter(({ to }) => to === principal.name)
      .map((grant) => rowOf(parts, grant)),
  }
}

async function healthz({ operate, now }: OwnParts): Promise<Answer> {
  const status = await operate().status()
  const faults = missingOf(status, now())
  const notInForce = status.lastReload.faults.map(({ where }) => where)
  return json(faults.length === 0 ? 200 : 503, { ok: faults.length === 0, faults, notInForce })
}

/** What is under way of those whom the role reaches. */
async function reached(
  { operate }: OwnParts,
  { peer, basis }: Passage,
): Promise<readonly { readonly id: string }[]> {
  return operate().sessions((other) => reachesPerson(basis.role.on, peer.principal, other))
}

async function end(parts: OwnParts, passage: Passage): Promise<Answer> {
  const { operation, peer } = passage
  const why = readReason(firstValue(operation.target.query, 'reason'))
  if (why === undefined) return refusal(400, 'a reason is one line of 200 characters at most')
  const id = operation.params['id'] ?? ''
  const visible = (await reached(parts, passage)).some((row) => row.id === id)
  const ended = visible
    ? await parts.operate().end({ id }, `by ${peer.principal.name}: ${why}`)
    : []
  return ended.length === 0
    ? refusal(404, `no session has the id ${JSON.stringify(id)}`)
    : json(200, ended)
}

/** It is on record by now. */
function give(parts: OwnParts, { gift, peer }: Passage): Answer {
  if (gift === undefined) throw new Error('INVARIANT: a grant was verified')
  let why: string | undefined
  try {
    why = parts.grants.add(gift)
  } catch (error) {
    parts.told('a temporary grant cannot be kept, so it is not given', { err: error })
    return refusal(503, 'the grant cannot be kept here, so it is not given')
  }
  if (why !== undefined) return refusal(409, why)
  const row = rowOf(parts, gift)
  parts.told('gave a temporary right', { ...row, address: peer.address })
  return json(201, row)
}

/** All for a role that reaches all; else what one gave or was given. */
function grantsReached({ grants }: OwnParts, { peer, basis }: Passage): readonly SignedGrant[] {
  const { name } = peer.principal
  const isTheirs = ({ to, giver }: SignedGrant): boolean =>
    to === name || giver.principal.name === name
  return grants.all().filter((grant) => basis.role.on.kind === 'all' || isTheirs(grant))
}

function takeBack(parts: OwnParts, passage: Passage): Answer {
  const { operation, peer } = passage
  const reason = readReason(firstValue(operation.target.query, 'reason'))
  if (reason === undefined) return refusal(400, 'a reason is one line of 200 characters at most')
  const id = operation.params['id'] ?? ''
  const none = refusal(404, `no temporary grant has the id ${JSON.stringify(id)}`)
  if (!grantsReached(parts, passage).some((grant) => grant.id === id)) return none
  try {
    const ended = parts.grants.end(id, `${peer.principal.name}: ${reason}`)
    if (ended === undefined) return none
    const row = grantRow(ended, 'it was ended')
    parts.told('ended a temporary right', { ...row, endedBy: peer.principal.name, reason })
    return { ...json(200, row), why: reason }
  } catch (error) {
    parts.told('the end of a temporary grant cannot be kept', { err: error })
    return refusal(
      503,
      'it is ended, but that cannot be kept here: after a restart it would be back',
    )
  }
}

function rowOf({ idle }: OwnParts, grant: SignedGrant): GrantRow {
  return grantRow(grant, idle(grant))
}

function refusal(status: number, why: string): Answer {
  return { ...json(status, { message: `dockgate: ${why}` }), why }
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}
