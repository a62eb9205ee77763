// What a Prometheus reads at `/_dockgate/metrics`. Labels are from closed sets (operations, roles,
// reasons, codes of OpenSSL): nothing that a client writes becomes one.
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Audit } from '../audit/record.ts'
import type { Passage } from './guard.ts'
import { looksNever, measureLoopDelay } from './loop-delay.ts'
import type { Session } from './sessions.ts'
import type { Reload, State } from './state.ts'
import { createDurations, createTally } from './tallies.ts'

/** The time of a request, split into ours and the engine's. */
export interface Timing {
  /** To be called when it goes to the engine; what comes back, when the engine begins to answer. */
  handedOver(passage: Passage): () => void
}

export interface Metrics extends Timing {
  readonly type: string
  text(): Promise<string>
  /** The same for a process that adds up those of several. */
  json(): ReturnType<Registry['getMetricsAsJSON']>
  /** The same audit, with everything counted on its way. */
  counting(audit: Audit): Audit
  handshake(resumed: boolean): void
  refused(cause: string): void
  /** What came over an admitted connection and was no request. */
  unread(cause: string): void
  /** What was turned away because somebody met this limit. */
  shed(limit: string): void
  reloaded(reload: Reload): void
  /** Records that the audit's second sink did not take. */
  unsent(count: number): void
}

export interface MetricsParts {
  readonly state: () => State
  readonly lastReload: () => Reload
  readonly sessions: () => Iterable<Session>
  readonly connections: () => number
  readonly load: () => Readonly<Record<'inFlight' | 'streams' | 'waiting', number>>
  readonly audit: Pick<Audit, 'isFailing'>
  /** Whether the engine answers; undefined where others say it. */
  readonly engineAnswers?: () => Promise<boolean>
  readonly descriptorsOut?: () => boolean
  readonly version: string
}

const secondsBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60,
]

export function createMetrics(parts: MetricsParts): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const prefix = 'dockgate_'
  collectDefaultMetrics({ register: registry, prefix, eventLoopMonitoringPrecision: looksNever })
  measureLoopDelay(registry, prefix)
  // Gauges named like counters, which promtool finds fault with; their parts by kind stay.
  for (const what of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`dockgate_nodejs_active_${what}_total`)
  }

  const decisions = createTally(registry, {
    name: 'dockgate_decisions_total',
    help: 'Requests by what was decided, by which role and why',
    labelNames: ['operation', 'decision', 'role', 'reason'],
  })
  const requests = createTally(registry, {
    name: 'dockgate_requests_total',
    help: 'Requests that went on and are over, by status and by how they ended',
    labelNames: ['operation', 'status', 'how'],
  })
  const bytes = createTally(registry, {
    name: 'dockgate_bytes_total',
    help: 'Bytes of requests that are over, from (in) and to (out) clients',
    labelNames: ['direction'],
  })
  const own = createDurations(registry, {
    name: 'dockgate_request_own_seconds',
    help: 'From the arrival of a request until it goes to the engine',
    buckets: secondsBuckets,
  })
  const engine = createDurations(registry, {
    name: 'dockgate_request_engine_seconds',
    help: 'From then until the engine begins to answer',
    labelName: 'operation',
    buckets: secondsBuckets,
  })
  const handshakes = createTally(registry, {
    name: 'dockgate_handshakes_total',
    help: 'TLS handshakes that were finished',
    labelNames: ['resumed'],
  })
  const refusals = new Counter({
    name: 'dockgate_connections_refused_total',
    help: 'Connections that never came to HTTP, by cause',
    labelNames: ['cause'],
    registers,
  })
  const unread = new Counter({
    name: 'dockgate_requests_unread_total',
    help: 'What came over an admitted connection and was no request, by cause',
    labelNames: ['cause'],
    registers,
  })
  const shed = new Counter({
    name: 'dockgate_shed_total',
    help: 'Connections and requests that were turned away, by the limit that they met',
    labelNames: ['limit'],
    registers,
  })
  const reloads = new Counter({
    name: 'dockgate_reloads_total',
    help: 'Readings of the files, by what came of them',
    labelNames: ['result'],
    registers,
  })
  const unsent = new Counter({
    name: 'dockgate_audit_sink_dropped_total',
    help: 'Records that the second sink of the audit did not take; the file has them',
    registers,
  })
  for (const resumed of ['true', 'false']) handshakes.add(0, resumed)
  for (const direction of ['in', 'out']) bytes.add(0, direction)
  for (const result of ['changed', 'same', 'faulty']) reloads.inc({ result }, 0)
  gauges(parts, registers)

  const causes = new Set<string>()
  const unreadCauses = new Set<string>()
  return {
    type: registry.contentType,
    text: () => registry.metrics(),
    json: () => registry.getMetricsAsJSON(),
    counting: (audit) => ({
      ...audit,
      decided(record) {
        const { operation, decision, role = '', reason = '' } = record
        decisions.add(1, operation, decision, role, reason)
        return audit.decided(record)
      },
      ended(record) {
        const { operation, how, bytesIn, bytesOut } = record
        requests.add(1, operation, String(record.status), how)
        bytes.add(bytesIn, 'in')
        bytes.add(bytesOut, 'out')
        return audit.ended(record)
      },
    }),
    handedOver(passage) {
      const at = performance.now()
      own.add(at - passage.arrivedMs)
      return () => engine.add(performance.now() - at, passage.operation.permission)
    },
    handshake: (resumed) => handshakes.add(1, resumed ? 'true' : 'false'),
    refused: (cause) => refusals.inc({ cause: causeOf(cause, causes) }),
    unread: (cause) => unread.inc({ cause: causeOf(cause, unreadCauses) }),
    shed: (limit) => shed.inc({ limit }),
    unsent: (count) => unsent.inc(count),
    reloaded({ changed, faults }) {
      const result = faults.length > 0 ? 'faulty' : changed.length > 0 ? 'changed' : 'same'
      reloads.inc({ result })
    },
  }
}

