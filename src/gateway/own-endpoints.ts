// The answers to dockgate's own endpoints, under `/_dockgate/`: who one is here, whether the gateway is
// well, its metrics, and what is under way. They were judged and recorded like any other request.
import type { FastifyReply } from 'fastify'
import type { Audit } from '../audit/record.ts'
import { firstValue } from '../docker/query.ts'
import { openToAll } from '../policy/authorize.ts'
import { reachesPerson } from '../policy/ownership.ts'
import type { Policy } from '../policy/policy.ts'
import { consoleHeaders, consolePage, type ConsoleParts } from './console.ts'
import { readReason } from './control.ts'
import type { Passage } from './guard.ts'
import type { Metrics } from './metrics.ts'
import type { Operate } from './operate.ts'
import { missingOf } from './readiness.ts'

export interface OwnParts extends ConsoleParts {
  readonly operate: () => Operate
  readonly metrics: Pick<Metrics, 'type' | 'text'>
  readonly policy: () => Policy
  readonly audit: Audit
  readonly now: () => number
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export async function answerOwn(
  parts: OwnParts,
  passage: Passage,
  reply: FastifyReply,
): Promise<void> {
  const { status, type, body, headers } = await answerTo(parts, passage)
  if (!reply.sent) reply.hijack()
  const bytes = Buffer.from(body)
  reply.raw.writeHead(status, {
    'Content-Type': type,
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
    ...headers,
  })
  reply.raw.end(bytes)
  parts.audit.ended({
    id: passage.id,
    who: passage.peer.principal.name,
    operation: passage.operation.permission,
    status,
    bytesIn: 0,
    bytesOut: bytes.length,
    durationMs: parts.now() - passage.startedAt,
    how: 'finished',
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
    default: {
      const page = await consolePage(parts, passage)
      if (page !== undefined) return { status: 200, headers: consoleHeaders, ...page }
      throw new Error(`INVARIANT: ${passage.operation.endpoint.id} has an answer`)
    }
  }
}

function whoami({ policy, now }: OwnParts, { peer }: Passage): object {
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
  if (why === undefined)
    return json(400, { message: 'dockgate: a reason is one line of 200 characters at most' })
  const id = operation.params['id'] ?? ''
  const visible = (await reached(parts, passage)).some((row) => row.id === id)
  const ended = visible
    ? await parts.operate().end({ id }, `by ${peer.principal.name}: ${why}`)
    : []
  return ended.length === 0
    ? json(404, { message: `dockgate: no session has the id ${JSON.stringify(id)}` })
    : json(200, ended)
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}
