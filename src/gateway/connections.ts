// Every admitted or waiting TLS connection, until it closes, also while it is a tunnel.
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Members } from './members.ts'

export interface Connections extends Iterable<TLSSocket> {
  add(socket: TLSSocket): void
  /** One of them. */
  readonly first: TLSSocket | undefined
  readonly size: number
}

const acts = Symbol('what is to be done when it closes')
interface Closing extends Socket {
  [acts]?: (() => void)[]
}

/** Calls when it closes, whoever has it then; what takes it from node:http leaves this listener on it. */
export function whenClosed(socket: Closing, act: () => void): void {
  const known = socket[acts]
  if (known !== undefined) {
    known.push(act)
    return
  }
  socket[acts] = [act]
  socket.on('close', tellClosed)
}

export function tellClosed(this: Closing): void {
  for (const act of this[acts] ?? []) act()
}

export function createConnections(): Connections {
  const open = new Members<TLSSocket>()
  return {
    add(socket) {
      const member = open.add(socket)
      whenClosed(socket, () => open.remove(member))
    },
    get first() {
      return open.first
    },
    get size() {
      return open.size
    },
    [Symbol.iterator]: () => open[Symbol.iterator](),
  }
}
