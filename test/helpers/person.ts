// A principal as a certificate of ours would make it.
import type { Principal } from '../../src/identity/principal.ts'

export function person(name: string, more: Partial<Principal> = {}): Principal {
  return {
    name,
    org: [],
    unit: [],
    dns: [],
    email: [],
    uri: [],
    ip: [],
    serial: '1',
    fingerprint: `fingerprint of ${name} ${JSON.stringify(more)}`,
    notBefore: 0,
    notAfter: Number.MAX_SAFE_INTEGER,
    ...more,
  }
}
