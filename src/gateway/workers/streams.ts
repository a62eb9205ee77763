// The streams that each process has under way: whoever takes the place of one that died is told of them,
// and records their ends.
import type { Begun } from '../../audit/unended.ts'

export interface Streams {
  began(process: object, stream: Begun): void
  over(process: object, id: string): void
  /** Gives the number of those that it had. */
  died(process: object, slot: number): number
  /** Whose ends are still to be recorded. */
  lost(slot: number): readonly Begun[]
  /** They are recorded. */
  told(slot: number): void
}

export function createStreams(): Streams {
  const live = new WeakMap<object, Map<string, Begun>>()
  const lost = new Map<number, readonly Begun[]>()

  return {
    began(process, stream) {
      const of = live.get(process) ?? new Map<string, Begun>()
      live.set(process, of.set(stream.id, stream))
    },
    over: (process, id) => void live.get(process)?.delete(id),
    died(process, slot) {
      const had = [...(live.get(process)?.values() ?? [])]
      live.delete(process)
      lost.set(slot, [...(lost.get(slot) ?? []), ...had])
      return had.length
    },
    lost: (slot) => lost.get(slot) ?? [],
    told: (slot) => void lost.delete(slot),
  }
}
