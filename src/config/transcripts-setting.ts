// The part `transcripts` of dockgate.yaml: where what was seen at terminals is kept, and how much of each.
// Which sessions that is, the roles say.
import { dirname, join, resolve } from 'node:path'
import { parseSize } from '../policy/size.ts'
import type { AuditSettings } from './audit-settings.ts'
import type { Value } from './yaml-node.ts'

export interface TranscriptSettings {
  readonly folder: string
  /** Of one transcript: a session that would need more is ended. */
  readonly bytes: number
  /** Of the audit, whose records tell of them; undefined: for ever. */
  readonly keepDays: number | undefined
}

const keys = ['folder', 'size']
const usual = 64 * 1024 * 1024
const smallest = 64 * 1024
const largest = 16 * 1024 ** 3

export function readTranscriptSettings(
  said: Value | undefined,
  home: string,
  audit: AuditSettings,
): TranscriptSettings {
  const entries = said?.entries(keys)
  const size = entries?.get('size')
  const bytes = size === undefined ? usual : (parseSize(size.text() ?? '') ?? 0)
  if (bytes < smallest || bytes > largest) {
    size?.fault('this is no size for a transcript', '64KiB to 16GiB')
  }
  const folder = entries?.get('folder')?.text()
  return {
    // Beside the audit: there files can be written.
    folder: folder === undefined ? join(dirname(audit.path), 'transcripts') : resolve(home, folder),
    bytes,
    keepDays: audit.keep.days,
  }
}
