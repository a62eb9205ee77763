// Carries what comes from one connection to another as fast as that takes it: what is little, at once, and
// much of it in few large writes.
import type { Readable, Writable } from 'node:stream'
import { Gathering } from './gathering.ts'
import { readInto } from './reads.ts'

export interface Carried {
  /** Ends the other side after all that has come. */
  end(done?: () => void): void
  /** What has come still goes; what comes from now on is read over. */
  stop(): void
}

/** More than this does not wait for a side that does not read. */
const mostWaiting = 256 * 1024
/** After a part of this size another mostly follows at once. */
const fullBytes = 16 * 1024

/** `see` is shown each part, for the time of the call alone. */
export function carry(from: Readable, to: Writable, see: (part: Buffer) => void): Carried {
  const gathering = new Gathering(to)
  let isStopped = false
  const goOn = (): void => void from.resume()
  const take = (bytes: Buffer): boolean => {
    if (isStopped) return true
    see(bytes)
    if (bytes.length < fullBytes) gathering.putLast(bytes)
    else gathering.put(bytes)
    if (to.writableLength <= mostWaiting) return true
    to.once('drain', goOn)
    return false
  }
  let goesOn = true
  for (let early: unknown = from.read(); early !== null; early = from.read()) {
    goesOn = take(early as Buffer)
  }
  if (!readInto(from, take)) {
    from.on('data', (bytes: Buffer) => {
      if (!take(bytes)) from.pause()
    })
  }
  if (goesOn) from.resume()
  return {
    end(done) {
      gathering.flush()
      to.end(done)
    },
    stop() {
      gathering.flush()
      isStopped = true
      to.off('drain', goOn)
      from.resume()
    },
  }
}
