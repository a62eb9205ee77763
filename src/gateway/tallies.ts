// What is counted for each request: plain numbers on its way, made into metrics when somebody reads them.
// prom-client's own counting looks labels up by text and buckets by their bounds written as text, which
// took a tenth of all that a small request costs.
import { Counter, type Metric, type Registry } from 'prom-client'

export interface Tally {
  /** `values` in the order of the labels; the sets that they come from are closed. */
  add(count: number, ...values: readonly string[]): void
}

export interface TallyOptions {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
}

interface Row {
  readonly labels: Readonly<Record<string, string>>
  count: number
}

export function createTally(registry: Registry, { name, help, labelNames }: TallyOptions): Tally {
  const rows = new Map<string, Row>()
  const counter: Counter = new Counter({
    name,
    help,
    labelNames,
    registers: [],
    collect() {
      counter.reset()
      for (const { labels, count } of rows.values()) counter.inc(labels, count)
    },
  })
  registry.registerMetric(counter)
  return {
    add(count, ...values) {
      let key = ''
      for (const value of values) key += `${value}\n`
      const row = rows.get(key)
      if (row !== undefined) row.count += count
      else rows.set(key, { labels: labelled(labelNames, values), count })
    },
  }
}

export interface Durations {
  /** `value`: of the label, where there is one. */
  add(ms: number, value?: string): void
}

export interface DurationsOptions {
  readonly name: string
  readonly help: string
  readonly labelName?: string
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[]
}

export function createDurations(registry: Registry, options: DurationsOptions): Durations {
  const { name, help, labelName, buckets } = options
  const boundsMs = buckets.map((seconds) => seconds * 1_000)
  /** For each value of the label: how many in each bucket and beyond the last, then the sum in ms. */
  const rows = new Map<string, Float64Array>()
  const rowOf = (value: string): Float64Array => {
    let row = rows.get(value)
    if (row === undefined) rows.set(value, (row = new Float64Array(boundsMs.length + 2)))
    return row
  }
  if (labelName === undefined) rowOf('')
  const metric = {
    name,
    get: () =>
      Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: values() }),
  }
  // Of a metric that it did not make, a registry asks no more than this.
  registry.registerMetric(metric as unknown as Metric)

  function values(): object[] {
    return [...rows].flatMap(([value, row]) => {
      const labels = labelName === undefined ? {} : { [labelName]: value }
      let count = 0
      const parts: object[] = [...boundsMs.keys(), boundsMs.length].map((index) => {
        count += row[index] ?? 0
        const le = buckets[index] ?? '+Inf'
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count }
      })
      const sum = (row[boundsMs.length + 1] ?? 0) / 1_000
      return [
        ...parts,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      ]
    })
  }
  return {
    add(ms, value = '') {
      const row = rowOf(value)
      let index = 0
      while (index < boundsMs.length && ms > (boundsMs[index] ?? 0)) index++
      row[index] = (row[index] ?? 0) + 1
      row[boundsMs.length + 1] = (row[boundsMs.length + 1] ?? 0) + ms
    },
  }
}

function labelled(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']))
}
