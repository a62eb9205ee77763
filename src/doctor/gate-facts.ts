// What dockgate's own folder holds: settings, roles, certificates, and the files that nobody else may
// read or write.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from '../config/fault.ts'
import { FaultyConfig, readRolesText } from '../config/load.ts'
import { readIssued, type IssuedRow } from '../config/issued-list.ts'
import { parseRoles } from '../config/roles-file.ts'
import type { Settings } from '../config/settings.ts'
import { readTrust, type Period } from '../gateway/trust.ts'
import { compilePolicy, type Policy, type RolesFile } from '../policy/policy.ts'
import { statOf, type FileFacts } from './machine-facts.ts'

export interface GateFacts {
  readonly settings: Settings
  /** Undefined where roles.yaml is not there or cannot be used. */
  readonly policy: { readonly file: RolesFile; readonly compiled: Policy } | undefined
  readonly faults: readonly Fault[]
  readonly periods: readonly Period[]
  /** What the CA has issued; undefined where its index is not on this machine. */
  readonly issued: readonly IssuedRow[] | undefined
  /** `secret`: for its owner's eyes; `guarded`: everybody may read it, only its owner may write. */
  readonly files: readonly GateFile[]
  readonly caKey: 'none' | 'sealed' | 'bare'
}

export interface GateFile extends FileFacts {
  readonly path: string
  readonly is: 'secret' | 'guarded'
}

export function readGate(settings: Settings, now: number): GateFacts {
  const { home, certs, rolesPath } = settings
  const faults: Fault[] = []
  const trust = readTrust(certs, settings.crl, now)
  faults.push(...trust.faults)
  return {
    settings,
    policy: readPolicy(rolesPath, faults),
    faults,
    periods: trust.trust?.periods ?? [],
    issued: readIssued(certs),
    files: [
      ...['', 'roles.yaml', 'dockgate.yaml', 'ca.yaml'].map((name) => join(home, name)),
      ...['', 'ca.pem', 'crl.pem', 'server', 'clients'].map((name) => join(certs, name)),
      settings.audit.path,
    ]
      .flatMap((path) => stated(path, 'guarded'))
      .concat(secretsOf(settings).flatMap((path) => stated(path, 'secret'))),
    caKey: readCaKey(join(certs, 'ca.key')),
  }
}

function stated(path: string, is: GateFile['is']): readonly GateFile[] {
  const file = statOf(path)
  return file === undefined ? [] : [{ ...file, path: path.replace(/(.)\/$/, '$1'), is }]
}

function secretsOf({ certs, audit, controlPath }: Settings): readonly string[] {
  const clients = join(certs, 'clients')
  const bundles = namesIn(clients).flatMap((name) =>
    namesIn(join(clients, name))
      .filter((file) => file === 'key.pem' || /\.(p12|dockercontext)$/.test(file))
      .map((file) => join(clients, name, file)),
  )
  return [
    join(certs, 'server/key.pem'),
    join(certs, 'ca.key'),
    join(certs, 'endpoint/key.pem'),
    audit.keyPath,
    controlPath,
    ...bundles,
  ]
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readPolicy(path: string, faults: Fault[]): GateFacts['policy'] {
  try {
    const read = parseRoles(readRolesText(path), 'roles.yaml')
    if ('file' in read) return { file: read.file, compiled: compilePolicy(read.file, '') }
    faults.push(...read.faults)
  } catch (error) {
    if (!(error instanceof FaultyConfig)) throw error
    faults.push(...error.faults)
  }
  return undefined
}

function readCaKey(path: string): GateFacts['caKey'] {
  try {
    return readFileSync(path, 'utf8').includes('ENCRYPTED') ? 'sealed' : 'bare'
  } catch (error) {
    // Where it is, and not for us to read, it is there all the same.
    return error instanceof Error && 'code' in error && error.code === 'EACCES' ? 'sealed' : 'none'
  }
}
