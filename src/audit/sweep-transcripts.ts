// Transcripts go with the records that tell of them: those that are older than these are kept are removed.
import { readdirSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

const dayMs = 86_400_000

/** `keepDays`: of the audit; undefined: for ever. */
export function sweepTranscripts(folder: string, keepDays: number | undefined, now: number): void {
  if (keepDays === undefined) return
  const oldest = (Math.floor(now / dayMs) - keepDays) * dayMs
  for (const name of list(folder)) {
    if (!/^[0-9A-Z]{26}\.cast$/.test(name)) continue
    try {
      const path = join(folder, name)
      if (statSync(path).mtimeMs < oldest) unlinkSync(path)
    } catch {
      // Another process that serves here was first.
    }
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Nothing was recorded yet.
    return []
  }
}
