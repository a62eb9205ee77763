// The way of every request, plain or upgraded, in one list: who asks, what is asked, may they, is it
// on record. Only a passage that comes out of here opens the way to the engine.
import type { Audit } from '../audit/record.ts'
import { isJudgeable, readBody, writeBody } from '../docker/body.ts'
import { isOwn } from '../docker/catalog-own.ts'
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import { readOperation } from '../docker/read.ts'
import { recordTarget } from '../docker/record-target.ts'
import { formatTarget } from '../docker/target.ts'
import { failure, GatewayError, isFailure, type Failure } from '../errors.ts'
import { admit, authorize, openToAll, type Admission } from '../policy/authorize.ts'
import type { Deny } from '../policy/decision.ts'
import { isShared, labelsOf, reaches } from '../policy/ownership.ts'
import type { Policy } from '../policy/policy.ts'
import type { Role } from '../policy/role.ts'
import type { Basis } from '../policy/still-allows.ts'
import { mayMake } from '../policy/stranger.ts'
import { reachNeeded, wouldDeny } from '../policy/trial.ts'
import { viewOf, type View } from '../policy/view.ts'
import type { Authenticator, Peer } from './authenticate.ts'
import { buildGate } from './archives/build.ts'
import { loadGate } from './archives/load.ts'
import type { Gate } from './archives/open.ts'
import { readWholeBody, type Incoming } from './body.ts'
import { engineFailure, type Engine } from './engine.ts'
import { checkFraming, refuseSurplusBody } from './framing.ts'
import { Held } from './held.ts'
import type { CheckGrant } from './give-grant.ts'
import type { Load, Visit } from './load.ts'
import type { ClaimNames } from './claims.ts'
import { claimNames, takeNames } from './hold-names.ts'
import { holdNetworks } from './hold-networks.ts'
import { makeVolumes } from './make-volumes.ts'
import type { Quotas } from './quotas.ts'
import type { Terminal, Terminals } from './terminals.ts'
import { createRequestId } from './request-id.ts'
import type { SignedGrant } from './temporary-grants.ts'
import { madeByName, watch, withMade, type Made } from './trial.ts'
import {
  deniedBy,
  deny,
  describe,
  recordDenial,
  refuse,
  refused,
  turnAway,
  unrecorded,
  type Known,
  type Refusal,
} from './turn-away.ts'
import type { TakeTurns } from './turns.ts'
import { weigh } from './weigh.ts'

export interface Guard {
  readonly authenticator: Authenticator
  readonly policy: () => Policy
  /** Grows whenever the policy or whom to trust changes. */
  readonly generation: () => number
  readonly engine: Engine
  readonly audit: Audit
  readonly now: () => number
  /** The largest request body that is judged. */
  readonly maxBodyBytes: number
  /** How long such a body may take to arrive. */
  readonly bodyMs: () => number
  readonly load: Load
  readonly maxHeaders: () => number
  readonly quotas: Quotas
  /** Of volumes and networks, by name. */
  readonly turns: TakeTurns
  /** Of the names of images. */
  readonly claims: ClaimNames
  readonly made: Made
  readonly checkGrant: CheckGrant
  readonly terminals: Terminals
}

/** The leave to go on: what goes to the engine, for whom, by which role. */
export interface Passage {
  readonly id: string
  readonly peer: Peer
  readonly operation: Operation
  readonly role: string
  /** By what it may go on, and the generation that said so. */
  readonly basis: Basis
  readonly generation: number
  /** Canonical target. */
  readonly target: string
  /** What is to become of the answer; undefined where it goes as it comes. */
  readonly view?: View
  /** What is sent in place of the client's body, where that was judged. */
  readonly body?: string
  /** The client's body, where it was taken from the connection for a role on trial. */
  readonly bytes?: Buffer
  /** To be told what came into being, and what else did; returns all of it. For a role on trial. */
  readonly made?: (thing: string | undefined) => readonly string[]
  /** What is to be given for a while, verified. */
  readonly gift?: SignedGrant
  /** Set where its role asks about terminals, and this may be one. */
  readonly terminal?: Terminal
  /** An archive that is judged goes through this on its way. */
  readonly context?: Pick<Gate, 'open' | 'close'> & {
    readonly refused: () => Refusal | undefined
  }
  /** To be called when it is over: others wait for what it holds. */
  readonly release: () => void
  /** Where the client leaves: what is to be called when the engine is done; undefined if nobody waits. */
  readonly keep: () => (() => void) | undefined
  readonly startedAt: number
  /** The same moment on the clock that never jumps. */
  readonly arrivedMs: number
}

