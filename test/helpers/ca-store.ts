// A store of the real authority in a temporary folder, with a clock that stands still, and the tools
// of others (openssl) to look at what it wrote.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initCa, type InitOptions } from '../../src/ca/init-ca.ts'
import type { Access } from '../../src/ca/open-issuer.ts'

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

const root = mkdtempSync(join(tmpdir(), 'dockgate-ca-'))
// Not in a hook: it would come before those of the test file, whose processes still write there.
process.once('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

/** Removed when the test file ends. */
export function temporaryFolder(): string {
  return mkdtempSync(join(root, 'x-'))
}

/** A store with a CA in it, made `now`. */
export async function createStore(
  options: Partial<InitOptions> = {},
): Promise<Access & { at(laterMs: number): Access }> {
  const now = options.now ?? new Date()
  const folder = options.folder ?? join(temporaryFolder(), 'certs')
  await initCa({ name: 'Test CA', ...options, folder, now })
  const { passphrase } = options
  const access = {
    folder,
    now,
    ...(passphrase === undefined ? {} : { passphrase: async () => passphrase }),
  }
  return { ...access, at: (laterMs) => ({ ...access, now: new Date(now.getTime() + laterMs) }) }
}

export interface Said {
  readonly status: number | null
  readonly text: string
}

export function openssl(folder: string, ...args: string[]): Said {
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' })
  return { status, text: stdout + stderr }
}

/** Strictly, for one purpose, with the CRL. */
export function verify(folder: string, purpose: 'sslclient' | 'sslserver', path: string): Said {
  const trust = ['-CAfile', 'ca.pem', '-CRLfile', 'crl.pem', '-crl_check']
  return openssl(folder, 'verify', '-x509_strict', '-purpose', purpose, ...trust, path)
}

/** Every path below `folder` with its mode, and what files hold. */
export function snapshot(folder: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const { mode } = statSync(join(folder, name))
    const isFolder = statSync(join(folder, name)).isDirectory()
    const content = isFolder ? 'folder' : readFileSync(join(folder, name), 'latin1')
    found.set(name, `${(mode & 0o777).toString(8)} ${content}`)
  }
  return found
}
