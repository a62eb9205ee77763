// Connections before it is known who they are: bounded in all, and for each address in how many may wait
// for their handshake and how many may begin one. Nothing is read of what is turned away here. Where too
// many wait, the one that has waited longest goes: an honest handshake is over in a moment.
import type { Socket } from 'node:net'
import type { LoadLimits } from '../config/load-limits.ts'
import { parseAddress } from '../policy/network.ts'
import { keep, newAllowance, spend, type Allowance } from './allowance.ts'
import { beneath } from './beneath.ts'
import { Members, type Member } from './members.ts'
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
  readonly waiting: Members<Socket>
}

const wait = Symbol('where it waits')
interface Arrival extends Socket {
  [wait]?:
    | {
        readonly among: Member<Socket>
        readonly place: Place
        readonly there: Member<Socket>
      }
    | undefined
}

export function createArrivals({ limits, clock, shed, others }: ArrivalParts): Arrivals {
  let open = 0
  const waiting = new Members<Socket>()
  const places = keep<Place>(
    () => ({ allowance: newAllowance(), waiting: new Members() }),
    (place) => place.waiting.size === 0,
  )

  function forget(socket: Arrival): void {
    const found = socket[wait]
    if (found === undefined) return
    socket[wait] = undefined
    waiting.remove(found.among)
    found.place.waiting.remove(found.there)
  }
  const evict = (limit: string, socket: Socket | undefined): void => {
    if (socket === undefined) return
    shed(limit, socket)
    forget(socket)
    socket.destroy()
  }

  function carrierOf(socket: Socket): Socket | undefined {
    const carrier = beneath(socket)
    if (carrier !== socket) return carrier
    const { remoteAddress, remotePort } = socket
    return [...waiting].find(
      (one) => one.remoteAddress === remoteAddress && one.remotePort === remotePort,
    )
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
        evict('address.waiting', place.waiting.first)
      }
      if (waiting.size >= evenPart(all.waiting, others)) {
        evict('all.waiting', waiting.first)
      }
      open++
      const arrived: Arrival = socket
      const among = waiting.add(socket)
      arrived[wait] = { among, place, there: place.waiting.add(socket) }
      socket.on('close', () => {
        open--
        forget(socket)
      })
      return true
    },
    settled: (socket) => forget(carrierOf(socket) ?? socket),
    get waiting() {
      return waiting.size
    },
  }
}

/** Whoever has an IPv6 address has the 2^64 of its network. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const parsed = parseAddress(address)
  return parsed?.family === 6 ? (parsed.value >> 64n).toString(16) : address
}
