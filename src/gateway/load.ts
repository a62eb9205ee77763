// How much each client, by name, has under way: requests, streams, connections, and how many requests it
// makes a second. A request costs some arithmetic on one object here, and no timer; only one that does not
// fit into this process's part of a limit waits for a word of the others.
import type { Socket } from 'node:net'
import type { LoadLimits } from '../config/load-limits.ts'
import { failure, type Failure } from '../errors.ts'
import type { Role } from '../policy/role.ts'
import { keep, type Allowance } from './allowance.ts'
import type { Peer } from './authenticate.ts'
import { whenClosed } from './connections.ts'
import { Rate, Room, type Others, type Want } from './part.ts'
import type { Counted, CountStream } from './stream-counts.ts'

/** A request that was let in, until `leave`. */
export interface Visit {
  /** To be called once where it may go on for ever, by the role that lets it; a failure where it may not. */
  streams(role: Role): Failure | undefined | Promise<Failure | undefined>
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
  connect(peer: Peer, socket: Socket): Failure | undefined | Promise<Failure | undefined>
  arrive(peer: Peer, atMs: number): Visit | Shed | Promise<Visit | Shed>
  readonly inFlight: number
  readonly streams: number
  /** How much of what another process misses is given, and can be done without here. */
  give(want: Want): number
  /** What another gives, too late for whoever waited. */
  take(want: Want): void
}

export interface LoadParts {
  readonly limits: () => LoadLimits
  readonly clock: () => number
  /** Told of each that is turned away, with the limit that it met. */
  readonly shed: (limit: string) => void
  readonly countStream: CountStream
  readonly others: Others | undefined
}

interface Client {
  readonly name: string
  readonly requests: Rate
  readonly allowance: Allowance
  readonly inFlight: Room
  readonly connections: Room
  recordedMs: number
  unrecorded: number
}

/** A limit that was met. */
interface Met {
  readonly limit: string
  readonly failed: () => Failure
  /** Asks the others for more; undefined where that is no use. */
  readonly more: () => Promise<void> | undefined
}

/** A flood of requests must not become one of records. */
const recordEveryMs = 1_000

