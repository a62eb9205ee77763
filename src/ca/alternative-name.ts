// The names in a certificate's subjectAltName: judged, normalized, encoded. Pure.
import { isIP, SocketAddress } from 'node:net'
import { CaError } from './ca-error.ts'
import * as der from './der.ts'
import type { Der } from './der.ts'

export interface AlternativeNames {
  readonly dns: readonly string[]
  readonly email: readonly string[]
  readonly uri: readonly string[]
  readonly ip: readonly string[]
}

/** Lower case where the standard ignores case, each name once, and every name one that is a name. */
export function readAlternativeNames(given: Partial<AlternativeNames>): AlternativeNames {
  return {
    dns: unique(given.dns, readDnsName),
    email: unique(given.email, readEmail),
    uri: unique(given.uri, readUri),
    ip: unique(given.ip, readIp),
  }
}

export function hasAny(names: AlternativeNames): boolean {
  return names.dns.length + names.email.length + names.uri.length + names.ip.length > 0
}

export function alternativeNamesDer(names: AlternativeNames): Der {
  return der.sequence(
    ...names.email.map((email) => der.implicit(1, Buffer.from(email, 'latin1'))),
    ...names.dns.map((name) => der.implicit(2, Buffer.from(name, 'latin1'))),
    ...names.uri.map((uri) => der.implicit(6, Buffer.from(uri, 'latin1'))),
    ...names.ip.map((ip) => der.implicit(7, ipBytes(ip))),
  )
}

function unique(given: readonly string[] = [], read: (name: string) => string): string[] {
  return [...new Set(given.map(read))]
}

// Underscores are no host names by RFC 952, but Compose services have them and Go and Node match them.
const dnsLabel = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

function readDnsName(given: string): string {
  const name = given.toLowerCase()
  const labels = name.split('.')
  const rest = labels[0] === '*' && labels.length > 2 ? labels.slice(1) : labels
  // A name of digits alone would be read as an address by some and as a name by others.
  const valid = rest.every((label) => dnsLabel.test(label)) && !/^[\d.]+$/.test(name)
  if (!valid || name.length > 253) refuse('DNS name', given)
  return name
}

function readEmail(given: string): string {
  const at = given.lastIndexOf('@')
  const local = given.slice(0, at)
  const domain = given.slice(at + 1).toLowerCase()
  const valid = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
  const labels = domain.split('.')
  if (at < 1 || local.length > 64 || given.length > 254) refuse('email address', given)
  if (!valid.test(local) || !labels.every((label) => dnsLabel.test(label))) {
    refuse('email address', given)
  }
  return `${local}@${domain}`
}

function readUri(given: string): string {
  // RFC 5280 §4.2.1.6: absolute and ASCII. What the parser would rewrite has two spellings.
  const plain = /^[a-z][a-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/.test(given)
  if (!plain || given.length > 1024 || !URL.canParse(given) || new URL(given).href !== given) {
    refuse('URI', given)
  }
  return given
}

function readIp(given: string): string {
  const family = isIP(given)
  if (family === 0 || given.includes('%')) refuse('IP address', given)
  return new SocketAddress({ address: given, family: family === 4 ? 'ipv4' : 'ipv6' }).address
}

function ipBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number))
  const [head = '', tail] = withHexTail(ip).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  const groups = [...left, ...zeros, ...right].map((group) => group.padStart(4, '0'))
  return Buffer.from(groups.join(''), 'hex')
}

/** `::ffff:192.0.2.1` with its last four octets as two groups. */
function withHexTail(ip: string): string {
  return ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (...parts) => {
    const hex = Buffer.from(parts.slice(1, 5).map(Number)).toString('hex')
    return `${hex.slice(0, 4)}:${hex.slice(4)}`
  })
}

function refuse(what: string, given: string): never {
  throw new CaError('bad-name', `${JSON.stringify(given)} is no ${what}`)
}
