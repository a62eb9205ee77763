// The CA's list of what it issued, `certs/index.json`, as a file: for whoever looks at certificates on
// the gateway's side, where no code of the CA's is loaded. It is there only where the CA is.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Principal } from '../identity/principal.ts'

export interface IssuedRow {
  readonly kind: string
  readonly name: string
  /** Upper-case hex, as the CA writes it. */
  readonly serial: string
  /** SHA-256, lower-case hex. */
  readonly fingerprint: string
  readonly org: string | undefined
  readonly unit: string | undefined
  readonly dns: readonly string[]
  readonly email: readonly string[]
  readonly uri: readonly string[]
  readonly ip: readonly string[]
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  readonly revoked: boolean
}

/** Undefined where there is no such list, or none that can be read. */
export function readIssued(certs: string): readonly IssuedRow[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(join(certs, 'index.json'), 'utf8'))
  } catch {
    return undefined
  }
  const issued = isRecord(value) ? value['issued'] : undefined
  return Array.isArray(issued) ? issued.filter(isRecord).map(rowOf) : undefined
}

/** Who comes with that certificate. */
export function principalOf(row: IssuedRow): Principal {
  const { name, dns, email, uri, ip, fingerprint, notBefore, notAfter } = row
  const one = (value: string | undefined): readonly string[] => (value === undefined ? [] : [value])
  return {
    name,
    org: one(row.org),
    unit: one(row.unit),
    dns,
    email,
    uri,
    ip,
    serial: row.serial.toLowerCase().replace(/^0+(?=.)/, ''),
    fingerprint,
    notBefore,
    notAfter,
  }
}

type Fields = Readonly<Record<string, unknown>>

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function rowOf(fields: Fields): IssuedRow {
  const text = (key: string): string => {
    const value = fields[key]
    return typeof value === 'string' ? value : ''
  }
  const texts = (key: string): readonly string[] => {
    const value = fields[key]
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
  }
  return {
    kind: text('kind'),
    name: text('name'),
    serial: text('serial'),
    fingerprint: text('fingerprint'),
    org: text('org') || undefined,
    unit: text('unit') || undefined,
    dns: texts('dns'),
    email: texts('email'),
    uri: texts('uri'),
    ip: texts('ip'),
    notBefore: Date.parse(text('notBefore')),
    notAfter: Date.parse(text('notAfter')),
    revoked: fields['revoked'] !== undefined,
  }
}
