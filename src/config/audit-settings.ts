// The audit's part of dockgate.yaml: `audit: audit.log`, or a mapping with what else can be said of it.
import { resolve } from 'node:path'
import { isMap } from 'yaml'
import { parseSize } from '../policy/size.ts'
import { readAuditSink, type AuditSink } from './audit-sink.ts'
import type { Fault } from './fault.ts'
import type { Value } from './yaml-node.ts'

export interface AuditSettings {
  readonly path: string
  /** The key that signs checkpoints; it is made where it is missing. */
  readonly keyPath: string
  readonly rotate: {
    readonly bytes: number
    /** A new file for each day, by UTC. */
    readonly daily: boolean
  }
  /** Undefined: for ever. */
  readonly keep: { readonly days: number | undefined; readonly files: number | undefined }
  readonly onFailure: 'refuse' | 'allow-reads'
  /** Where a second copy goes. */
  readonly sink: AuditSink | undefined
}

const keys = ['file', 'key', 'rotate', 'keep', 'onFailure', 'sink']
const smallest = 64 * 1024
const largest = 16 * 1024 ** 3

export function readAuditSettings(
  said: Value | undefined,
  env: Readonly<Record<string, string | undefined>>,
  home: string,
  faults: Fault[],
): AuditSettings {
  const whole = said !== undefined && !said.isEmpty && !isMap(said.node)
  const entries = said === undefined || whole ? new Map<string, Value>() : said.entries(keys)
  const text = (key: string, otherwise: string): string => entries.get(key)?.text() ?? otherwise

  const file = env['DOCKGATE_AUDIT'] || (whole ? (said.text() ?? '') : text('file', 'audit.log'))
  if (!file.endsWith('.log')) {
    const fault = { message: `"${file}" does not end in .log`, hint: 'audit.log' }
    if (env['DOCKGATE_AUDIT']) faults.push({ where: 'DOCKGATE_AUDIT', ...fault })
    else (entries.get('file') ?? said)?.fault(fault.message, fault.hint)
  }
  const onFailure = text('onFailure', 'refuse')
  if (onFailure !== 'refuse' && onFailure !== 'allow-reads') {
    entries.get('onFailure')?.fault(`"${onFailure}" is unknown`, 'refuse or allow-reads')
  }
  const sink = env['DOCKGATE_AUDIT_SINK'] || entries.get('sink')?.text()
  const target = sink === undefined ? undefined : readAuditSink(sink)
  if (sink !== undefined && target === undefined) {
    const fault = {
      message: `"${sink}" is nowhere to send the audit to`,
      hint: 'stdout, tcp://127.0.0.1:601, udp://127.0.0.1:514 or unix:///run/syslog.sock',
    }
    if (env['DOCKGATE_AUDIT_SINK']) faults.push({ where: 'DOCKGATE_AUDIT_SINK', ...fault })
    else entries.get('sink')?.fault(fault.message, fault.hint)
  }
  return {
    path: resolve(home, file),
    keyPath: resolve(home, env['DOCKGATE_AUDIT_KEY'] || text('key', 'audit-key.pem')),
    rotate: readRotate(entries.get('rotate')),
    keep: readKeep(entries.get('keep')),
    onFailure: onFailure === 'allow-reads' ? 'allow-reads' : 'refuse',
    sink: target,
  }
}

function readRotate(said: Value | undefined): AuditSettings['rotate'] {
  const entries = said?.entries(['size', 'daily'])
  const size = entries?.get('size')
  const bytes = size === undefined ? 64 * 1024 * 1024 : (parseSize(size.text() ?? '') ?? 0)
  if (bytes < smallest || bytes > largest)
    size?.fault('this is no size for a file', '64KiB to 16GiB')
  const daily = entries?.get('daily')
  const word = daily === undefined ? 'true' : daily.node?.toString()
  if (word !== 'true' && word !== 'false') daily?.fault('this is neither true nor false')
  return { bytes, daily: word === 'true' }
}

function readKeep(said: Value | undefined): AuditSettings['keep'] {
  const entries = said?.entries(['days', 'files'])
  const count = (key: string): number | undefined => {
    const value = entries?.get(key)
    if (value === undefined) return undefined
    const word = value.text() ?? ''
    if (/^[1-9]\d{0,5}$/.test(word)) return Number(word)
    value.fault(`${key} takes a whole number above zero`)
    return undefined
  }
  return { days: count('days'), files: count('files') }
}
