// The part `limits` of dockgate.yaml: how much one client, one address and all of them together may ask
// of the gateway. What is not said has a default that a busy CI host does not meet; `none` lifts one.
import { parseSize } from '../policy/size.ts'
import { readDuration } from './duration.ts'
import type { Value } from './yaml-node.ts'

/** A number that survives JSON, on the way to another process, as infinity does not. */
export const unlimited = Number.MAX_SAFE_INTEGER

export interface LoadLimits {
  /** Of all connections and requests of one name. */
  readonly client: {
    /** A second, on average over ten. */
    readonly requests: number
    /** Requests under way, streams aside. */
    readonly inFlight: number
    readonly streams: number
    readonly connections: number
  }
  /** Before it is known who comes. An IPv6 network of 64 bits counts as one address. */
  readonly address: {
    /** A second, on average over ten. */
    readonly handshakes: number
    /** Connections that have not finished their handshake. */
    readonly waiting: number
  }
  readonly all: {
    readonly inFlight: number
    readonly connections: number
    readonly waiting: number
  }
  readonly time: {
    /** From the first byte of a request to the end of its headers. */
    readonly headers: number
    /** A body that is judged, or that nobody wants any more, has come to its end by then. */
    readonly body: number
    /** Between two requests. */
    readonly idle: number
  }
  readonly headers: { readonly bytes: number; readonly count: number }
}

/** All but one of the times that a connection has; this one cannot change while the listener is up. */
export interface HandshakeTime {
  /** A client that has not finished its handshake by then is cut off. */
  readonly handshakeTimeoutMs: number
}

type Kind = 'count' | 'rate' | 'time' | 'size'

interface Row {
  readonly kind: Kind
  readonly otherwise: string
  readonly least: number
}

const row = (kind: Kind, otherwise: string, least = 1): Row => ({ kind, otherwise, least })

const table = {
  client: {
    requests: row('rate', '1000/s'),
    inFlight: row('count', '1000'),
    streams: row('count', '4000'),
    connections: row('count', '6000'),
  },
  address: { handshakes: row('rate', '100/s'), waiting: row('count', '1000') },
  all: {
    inFlight: row('count', '4000'),
    connections: row('count', '16000'),
    waiting: row('count', '4000'),
  },
  time: {
    handshake: row('time', '10s'),
    headers: row('time', '30s'),
    body: row('time', '60s'),
    idle: row('time', '5m'),
  },
  headers: {
    // Registry credentials travel in headers: X-Registry-Config holds those of every registry.
    bytes: row('size', '256KiB', 16 * 1024),
    count: row('count', '1000', 64),
  },
} as const satisfies Record<string, Record<string, Row>>

const largestHeader = 16 * 1024 * 1024

export function readLoadLimits(said: Value | undefined): LoadLimits & HandshakeTime {
  const groups = said?.entries(Object.keys(table))
  const read = <G extends keyof typeof table>(
    group: G,
  ): { readonly [K in keyof (typeof table)[G]]: number } => {
    const rows: Readonly<Record<string, Row>> = table[group]
    const entries = groups?.get(group)?.entries(Object.keys(rows))
    const found = Object.entries(rows).map(([key, one]) => [key, readOne(entries?.get(key), one)])
    return Object.freeze(Object.fromEntries(found))
  }
  const { handshake, ...time } = read('time')
  return {
    client: read('client'),
    address: read('address'),
    all: read('all'),
    time: Object.freeze(time),
    headers: read('headers'),
    handshakeTimeoutMs: handshake,
  }
}

const units: Readonly<Record<Kind, string>> = {
  count: 'a whole number, or none',
  rate: '100/s, or none',
  time: '10s, 5m or 1h',
  size: '256KiB; 16KiB to 16MiB',
}

function readOne(value: Value | undefined, { kind, otherwise, least }: Row): number {
  const text = value === undefined ? otherwise : (value.text() ?? otherwise)
  const fault = (): number => {
    value?.fault(`"${text}" cannot be a limit here`, units[kind])
    return least
  }
  if (kind === 'time') {
    const ms = readDuration(text, (message, hint) => value?.fault(message, hint))
    return ms === 0 ? fault() : ms
  }
  if (kind === 'size') {
    const bytes = parseSize(text) ?? 0
    return bytes < least || bytes > largestHeader ? fault() : bytes
  }
  if (text === 'none') return unlimited
  const number = kind === 'rate' ? /^(\d{1,9})\/s$/.exec(text)?.[1] : /^(\d{1,9})$/.exec(text)?.[1]
  const count = Number(number ?? 0)
  return count < least ? fault() : count
}
