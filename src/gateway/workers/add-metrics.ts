// The metrics of several processes as those of one. What a process counted stays counted when it is gone:
// a sum that fell would look to Prometheus like a restart, and be taken for new events.
import { AggregatorRegistry, type Registry } from 'prom-client'
import type { Metrics } from '../metrics.ts'

export type Counted = Awaited<ReturnType<Metrics['json']>>

export interface AddedMetrics {
  /** What a process said last; it is told of again by `text` until that process says more. */
  said(process: object, counted: Counted): void
  /** What it counted is kept. */
  gone(process: object): Promise<void>
  text(): Promise<string>
}

export function createAddedMetrics(): AddedMetrics {
  const latest = new Map<object, Counted>()
  let departed: Counted | undefined

  return {
    said: (process, counted) => void latest.set(process, counted),
    async gone(process) {
      const last = latest.get(process)
      latest.delete(process)
      if (last === undefined) return
      const lasting = last.filter(isLasting)
      departed = await add([
        ...(departed === undefined ? [] : [departed]),
        lasting,
      ]).getMetricsAsJSON()
    },
    text: () => add([...latest.values(), ...(departed === undefined ? [] : [departed])]).metrics(),
  }
}

function isLasting({ type }: Counted[number]): boolean {
  // As prom-client writes it in JSON, and as its types have it.
  return ['counter', 'histogram'].includes(String(type))
}

function add(counted: readonly Counted[]): Registry {
  return AggregatorRegistry.aggregate([...counted])
}
