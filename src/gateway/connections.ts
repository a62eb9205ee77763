// Every admitted or waiting TLS connection, until it closes, also while it is a tunnel.
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

export interface Connections extends Iterable<TLSSocket> {
  add(socket: TLSSocket): void
  readonly size: number
}

const acts = new WeakMap<Socket, (() => void)[]>()

/** Calls when it closes, whoever has it then; what takes it from node:http leaves this listener on it. */
export function whenClosed(socket: Socket, act: () => void): void {
  const known = acts.get(socket)
  if (known !== undefined) {
    known.push(act)
    return
  }
  acts.set(socket, [act])
  socket.on('close', tellClosed)
}

export function tellClosed(this: Socket): void {
  for (const act of acts.get(this) ?? []) act()
}

export function createConnections(): Connections {
  const open = new Set<TLSSocket>()
  return {
    add(socket) {
      open.add(socket)
      whenClosed(socket, () => open.delete(socket))
    },
    get size() {
      return open.size
    },
    [Symbol.iterator]: () => open.values(),
  }
}