export async function pass(guard: Guard, incoming: Incoming): Promise<Passage | Refusal> {
  const startedAt = guard.now()
  const arrivedMs = performance.now()
  const generation = guard.generation()
  const id = createRequestId(startedAt)
  incoming.id = id
  const peer = guard.authenticator.peerOf(incoming.raw.socket)
  if (peer === undefined) throw new Error('INVARIANT: no request without an admitted connection')
  const request: Request = { id, peer, incoming, held: new Held() }
  const arrived = guard.load.arrive(peer, arrivedMs)
  if (arrived instanceof Promise) holdIfHijacks(incoming)
  const visit = arrived instanceof Promise ? await arrived : arrived
  if ('shed' in visit) return turnAway(guard.audit, request, visit)
  request.held.add(visit.leave)
  try {
    const outcome = await walk(guard, request, { startedAt, arrivedMs, generation }, visit)
    if ('status' in outcome) request.held.release()
    return outcome
  } catch (error) {
    request.held.release()
    throw error
  }
}

/** While it waits to be read, what else comes on its connection must not become another request. */
function holdIfHijacks(incoming: Incoming): void {
  const asked = readOperation(incoming.raw.method ?? '', incoming.target)
  if (!isFailure(asked) && asked.endpoint.hijacks) incoming.hold?.()
}

async function walk(
  guard: Guard,
  request: Request,
  arrival: Pick<Passage, 'startedAt' | 'arrivedMs' | 'generation'>,
  visit: Visit,
): Promise<Passage | Refusal> {
  const { id, peer, incoming, held } = request
  const outdated = guard.authenticator.outdated(peer)
  if (outdated !== undefined) return refuse(guard.audit, request, failure('denied', outdated))

  const asked = readOperation(incoming.raw.method ?? '', incoming.target)
  if (isFailure(asked)) return refuse(guard.audit, request, asked)
  request.operation = asked
  if (asked.endpoint.hijacks) incoming.hold?.()
  const unfit = checkFraming(incoming, asked, guard.maxHeaders())
  if (unfit !== undefined) return refuse(guard.audit, request, unfit)

  const policy = guard.policy()
  const roles = policy.rolesOf(peer.principal, peer.address, arrival.startedAt)
  const trials = policy.trialsOf(peer.principal, peer.address, arrival.startedAt)
  const admission = admit(roles, peer.principal, asked, trials)
  if ('allow' in admission) return deny(guard.audit, request, admission)

  if (asked.endpoint.body === 'none') {
    const read = refuseSurplusBody(incoming, guard.bodyMs())
    const surplus = read === undefined ? undefined : await read
    if (surplus !== undefined) return refuse(guard.audit, request, surplus)
  }
  let granted: Granted
  if (isOwn(asked.endpoint)) {
    const own = await grantOwn(guard, request, asked, admission)
    if (isFailure(own)) return refuse(guard.audit, request, own)
    granted = own
  } else if ('through' in admission) {
    const role = admission.through
    const view = viewOf(role, peer.principal, asked)
    granted = { basis: { role, asked }, operation: asked, ...(view && { view }) }
    if (trials.length > 0 && !openToAll.has(asked.permission)) {
      const watched = await watch(guard, trials, peer.principal, incoming, asked)
      if (isFailure(watched)) return refuse(guard.audit, request, watched)
      const { read, noted, bytes, things } = watched
      request.operation = read
      request.noted = noted
      granted = { ...granted, ...(bytes && { bytes }), made: madeByName(read, things) }
    }
  } else {
    const decision = await judge(guard, request, asked, admission.judge, trials)
    if (isFailure(decision)) return refuse(guard.audit, request, decision)
    if ('allow' in decision) return deny(guard.audit, request, decision)
    granted = decision
  }

  const { basis, operation, view, gate, prepare, bytes, made, gift } = granted
  if (asked.endpoint.streams || asked.endpoint.hijacks) {
    const full = await visit.streams(basis.role)
    if (full !== undefined) return refuse(guard.audit, request, full)
  }
  const { name: role, grant } = basis.role
  const passage: Passage = Object.freeze({
    id,
    peer,
    operation,
    role,
    basis,
    ...arrival,
    target: formatTarget(gate?.target ?? operation.target),
    release: () => held.release(),
    keep: () => held.keep(),
    ...(view === undefined ? {} : { view }),
    ...(operation.body === undefined ? {} : { body: writeBody(operation.body) }),
    ...(gate === undefined ? {} : { context: contextOf(guard, request, gate) }),
    ...(bytes && { bytes }),
    ...(made && { made: keepMade(guard, peer, made) }),
    ...(gift === undefined ? {} : { gift }),
  })
  try {
    const asRole = { role, ...(grant === undefined ? {} : { grant }) }
    await guard.audit.decided({
      ...describe(request, recordTarget(operation)),
      decision: 'allow',
      ...asRole,
    })
  } catch {
    // The audit itself has told why. An attached terminal changes things, whatever its method is.
    const { changes, hijacks } = asked.endpoint
    if (changes || hijacks || !guard.audit.readsGoOn) return unrecorded(request)
  }
  const unprepared = await prepare?.()
  if (unprepared !== undefined) return refuse(guard.audit, request, unprepared)
  if (!asked.endpoint.hijacks) {
    guard.terminals.resized(operation)
    return passage
  }
  const opened = await guard.terminals.open(passage)
  return isFailure(opened) ? refuse(guard.audit, request, opened) : opened
}