/** What several processes say of the same thing is no sum. */
const together: ReadonlyMap<string, 'first' | 'max' | 'min'> = new Map([
  ['build_info', 'first'],
  ['policy_info', 'first'],
  ['policy_timestamp_seconds', 'max'],
  ['files_faulty', 'max'],
  ['expiry_timestamp_seconds', 'min'],
  ['audit_failing', 'max'],
  ['descriptors_out', 'max'],
  ['engine_up', 'min'],
])

type Values = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[]

function gauges(parts: MetricsParts, registers: Registry[]): void {
  const gauge = (
    name: string,
    help: string,
    labelNames: readonly string[],
    values: () => Values | Promise<Values>,
  ): void => {
    const made: Gauge = new Gauge({
      name: `dockgate_${name}`,
      help,
      labelNames,
      registers,
      aggregator: together.get(name) ?? 'sum',
      async collect() {
        const found = await values()
        made.reset()
        for (const [labels, value] of found) made.set(labels, value)
      },
    })
  }
  gauge('build_info', 'The version that runs', ['version'], () => [[{ version: parts.version }, 1]])
  gauge('sessions', 'What is under way, by operation', ['operation'], () => {
    const counts = new Map<string, number>()
    for (const { operation } of parts.sessions()) {
      counts.set(operation, (counts.get(operation) ?? 0) + 1)
    }
    return [...counts].map(([operation, count]) => [{ operation }, count] as const)
  })
  gauge('connections', 'Open TLS connections', [], () => [[{}, parts.connections()]])
  gauge('load', 'What counts against the limits: under way, streams, handshakes', ['of'], () =>
    Object.entries(parts.load()).map(([of, count]) => [{ of }, count] as const),
  )
  gauge('policy_info', 'The policy in force, by the SHA-256 of roles.yaml', ['digest'], () => [
    [{ digest: parts.state().policy.digest }, 1],
  ])
  gauge('policy_timestamp_seconds', 'Since when it is in force', [], () => [
    [{}, parts.state().policySince / 1_000],
  ])
  gauge('files_faulty', 'Faults of files that are therefore not in force', [], () => [
    [{}, parts.lastReload().faults.length],
  ])
  gauge('audit_failing', 'Whether no record can be written', [], () => [
    [{}, Number(parts.audit.isFailing())],
  ])
  const { descriptorsOut, engineAnswers } = parts
  if (descriptorsOut !== undefined) {
    gauge('descriptors_out', 'Whether no file descriptor is free: nobody new is served', [], () => [
      [{}, Number(descriptorsOut())],
    ])
  }
  if (engineAnswers !== undefined) {
    gauge('engine_up', 'Whether the engine answers', [], async () => [
      [{}, Number(await engineAnswers())],
    ])
  }
  gauge('expiry_timestamp_seconds', 'Until when the earliest of its kind is good', ['of'], () =>
    ['ca', 'crl', 'server'].flatMap((of) => {
      const ends = parts.state().trust.periods.filter((period) => period.of === of)
      if (ends.length === 0) return []
      return [[{ of }, Math.min(...ends.map(({ until }) => until)) / 1_000] as const]
    }),
  )
}

/** OpenSSL's and Node's own codes; a client chooses among them, so their number is bounded. */
const maxCauses = 60
const words: readonly (readonly [RegExp, string])[] = [
  [/^no client certificate/, 'no-certificate'],
  [/^your certificate was revoked/, 'revoked'],
  [/^your certificate expired/, 'expired'],
  [/^your certificate is not valid before/, 'not-yet-valid'],
  [/^the revocation list here expired/, 'revocation-list-expired'],
  [/^your certificate/, 'unusable-certificate'],
]

function causeOf(cause: string, seen: Set<string>): string {
  const worded = words.find(([pattern]) => pattern.test(cause))?.[1]
  if (worded !== undefined) return worded
  if (!/^[A-Z][A-Z0-9_]{2,80}$/.test(cause)) return 'other'
  if (!seen.has(cause) && seen.size >= maxCauses) return 'other'
  seen.add(cause)
  return cause
}
