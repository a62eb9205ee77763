// Connections before it is known who they are: bounded in all, and for each address in how many may wait
// for their handshake and how many may begin one. Nothing is read of what is turned away here. Where too
// many wait, the one that has waited longest goes: an honest handshake is over in a moment.
import type { Socket } from 'node:net'
import type { LoadLimits } from '../config/load-limits.ts'
import { parseAddress } from '../policy/network.ts'
import { keep, newAllowance, spend, type Allowance } from './allowance.ts'
import { beneath } from './beneath.ts'
import { evenPart, type Others } from './part.ts'

export interface Arrivals {
  /** False where it may not even begin its handshake. */
  arrive(socket: Socket): boolean
  /** Its handshake is over. */
  settled(socket: Socket): void
  /** Those that are in their handshake. */
  readonly waiting: number
}

export interface ArrivalParts {
  readonly limits: () => LoadLimits
  /** Milliseconds on a clock that never jumps. */
  readonly clock: () => number
  /** Told of each that goes, with the limit that it met. */
  readonly shed: (limit: string, socket: Socket) => void
  readonly others: Others | undefined
}

interface Place {
  readonly allowance: Allowance
  readonly waiting: Set<Socket>
}

export function createArrivals({ limits, clock, shed, others }: ArrivalParts): Arrivals {
  let open = 0
  /** In the order of their coming. */
  const waiting = new Map<string, { readonly socket: Socket; readonly place: Place }>()
  const places = keep<Place>(
    () => ({ allowance: newAllowance(), waiting: new Set() }),
    (place) => place.waiting.size === 0,
  )

  function forget(key: string): void {
    const found = waiting.get(key)
    if (found === undefined) return
    waiting.delete(key)
    found.place.waiting.delete(found.socket)
  }
  const evict = (limit: string, socket: Socket | undefined): void => {
    if (socket === undefined) return
    shed(limit, socket)
    forget(keyOf(socket))
    socket.destroy()
  }

  return {
    arrive(socket) {
      const now = clock()
      const { address, all } = limits()
      const place = places.of(networkOf(socket.remoteAddress ?? ''), now)
      const met =
        open >= evenPart(all.connections, others)
          ? 'all.connections'
          : spend(place.allowance, address.handshakes / (others?.count ?? 1), now)
            ? undefined
            : 'address.handshakes'
      if (met !== undefined) {
        shed(met, socket)
        return false
      }
      if (place.waiting.size >= evenPart(address.waiting, others)) {
        evict('address.waiting', first(place.waiting))
      }
      if (waiting.size >= evenPart(all.waiting, others)) {
        evict('all.waiting', first(waiting.values())?.socket)
      }
      const key = keyOf(socket)
      open++
      waiting.set(key, { socket, place })
      place.waiting.add(socket)
      socket.on('close', () => {
        open--
        if (waiting.get(key)?.socket === socket) forget(key)
      })
      return true
    },
    settled: (socket) => forget(keyOf(beneath(socket))),
    get waiting() {
      return waiting.size
    },
  }
}

/** The TLS socket and the one below it have this in common. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value
  return undefined
}

/** Whoever has an IPv6 address has the 2^64 of its network. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const parsed = parseAddress(address)
  return parsed?.family === 6 ? (parsed.value >> 64n).toString(16) : address
}