/** What is made under a role on trial counts as theirs when it is asked what it would say. */
function keepMade(guard: Guard, { principal }: Peer, byName: readonly string[]) {
  return (thing: string | undefined): readonly string[] => {
    const all = thing === undefined ? byName : [thing, ...byName]
    guard.made.add(principal, all)
    return all
  }
}

/** What the gate refuses on the way is on record and told like any other refusal. */
function contextOf(guard: Guard, request: Request, gate: Gate): NonNullable<Passage['context']> {
  let refusal: Refusal | undefined
  return {
    open: (source) => gate.open(source),
    close: () => gate.close(),
    refused: () => {
      const why = gate.refused()
      if (why === undefined) return undefined
      if (refusal === undefined) {
        const turned = isFailure(why) ? refused(request, why) : deniedBy(request, why)
        void recordDenial(guard.audit, turned)
        refusal = turned.refusal
      }
      return refusal
    },
  }
}

interface Granted extends Pick<Passage, 'view' | 'bytes' | 'gift'> {
  readonly basis: Basis
  readonly operation: Operation
  /** What it makes beside what the answer will name; undefined where no role is on trial. */
  readonly made?: readonly string[]
  /** What must be done on the engine first, once the decision is on record. */
  readonly gate?: Gate | undefined
  readonly prepare?: () => Promise<Failure | undefined>
}

/** Our own endpoints: no engine has a say, and how far a role reaches is minded with the answer. */
async function grantOwn(
  guard: Guard,
  request: Request,
  asked: Operation,
  admission: Exclude<Admission, Deny>,
): Promise<Failure | Granted> {
  const { id, peer, incoming } = request
  // The widest role comes first.
  const role = 'through' in admission ? admission.through : admission.judge[0]
  if (role === undefined) throw new Error('INVARIANT: at least one role is to be judged')
  const read = await readJudged(guard, incoming, asked)
  if (isFailure(read)) return read
  request.operation = read
  const granted = { basis: { role, asked: read }, operation: read }
  if (read.body === undefined) return granted
  const gift = await guard.checkGrant(id, read.body, incoming.raw.socket, peer)
  return isFailure(gift) ? gift : { ...granted, gift }
}

