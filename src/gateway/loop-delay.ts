// How long what is due waits for the event loop, by the names that prom-client has for it. Its own monitor
// looks a hundred times a second, which was most of what an idle gateway did, and counts the time between
// two looks as delay.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

const lookEveryMs = 100
const nanoseconds = 1e9

/** For prom-client, whose monitor cannot be turned off: it would look for the first time in 24 days. */
export const looksNever = 2 ** 31 - 1

/** In the place of the gauges of those names in the registry. */
export function measureLoopDelay(registry: Registry, prefix: string): void {
  const histogram = monitorEventLoopDelay({ resolution: lookEveryMs })
  histogram.enable()
  const late = (value: number): number => Math.max(0, value / nanoseconds - lookEveryMs / 1000)
  const gauge = (
    what: string,
    help: string,
    aggregator: 'min' | 'max' | 'average',
    collect?: () => void,
  ): Gauge => {
    const name = `${prefix}nodejs_eventloop_lag_${what}seconds`
    registry.removeSingleMetric(name)
    return new Gauge({ name, help, aggregator, registers: [registry], ...(collect && { collect }) })
  }
  // The first, since a reading takes them in turn.
  const now = gauge('', 'The delay of the event loop at the reading before', 'average', () => {
    const began = performance.now()
    setImmediate(() => now.set((performance.now() - began) / 1000))
    // Two readings between two looks: what the first found stays.
    if (histogram.count === 0) return
    min.set(late(histogram.min))
    max.set(late(histogram.max))
    mean.set(late(histogram.mean))
    stddev.set(histogram.stddev / nanoseconds)
    for (const [percent, one] of percentiles) one.set(late(histogram.percentile(percent)))
    histogram.reset()
  })
  const min = gauge('min_', 'The least delay of the event loop since the reading before', 'min')
  const max = gauge('max_', 'The most delay of the event loop since the reading before', 'max')
  const mean = gauge('mean_', 'The mean of the delays since then', 'average')
  const stddev = gauge('stddev_', 'The standard deviation of the delays since then', 'average')
  const percentiles = [50, 90, 99].map((percent) => {
    const help = `The ${percent}th percentile of the delays since then`
    return [percent, gauge(`p${percent}_`, help, 'average')] as const
  })
}
