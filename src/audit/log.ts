// The audit as a file of JSON lines, written through pino. A record is handed to the operating system
// before `decided` returns, and a failed write is an exception: what is not recorded is not done.
import { closeSync, openSync, writeSync } from 'node:fs'
import { pino } from 'pino'
import type { Audit } from './record.ts'

export function openAudit(path: string, now: () => number): Audit {
  const file = openSync(path, 'a', 0o600)
  const log = pino(
    {
      base: null,
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    {
      write(line: string) {
        const bytes = Buffer.from(line)
        // A short write (a full disk) is completed or fails: never a torn line without an error.
        for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done)
      },
    },
  )
  return {
    decided: (record) => log.info({ event: 'decided', ...record }),
    ended: (record) => log.info({ event: 'ended', ...record }),
    close: () => closeSync(file),
  }
}
