// Every admitted or waiting TLS connection, until it closes, also while it is a tunnel.
import type { TLSSocket } from 'node:tls'

export interface Connections extends Iterable<TLSSocket> {
  add(socket: TLSSocket): void
  readonly size: number
}

const forgetters = new WeakSet<object>()

/** Whether whoever takes a socket from node:http must leave this listener on it. */
export function isForgetter(listener: object): boolean {
  return forgetters.has(listener)
}

export function createConnections(): Connections {
  const open = new Set<TLSSocket>()
  return {
    add(socket) {
      const forget = (): void => void open.delete(socket)
      forgetters.add(forget)
      open.add(socket)
      socket.on('close', forget)
    },
    get size() {
      return open.size
    },
    [Symbol.iterator]: () => open.values(),
  }
}
