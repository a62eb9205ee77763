// The parts `streams` and `transcript` of a role in roles.yaml: how many streams one person may have open
// by it, how long each may last and an interactive one be idle, and what is kept of terminals.
import { isMap } from 'yaml'
import type { StreamRules, TranscriptRules } from '../policy/role.ts'
import { readDuration } from './duration.ts'
import type { Value } from './yaml-node.ts'

const keys = ['atOnce', 'longest', 'idle']

export function readStreams(value: Value | undefined): { readonly streams?: StreamRules } {
  if (value === undefined) return {}
  const entries = value.entries(keys)
  // Left empty it may have been meant to allow none.
  if (entries.size === 0) value.fault('it says nothing', 'streams: { atOnce: 20, longest: 12h }')
  const atOnce = readCount(entries.get('atOnce'))
  const longestMs = readSpan(entries.get('longest'))
  const idleMs = readSpan(entries.get('idle'))
  return {
    streams: Object.freeze({
      ...(atOnce !== undefined && { atOnce }),
      ...(longestMs !== undefined && { longestMs }),
      ...(idleMs !== undefined && { idleMs }),
    }),
  }
}

/** `true`, or `{ input: true }` where what is typed is kept as well. */
export function readTranscript(value: Value | undefined): {
  readonly transcript?: TranscriptRules
} {
  if (value === undefined) return {}
  const input = isMap(value.node) ? value.entries(['input']).get('input') : undefined
  const word = (isMap(value.node) ? input?.node : value.node)?.toString()
  // Anything else may have been meant to record.
  if (word !== 'true') value.fault('it is true or left out', 'transcript: true, or { input: true }')
  return { transcript: Object.freeze({ input: input !== undefined }) }
}

function readSpan(value: Value | undefined): number | undefined {
  if (value === undefined) return undefined
  const ms = readDuration(value.text() ?? '', (message, hint) => value.fault(message, hint))
  return ms >= 1_000 ? ms : value.fault('this is shorter than a second', '12h')
}

function readCount(value: Value | undefined): number | undefined {
  if (value === undefined) return undefined
  const text = value.text() ?? ''
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  return value.fault('this takes a whole number above zero', 'who may open none has no need of it')
}