export function createLoad(parts: LoadParts): Load {
  const { limits, clock, shed, countStream, others } = parts
  const all = new Room({ others, clock, what: 'inFlight', who: null })
  let allStreams = 0
  const clientOf = new WeakMap<Peer, Client>()
  const clients = keep<Client>(
    (name) => {
      const of = { others, clock, who: name }
      const requests = new Rate({ ...of, what: 'requests' })
      return {
        name,
        requests,
        allowance: requests.allowance,
        inFlight: new Room({ ...of, what: 'inFlight' }),
        connections: new Room({ ...of, what: 'connections' }),
        recordedMs: Number.NEGATIVE_INFINITY,
        unrecorded: 0,
      }
    },
    ({ inFlight, connections }) => inFlight.isIdle && connections.isIdle,
  )
  function find(peer: Peer): Client {
    const known = clientOf.get(peer)
    if (known !== undefined) return known
    const client = clients.of(peer.principal.name, clock())
    clientOf.set(peer, client)
    return client
  }

  function turnAway(client: Client, atMs: number, { limit, failed }: Met): Shed {
    shed(limit)
    if (atMs - client.recordedMs < recordEveryMs) {
      client.unrecorded++
      return { shed: failed(), unrecorded: undefined }
    }
    const { unrecorded } = client
    client.recordedMs = atMs
    client.unrecorded = 0
    return { shed: failed(), unrecorded }
  }

  function meet(client: Client, atMs: number): Met | undefined {
    const { client: most, all: mostOfAll } = limits()
    if (client.inFlight.isFull(most.inFlight)) {
      const words = 'requests under way, which is all that they may have'
      return {
        limit: 'client.inFlight',
        failed: () => tooMany(client, words, most.inFlight, 'limits.client.inFlight'),
        more: () => client.inFlight.more(most.inFlight),
      }
    }
    if (all.isFull(mostOfAll.inFlight)) {
      const words = `${mostOfAll.inFlight} requests are under way here, which is all that may be (limits.all.inFlight): try again`
      return {
        limit: 'all.inFlight',
        failed: () => failure('overloaded', words),
        more: () => all.more(mostOfAll.inFlight),
      }
    }
    // The last, because it takes something away.
    if (client.requests.spend(most.requests, atMs)) return undefined
    const words = 'requests a second, which is all that they may make'
    return {
      limit: 'client.requests',
      failed: () => tooMany(client, words, most.requests, 'limits.client.requests'),
      more: () => client.requests.more(most.requests),
    }
  }

  function enter(client: Client): Visit {
    let isOver = false
    let endStream: (() => void) | undefined
    client.inFlight.enter()
    all.enter()
    return {
      streams(by) {
        const most = limits().client.streams
        const ofRole = by.streams?.atOnce ?? null
        const begin = (counted: Counted): Failure | undefined => {
          if (typeof counted === 'string') return tooManyStreams(client, by, most, counted)
          if (isOver) {
            counted()
            return undefined
          }
          endStream = counted
          leaveRooms(client)
          allStreams++
          return undefined
        }
        const counted = countStream({ who: client.name, most, role: by.name, ofRole })
        return counted instanceof Promise ? counted.then(begin) : begin(counted)
      },
      leave() {
        if (isOver) return
        isOver = true
        if (endStream === undefined) leaveRooms(client)
        else {
          allStreams--
          endStream()
        }
      },
    }
  }

  function leaveRooms(client: Client): void {
    client.inFlight.leave()
    all.leave()
  }

  function tooManyStreams(client: Client, by: Role, most: number, met: 'client' | 'role'): Failure {
    shed(`${met}.streams`)
    const words = 'streams open, which is all that they may have'
    return met === 'client'
      ? tooMany(client, words, most, 'limits.client.streams')
      : tooMany(client, words, by.streams?.atOnce ?? 0, `streams.atOnce of role "${by.name}"`)
  }

  /** Waits while the others have more to give. */
  function arrive(client: Client, atMs: number): Visit | Shed | Promise<Visit | Shed> {
    const met = meet(client, atMs)
    if (met === undefined) return enter(client)
    return met.more()?.then(() => arrive(client, clock())) ?? turnAway(client, atMs, met)
  }

  function connected({ connections }: Client, socket: Socket): undefined {
    if (socket.destroyed) return
    connections.enter()
    whenClosed(socket, () => connections.leave())
  }

  return {
    connect(peer, socket) {
      const client = find(peer)
      const { connections } = client
      const { connections: most } = limits().client
      const refuse = (): Failure => {
        shed('client.connections')
        const words = 'connections open, which is all that they may have'
        return tooMany(client, words, most, 'limits.client.connections')
      }
      const settle = (): Failure | undefined | Promise<Failure | undefined> => {
        if (!connections.isFull(most)) return connected(client, socket)
        return connections.more(most)?.then(settle) ?? refuse()
      }
      return settle()
    },
    arrive: (peer, atMs) => arrive(find(peer), atMs),
    get inFlight() {
      return all.used
    },
    get streams() {
      return allStreams
    },
    give: (want) => partOf(want)?.give(want.of, want.amount) ?? 0,
    take: (want) => partOf(want)?.add(want.of, want.amount),
  }

  /** Undefined where the limit is another one by now. */
  function partOf({ what, who, of }: Want): Room | Rate | undefined {
    if (who === null) return of === limits().all.inFlight ? all : undefined
    return of === limits().client[what] ? clients.of(who, clock())[what] : undefined
  }
}

function tooMany({ name }: Client, words: string, most: number, limit: string): Failure {
  return failure('too-many', `${name} has ${most} ${words} (${limit}): try again later`)
}
