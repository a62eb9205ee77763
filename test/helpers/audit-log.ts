// Logs as the gateway writes them, made in a moment: with records of all kinds, in one file or many.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { logFiles } from '../../src/audit/files.ts'
import { headPathOf } from '../../src/audit/head.ts'
import { createAudit, type AuditOptions } from '../../src/audit/log.ts'
import type { Audit, Decided } from '../../src/audit/record.ts'
import { publicPathOf, readPublicKey } from '../../src/audit/signing-key.ts'
import { verifyLog, type Report } from '../../src/audit/verify.ts'

export const day = 86_400_000

export interface AuditFolder {
  readonly path: string
  readonly keyPath: string
  /** The clock that its audits read; a test moves it. */
  clock: { now: number }
  /** What was told of outages. */
  readonly told: string[]
  open(options?: Partial<AuditOptions>): Audit
  files(): readonly string[]
  verify(complete?: boolean): Promise<Report>
  remove(): void
}

export function auditFolder(folder = mkdtempSync(join(tmpdir(), 'dockgate-audit-'))): AuditFolder {
  const path = join(folder, 'audit.log')
  const keyPath = join(folder, 'audit-key.pem')
  const clock = { now: Date.parse('2026-11-24T03:00:00Z') }
  const told: string[] = []
  return {
    path,
    keyPath,
    clock,
    told,
    open(options = {}) {
      const audit = createAudit({
        path,
        keyPath,
        rotate: { bytes: 1 << 26, daily: true },
        keep: { days: undefined, files: undefined },
        onFailure: 'refuse',
        now: () => clock.now++,
        failing: (error) => told.push(String(error)),
        recovered: () => told.push('recovered'),
        ...options,
      })
      audit.open()
      return audit
    },
    files: () => logFiles(path),
    verify: (complete = true) =>
      verifyLog(logFiles(path), {
        keys: [readPublicKey(publicPathOf(keyPath))],
        headPath: headPathOf(path),
        complete,
      }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export function decided(id: string, more: Partial<Decided> = {}): Decided {
  return {
    id,
    who: 'alice',
    fingerprint: 'f'.repeat(64),
    address: '192.0.2.7',
    operation: 'container.restart',
    intent: 'restart container web',
    method: 'POST',
    target: '/v1.41/containers/web/restart',
    decision: 'allow',
    role: 'operator',
    ...more,
  }
}

/** `count` requests, each with its end. */
export function fill(audit: Audit, count: number): void {
  for (let index = 0; index < count; index++) {
    const id = `R${index}`
    void audit.decided(decided(id)).catch(() => {})
    const sizes = { bytesIn: index, bytesOut: 0, durationMs: 3 }
    const who = { who: 'alice', operation: 'container.restart' }
    audit.ended({ id, ...who, status: 204, ...sizes, how: 'finished' })
  }
  audit.flush()
}

/** The lines of a file, without newlines. */
export function linesOf(path: string): string[] {
  return readFileSync(path, 'latin1').split('\n').slice(0, -1)
}

export function writeLines(path: string, lines: readonly string[]): void {
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''), 'latin1')
}
