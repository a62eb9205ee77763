// What a gateway takes of the machine at a moment, from /proc and its own metrics.
import { readdirSync, readFileSync } from 'node:fs'

const mib = 1024 * 1024

/** Of a process and those that it started; `metrics` gives their own account of themselves. */
export async function sampleOf(pid, metrics) {
  const said = await metrics()
  const sum = (name) =>
    said
      .split('\n')
      .filter((line) => line.startsWith(name))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)
  const pids = [pid, ...childrenOf(pid)]
  return {
    at: Date.now(),
    rssMiB: round(pids.reduce((total, one) => total + residentOf(one), 0) / mib),
    heapMiB: round(sum('dockgate_nodejs_heap_size_used_bytes') / mib),
    fds: pids.reduce((total, one) => total + readdirSync(`/proc/${one}/fd`).length, 0),
    timers: sum('dockgate_nodejs_active_resources{type="Timeout"}'),
    sockets:
      sum('dockgate_nodejs_active_resources{type="TCPSocketWrap"}') +
      sum('dockgate_nodejs_active_resources{type="PipeWrap"}'),
    sessions: sum('dockgate_sessions{'),
    lagP99Ms: round(sum('dockgate_nodejs_eventloop_lag_p99_seconds') * 1_000),
  }
}

function childrenOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function residentOf(pid) {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) * 1024
}

/** Least squares, in units each minute. */
export function slopeOf(samples, key) {
  const points = samples.map((sample) => [sample.at / 60_000, sample[key]])
  const mean = (index) => points.reduce((sum, point) => sum + point[index], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  const above = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0)
  const below = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
  return below === 0 ? 0 : round(above / below)
}

function round(number) {
  return Math.round(number * 1_000) / 1_000
}