/** Reads the body, asks the engine what the names mean, and lets the policy decide. */
async function judge(
  guard: Guard,
  request: Request,
  asked: Operation,
  roles: readonly Role[],
  trials: readonly Role[],
): Promise<Failure | Deny | Granted> {
  const { principal } = request.peer
  const sent = await readJudged(guard, request.incoming, asked)
  if (isFailure(sent)) return sent
  request.operation = sent
  const caught = (error: unknown): Failure =>
    error instanceof GatewayError ? error.failure : engineFailure(guard.engine, error)
  try {
    request.held.addUntilDone(await takeNames(guard.turns, sent))
    const weighed = await weigh(guard.engine, roles, principal, sent, asked)
    if (isFailure(weighed)) return weighed
    const { read, things, hostPaths, decision } = weighed
    request.operation = read
    request.noted = reachNeeded(principal, read, things)
    if (!decision.allow) return decision
    if (trials.length > 0) {
      const theirs = withMade(guard.made, principal, things)
      const denied = wouldDeny(trials, { principal, asked, read, things: theirs, hostPaths })
      request.noted = { ...request.noted, ...(denied && { wouldDeny: denied }) }
    }
    const { operation, view } = decision
    const role = roles.find((candidate) => candidate.name === decision.role)
    if (role === undefined) throw new Error('INVARIANT: one of the roles has allowed it')
    const isTheirs = (thing: Thing): boolean => reaches(role.on, principal, thing)
    const inherited = role.limits === 'none' ? [] : role.limits.labels.keys()
    const alike = (other: Role): boolean => {
      const same = authorize([other], principal, read, things, hostPaths)
      return same.allow && formatTarget(same.operation.target) === formatTarget(operation.target)
    }
    const { engine, claims, quotas, turns } = guard
    const { held } = request
    const who = labelsOf(role.on, principal)?.join(',') ?? principal.name
    const mayTake =
      (named: Operation) =>
      (reference: Reference, thing: Thing): boolean =>
        mayMake(role, principal, named, reference, thing)
    const claim = async (named: Operation): Promise<Failure | undefined> => {
      const claiming = { operation: named, who, mayTake: mayTake(named) }
      const claimed = await claimNames(engine, claims, claiming)
      if (typeof claimed === 'object') return claimed
      held.addUntilDone(claimed)
      return undefined
    }
    const gateOf = ({ id }: Operation['endpoint']): Gate | undefined => {
      if (id === 'ImageBuild') {
        const registries = request.incoming.raw.headers['x-registry-config']?.toString()
        return buildGate({ engine, principal, operation, roles: roles.filter(alike), registries })
      }
      if (id !== 'ImageLoad') return undefined
      const count = (imageCount: number, imageSize: number): Promise<Failure | undefined> =>
        quotas.hasRoom(role, principal, operation, { imageCount, imageSize })
      return loadGate({ engine, principal, operation, role, claim, count })
    }
    return {
      basis: { role, asked: read, things, hostPaths },
      operation,
      ...(view && { view }),
      gate: gateOf(operation.endpoint),
      prepare: async () => {
        try {
          // Names before quotas, for all: so that no two wait for each other.
          const mayJoin = (network: Thing): boolean => isTheirs(network) || isShared(network)
          const joined =
            role.on.kind === 'all'
              ? undefined
              : await holdNetworks(engine, turns, operation, things, mayJoin)
          if (typeof joined === 'object') return joined
          held.addUntilDone(joined)
          const room = await quotas.enter(role, principal, operation, things)
          if (room !== undefined && isFailure(room)) return room
          held.addUntilDone(room?.release)
          const unclaimed = await claim(operation)
          if (unclaimed !== undefined) return unclaimed
          return await makeVolumes(engine, operation, things, isTheirs, inherited)
        } catch (error) {
          return caught(error)
        }
      },
    }
  } catch (error) {
    return caught(error)
  }
}

async function readJudged(
  { maxBodyBytes, bodyMs }: Guard,
  incoming: Incoming,
  asked: Operation,
): Promise<Operation | Failure> {
  if (!isJudgeable(asked)) return asked
  const bytes = await readWholeBody(incoming, maxBodyBytes, bodyMs())
  if (isFailure(bytes)) return bytes
  const read = readBody(asked, bytes, incoming.raw.headers['content-type'])
  if (isFailure(read)) return read
  // Detached, the engine answers and stays in HTTP: what follows would be another request.
  const detaches = asked.endpoint.id === 'ExecStart' && read.body?.['Detach'] === true
  return detaches && incoming.upgraded !== undefined
    ? failure('bad-body', 'a detached exec cannot be upgraded')
    : read
}

interface Request extends Known {
  readonly held: Held
}
