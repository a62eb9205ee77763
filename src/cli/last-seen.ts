// When each certificate was last at the gateway, as its audit says.
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { chainFiles } from '../audit/chains.ts'
import { readLines } from '../audit/lines.ts'
import { UsageError } from './arguments.ts'

/** Fingerprints to times. */
export async function lastSeen(auditPath: string): Promise<ReadonlyMap<string, string>> {
  const paths = existsSync(dirname(auditPath)) ? chainFiles(auditPath) : []
  if (paths.length === 0) {
    throw new UsageError(`there is no audit at "${auditPath}"`, 'DOCKGATE_AUDIT names another')
  }
  const times = new Map<string, string>()
  for (const path of paths) {
    for await (const { bytes } of readLines(path)) {
      const { time, fingerprint } = readRecord(bytes)
      if (typeof fingerprint !== 'string' || !isTime(time)) continue
      // Of several processes each has written a log of its own.
      if (time > (times.get(fingerprint) ?? '')) times.set(fingerprint, time)
    }
  }
  return times
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)
}

/** What is no record says nothing here; "audit verify" tells of it. */
function readRecord(bytes: Buffer): { time?: unknown; fingerprint?: unknown } {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
