// Reads a connection into memory of ours. Node makes new memory for each TLS record of 16 KiB, and collecting
// it costs more than decrypting what it held; it has a way without, `onread`, but only from the beginning of
// a connection that one opens. It is the same way here, through the names that Node keeps for itself: where
// one of them is missing, nothing is changed and all goes the slow way.
import net, { type Socket } from 'node:net'

/** Is shown what came, for the time of the call alone; false stops the reading until `resume`. */
export type Take = (bytes: Buffer) => boolean

interface Names {
  /** Holds the memory that is read into. */
  readonly buffer: symbol
  /** Holds what is called with the number of bytes read. */
  readonly callback: symbol
}

let known: Names | undefined | 'none'

function names(): Names | undefined {
  if (known === undefined) {
    const symbols = Object.getOwnPropertySymbols(new net.Socket())
    const named = (name: string): symbol | undefined =>
      symbols.find(({ description }) => description === name)
    const buffer = named('kBuffer')
    const callback = named('kBufferCb')
    // Where memory could be had anew for each read: there is none to be had here.
    const generator = named('kBufferGen')
    const isAll = buffer !== undefined && callback !== undefined && generator !== undefined
    known = isAll ? { buffer, callback } : 'none'
  }
  return known === 'none' ? undefined : known
}

/** Everybody's. A TLS record fills a quarter of it. */
const memory = Buffer.allocUnsafeSlow(64 * 1024)

/** From now on what comes is shown to `take`, and no `data` event tells of it. False where it cannot be. */
export function readInto(socket: object, take: Take): boolean {
  const found = names()
  if (found === undefined || !(socket instanceof net.Socket) || socket.destroyed) return false
  const handle = Reflect.get(socket, '_handle') as { useUserBuffer?: unknown } | null
  if (typeof handle?.useUserBuffer !== 'function') return false
  // Node keeps the memory that a connection was given, so that it is given once.
  const isFirst = Reflect.get(socket, found.buffer) === null
  Reflect.set(socket, found.buffer, memory)
  Reflect.set(socket, found.callback, (length: number) => take(memory.subarray(0, length)))
  if (isFirst) handle.useUserBuffer(memory)
  return true
}

/** What comes is told by `data` events again. */
export function readAsEver(socket: Socket): void {
  readInto(socket, (bytes) => socket.push(Buffer.from(bytes)))
}
