// The streams that each process has under way, as far as the audit must say that they ended when the
// process dies and cannot say so itself.
import type { Audit } from '../../audit/record.ts'
import type { StreamBegun } from './talk.ts'

export interface Streams {
  began(process: object, stream: StreamBegun): void
  over(process: object, id: string): void
  /** Records the end of each that it had, and gives their number. */
  died(process: object): number
}

export function createStreams(audit: Audit, now: () => number): Streams {
  const live = new WeakMap<object, Map<string, StreamBegun>>()

  return {
    began(process, stream) {
      const of = live.get(process) ?? new Map<string, StreamBegun>()
      live.set(process, of.set(stream.id, stream))
    },
    over: (process, id) => void live.get(process)?.delete(id),
    died(process) {
      const lost = [...(live.get(process)?.values() ?? [])]
      live.delete(process)
      for (const { id, who, operation, since } of lost) {
        audit.ended({
          id,
          who,
          operation,
          status: 0,
          bytesIn: 0,
          bytesOut: 0,
          durationMs: now() - since,
          how: 'ended',
          why: 'the process that served it died',
        })
      }
      return lost.length
    },
  }
}
