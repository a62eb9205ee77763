// The part `streams` of a role in roles.yaml: how many streams one person may have open by it, and how
// long each may last.
import type { StreamRules } from '../policy/role.ts'
import { readDuration } from './duration.ts'
import type { Value } from './yaml-node.ts'

const keys = ['atOnce', 'longest']

export function readStreams(value: Value | undefined): { readonly streams?: StreamRules } {
  if (value === undefined) return {}
  const entries = value.entries(keys)
  // Left empty it may have been meant to allow none.
  if (entries.size === 0) value.fault('it says nothing', 'streams: { atOnce: 20, longest: 12h }')
  const atOnce = readCount(entries.get('atOnce'))
  const longestMs = readSpan(entries.get('longest'))
  return {
    streams: Object.freeze({
      ...(atOnce !== undefined && { atOnce }),
      ...(longestMs !== undefined && { longestMs }),
    }),
  }
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
