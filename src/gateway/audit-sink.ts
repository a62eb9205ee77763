// The audit's second sink as the settings name it, with its troubles in the operational log.
import type { Logger } from 'pino'
import { createSink, type Sink } from '../audit/sink/sink.ts'
import type { Settings } from '../config/settings.ts'

/** How long a gateway that stops waits for it. */
export const sinkLastMs = 1_000

/** Undefined where there is to be none. */
export function openAuditSink(
  { audit }: Settings,
  log: Logger,
  dropped: (count: number) => void,
): Sink | undefined {
  if (audit.sink === undefined) return undefined
  const { kind } = audit.sink
  const sink = kind === 'stdout' ? kind : `syslog (${kind})`
  return createSink({
    target: audit.sink,
    dropped,
    failing: (why) => log.error({ sink, why }, 'the second sink of the audit fails'),
    recovered: (count) =>
      log.warn({ sink, dropped: count }, 'the second sink of the audit takes records again'),
    left: (count) => log.error({ sink, left: count }, 'not all records went to the second sink'),
  })
}
