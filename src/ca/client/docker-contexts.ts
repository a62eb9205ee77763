// Docker contexts hold copies of a bundle's files. After a renewal they get the new ones, or docker
// would stop working where the old certificate ends.
import { randomBytes, X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeNew } from '../durable.ts'
import { explained } from '../store.ts'

export interface ContextFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/**
 * Brings every context under `config` (docker's own folder) that has the same CA and the same names
 * but a certificate that ends earlier up to these files; the names of those contexts.
 */
export function refreshContexts(config: string, files: ContextFiles): string[] {
  const root = join(config, 'contexts', 'tls')
  if (!existsSync(root)) return []
  const ours = new X509Certificate(files.cert)
  return readdirSync(root).flatMap((id) => {
    const folder = join(root, id)
    const held = read(join(folder, 'docker', 'cert.pem'))
    if (held === undefined || read(join(folder, 'docker', 'ca.pem')) !== files.ca) return []
    if (!isEarlier(held, ours)) return []
    // The certificate last: a crash before it leaves a context that is found again.
    for (const name of ['key', 'cert'] as const) {
      const aside = join(folder, `.dockgate-${randomBytes(6).toString('hex')}`)
      try {
        writeNew(aside, files[name])
        renameSync(aside, join(folder, 'docker', `${name}.pem`))
      } catch (error) {
        rmSync(aside, { force: true })
        throw explained(error, folder)
      }
    }
    return [nameOf(config, id)]
  })
}

function isEarlier(pem: string, ours: X509Certificate): boolean {
  let held: X509Certificate
  try {
    held = new X509Certificate(pem)
  } catch {
    return false
  }
  const isSame = held.subject === ours.subject && held.subjectAltName === ours.subjectAltName
  return isSame && Date.parse(held.validTo) < Date.parse(ours.validTo)
}

/** As docker calls it; its folder's name where docker's own record cannot be read. */
function nameOf(config: string, id: string): string {
  try {
    const meta: unknown = JSON.parse(read(join(config, 'contexts', 'meta', id, 'meta.json')) ?? '')
    const isNamed = typeof meta === 'object' && meta !== null && 'Name' in meta
    return isNamed ? String(meta.Name) : id
  } catch {
    return id
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
