// How much each client, by name, has under way: requests, streams, connections, and how many requests it
// makes a second. A request costs some arithmetic on one object here, and no timer.
import type { Socket } from 'node:net'
import type { LoadLimits } from '../config/load-limits.ts'
import { failure, type Failure } from '../errors.ts'
import type { Role } from '../policy/role.ts'
import { keep, newAllowance, spend, type Allowance } from './allowance.ts'
import type { Peer } from './authenticate.ts'

/** A request that was let in, until `leave`. */
export interface Visit {
  /** To be called once where it may go on for ever, by the role that lets it; a failure where it may not. */
  streams(role: Role): Failure | undefined
  readonly leave: () => void
}

/** A request that was not. */
export interface Shed {
  readonly shed: Failure
  /** How many went unrecorded before it; undefined where this one is to be unrecorded as well. */
  readonly unrecorded: number | undefined
}

export interface Load {
  /** Why they may have no further connection; undefined where it was counted. */
  connect(peer: Peer, socket: Socket): Failure | undefined
  arrive(peer: Peer, atMs: number): Visit | Shed
  readonly inFlight: number
  readonly streams: number
}

export interface LoadParts {
  readonly limits: () => LoadLimits
  readonly clock: () => number
  /** Told of each that is turned away, with the limit that it met. */
  readonly shed: (limit: string) => void
}

interface Client {
  readonly name: string
  readonly allowance: Allowance
  inFlight: number
  streams: number
  connections: number
  /** Streams by those roles that limit them. */
  readonly byRole: Map<string, number>
  recordedMs: number
  unrecorded: number
}

/** A flood of requests must not become one of records. */
const recordEveryMs = 1_000

export function createLoad({ limits, clock, shed }: LoadParts): Load {
  let allInFlight = 0
  let allStreams = 0
  const clientOf = new WeakMap<Peer, Client>()
  const clients = keep<Client>(
    (name) => ({
      name,
      allowance: newAllowance(),
      inFlight: 0,
      streams: 0,
      connections: 0,
      byRole: new Map(),
      recordedMs: Number.NEGATIVE_INFINITY,
      unrecorded: 0,
    }),
    ({ inFlight, streams, connections }) => inFlight + streams + connections === 0,
  )
  function find(peer: Peer): Client {
    const known = clientOf.get(peer)
    if (known !== undefined) return known
    const client = clients.of(peer.principal.name, clock())
    clientOf.set(peer, client)
    return client
  }

  function turnAway(client: Client, atMs: number, limit: string, failed: Failure): Shed {
    shed(limit)
    if (atMs - client.recordedMs < recordEveryMs) {
      client.unrecorded++
      return { shed: failed, unrecorded: undefined }
    }
    const { unrecorded } = client
    client.recordedMs = atMs
    client.unrecorded = 0
    return { shed: failed, unrecorded }
  }

  function enter(client: Client): Visit {
    let role: Role | undefined
    let isStream = false
    let isOver = false
    client.inFlight++
    allInFlight++
    return {
      streams(by) {
        const { client: most } = limits()
        const ofRole = by.streams?.atOnce
        const has = client.byRole.get(by.name) ?? 0
        const met = ((): readonly [limit: string, most: number] | undefined => {
          if (client.streams >= most.streams) return ['limits.client.streams', most.streams]
          if (ofRole === undefined || has < ofRole) return undefined
          return [`streams.atOnce of role "${by.name}"`, ofRole]
        })()
        if (met !== undefined) {
          const [limit, count] = met
          shed(limit.startsWith('limits.') ? limit.slice('limits.'.length) : 'role.streams')
          return tooMany(client, `streams open, which is all that they may have`, count, limit)
        }
        isStream = true
        client.inFlight--
        allInFlight--
        client.streams++
        allStreams++
        if (ofRole !== undefined) {
          role = by
          client.byRole.set(by.name, has + 1)
        }
        return undefined
      },
      leave() {
        if (isOver) return
        isOver = true
        if (!isStream) {
          client.inFlight--
          allInFlight--
          return
        }
        client.streams--
        allStreams--
        if (role === undefined) return
        const left = (client.byRole.get(role.name) ?? 1) - 1
        if (left === 0) client.byRole.delete(role.name)
        else client.byRole.set(role.name, left)
      },
    }
  }

  return {
    connect(peer, socket) {
      const client = find(peer)
      const { connections: most } = limits().client
      if (client.connections >= most) {
        shed('client.connections')
        const words = 'connections open, which is all that they may have'
        return tooMany(client, words, most, 'limits.client.connections')
      }
      client.connections++
      socket.once('close', () => client.connections--)
      return undefined
    },
    arrive(peer, atMs) {
      const client = find(peer)
      const { client: most, all } = limits()
      if (!spend(client.allowance, most.requests, atMs)) {
        const words = 'requests a second, which is all that they may make'
        const failed = tooMany(client, words, most.requests, 'limits.client.requests')
        return turnAway(client, atMs, 'client.requests', failed)
      }
      if (client.inFlight >= most.inFlight) {
        const words = 'requests under way, which is all that they may have'
        const failed = tooMany(client, words, most.inFlight, 'limits.client.inFlight')
        return turnAway(client, atMs, 'client.inFlight', failed)
      }
      if (allInFlight >= all.inFlight) {
        const failed = failure(
          'overloaded',
          `${all.inFlight} requests are under way here, which is all that may be (limits.all.inFlight): try again`,
        )
        return turnAway(client, atMs, 'all.inFlight', failed)
      }
      return enter(client)
    },
    get inFlight() {
      return allInFlight
    },
    get streams() {
      return allStreams
    },
  }
}

function tooMany({ name }: Client, words: string, most: number, limit: string): Failure {
  return failure('too-many', `${name} has ${most} ${words} (${limit}): try again later`)
}
