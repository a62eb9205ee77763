// What is recorded of a request, and what becomes of one that may not go on: one record, one sentence to
// the client.
import type { Asked, Audit, Decided } from '../audit/record.ts'
import { intentOf } from '../docker/intent.ts'
import { needsOf } from '../docker/needs.ts'
import type { Operation } from '../docker/operation.ts'
import { recordTarget } from '../docker/record-target.ts'
import { failure, type Failure } from '../errors.ts'
import { factsOf } from '../identity/facts.ts'
import type { Deny } from '../policy/decision.ts'
import type { Peer } from './authenticate.ts'
import type { Incoming } from './body.ts'
import type { Shed } from './load.ts'
import type { Noted } from './trial.ts'

/** The refusal, as the client is told. */
export interface Refusal {
  readonly id: string
  readonly status: number
  readonly message: string
}

/** What is known of a request so far. */
export interface Known {
  readonly id: string
  readonly peer: Peer
  readonly incoming: Incoming
  operation?: Operation
  /** What the record says of how far it reaches, and of roles on trial. */
  noted?: Noted
}

export function describe(
  { id, peer, incoming, operation, noted }: Known,
  target: string,
): Asked & Noted & Pick<Decided, 'needs'> {
  const facts = factsOf(peer.principal)
  const needs = operation && needsOf(operation)
  return {
    id,
    who: peer.principal.name,
    fingerprint: peer.principal.fingerprint,
    ...(facts && { facts }),
    address: peer.address,
    operation: operation?.permission ?? 'unknown',
    ...(operation === undefined ? {} : { intent: intentOf(operation) }),
    method: incoming.raw.method ?? '',
    target,
    ...(needs === undefined ? {} : { needs }),
    ...noted,
  }
}

export function unrecorded({ id }: Known): Refusal {
  const { status, message } = failure('audit-failed')
  return { id, status, message: `dockgate: ${message} (quote ${id})` }
}

const maxUnreadTarget = 200

/** A refusal and what is recorded of it. */
interface TurnedAway {
  readonly refusal: Refusal
  readonly record: Decided
}

export async function refuse(audit: Audit, known: Known, failed: Failure): Promise<Refusal> {
  const turned = refused(known, failed)
  await recordDenial(audit, turned)
  return turned.refusal
}

export async function deny(audit: Audit, known: Known, decision: Deny): Promise<Refusal> {
  const turned = deniedBy(known, decision)
  await recordDenial(audit, turned)
  return turned.refusal
}

/** Of many that are turned away in one second, one is on record. */
export async function turnAway(
  audit: Audit,
  known: Known,
  { shed, unrecorded: before }: Shed,
): Promise<Refusal> {
  if (before === undefined) return refused(known, shed).refusal
  const detail = before === 0 ? {} : { detail: `${before} more before it went unrecorded` }
  return refuse(audit, known, { ...shed, ...detail })
}

export function refused(known: Known, failed: Failure): TurnedAway {
  const { id } = known
  return {
    record: {
      ...describe(known, incomingTarget(known)),
      decision: 'refuse',
      reason: failed.code,
      ...(failed.detail === undefined ? {} : { detail: failed.detail }),
    },
    // In the engine's own words, like what was not theirs from the start.
    refusal: {
      id,
      status: failed.status,
      message:
        failed.code === 'not-found' ? failed.message : `dockgate: ${failed.message} (quote ${id})`,
    },
  }
}

export function deniedBy(known: Known, { role, reason, message }: Deny): TurnedAway {
  const { id } = known
  const record: Decided = {
    ...describe(known, incomingTarget(known)),
    decision: 'deny',
    role,
    reason,
    detail: message,
  }
  // What is somebody else's does not exist: the engine's own words, and nothing of ours.
  if (reason === 'not-theirs') return { record, refusal: { id, status: 404, message } }
  const status = reason === 'taken' ? 409 : 403
  const told = `dockgate: ${message}. Ask your operator, quoting ${id}`
  return { record, refusal: { id, status, message: told } }
}

function incomingTarget({ operation, incoming }: Known): string {
  return operation === undefined
    ? // What could not be read may hold secrets in its query.
      (incoming.target.split('?', 1)[0] ?? '').slice(0, maxUnreadTarget)
    : recordTarget(operation)
}

/** A denial stands whether or not it can be recorded. */
export async function recordDenial(audit: Audit, { record }: TurnedAway): Promise<void> {
  try {
    await audit.decided(record)
  } catch {
    // The audit itself has told why, once.
  }
}
