// What the folder of the CA says, read and checked as a whole before anything of it counts: whom the
// gateway trusts, what was taken back, and who the gateway itself is. Frozen.
import { createPrivateKey, verify, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { Fault } from '../config/fault.ts'
import { readRevocationList } from '../identity/revocation-list.ts'
import { secureContext, type TlsMaterial } from './tls.ts'

/** The revocation lists taken together. */
export interface Revocations {
  /** PEM, for OpenSSL. */
  readonly pem: string
  /** What `revocationKey` makes of each certificate that its own issuer's list takes back. */
  readonly serials: ReadonlySet<string>
  readonly thisUpdate: number
  /** From then on nobody knows what else was taken back. */
  readonly nextUpdate: number
  /** By issuer, as hex of its name: the number of its list. */
  readonly numbers: ReadonlyMap<string, bigint>
}

export interface Trust {
  readonly material: TlsMaterial
  /** All that is in ca.pem: roots, and the authorities between them and those who are let in. */
  readonly roots: readonly X509Certificate[]
  /** Their SHA-256; who was let in by another one is not let in any more. */
  readonly anchors: ReadonlySet<string>
  /** Undefined only where `crl: warn` lets the gateway go on without. */
  readonly revocations: Revocations | undefined
  /** An expired list refuses everybody, or is only warned of. */
  readonly mode: 'refuse' | 'warn'
  readonly periods: readonly Period[]
}

/** How long something is good that the gateway cannot do without. */
export interface Period {
  readonly of: 'ca' | 'crl' | 'server'
  /** Milliseconds since the epoch. */
  readonly from: number
  readonly until: number
}

/** Gives a file's text, or throws as node:fs does. */
export type ReadText = (path: string) => string

interface Folder {
  readonly certs: string
  readonly text: ReadText
}

const fromDisk: ReadText = (path) => readFileSync(path, 'utf8')

export interface TrustReading {
  /** Undefined where there is nothing to go on with. */
  readonly trust: Trust | undefined
  readonly faults: readonly Fault[]
}

/**
 * Reads the folder. What cannot be used is a fault, and `before` stays in its place: the authority with
 * its list, and the gateway's own certificate with its key, each for itself, so that a broken server
 * certificate keeps no revocation from counting.
 */
export function readTrust(
  certs: string,
  mode: Trust['mode'],
  now: number,
  before?: Trust,
  text: ReadText = fromDisk,
): TrustReading {
  const faults: Fault[] = []
  const authority = readAuthority({ certs, text }, mode, now, before, faults)
  const server = attempt(faults, () => readServer({ certs, text })) ?? before?.material
  if (authority === undefined || server === undefined) return { trust: undefined, faults }
  const { ca, roots, revocations } = authority
  const { key, cert } = server
  // Where an expired list is only warned of, OpenSSL must not see it; `outdated` asks for the serial.
  const crl = mode === 'warn' ? undefined : revocations?.pem
  const material: TlsMaterial = Object.freeze({ key, cert, ca, crl })
  const usable = attempt(faults, () => {
    createSecureContext(checked(certs, () => secureContext(material)))
    return material
  })
  if (usable === undefined) return { trust: before, faults }
  if (before !== undefined && isSame(before, { material, revocations, mode })) {
    return { trust: before, faults }
  }
  return {
    trust: Object.freeze({
      material,
      roots,
      anchors: new Set(roots.map(fingerprintOf)),
      revocations,
      mode,
      periods: [
        ...lasting(roots).map((root) => periodOf('ca', root)),
        ...(revocations === undefined
          ? []
          : [{ of: 'crl' as const, from: revocations.thisUpdate, until: revocations.nextUpdate }]),
        periodOf('server', new X509Certificate(cert)),
      ],
    }),
    faults,
  }
}

/** Without those that were renewed: the same name and key in a certificate that ends later. */
export function lasting(authorities: readonly X509Certificate[]): readonly X509Certificate[] {
  return authorities.filter(
    (one) =>
      !authorities.some(
        (other) =>
          other.subject === one.subject &&
          other.publicKey.equals(one.publicKey) &&
          Date.parse(other.validTo) > Date.parse(one.validTo),
      ),
  )
}

/** What has not changed keeps its identity, and with it open connections and session tickets. */
function isSame(
  before: Trust,
  { material, revocations, mode }: Pick<Trust, 'material' | 'revocations' | 'mode'>,
): boolean {
  const { key, cert, ca } = before.material
  return (
    key === material.key &&
    cert === material.cert &&
    ca === material.ca &&
    before.revocations?.pem === revocations?.pem &&
    before.mode === mode
  )
}

function periodOf(of: Period['of'], { validFrom, validTo }: X509Certificate): Period {
  return { of, from: Date.parse(validFrom), until: Date.parse(validTo) }
}

interface AuthorityReading {
  readonly ca: string
  readonly roots: readonly X509Certificate[]
  readonly revocations: Revocations | undefined
}

function readAuthority(
  certs: Folder,
  mode: Trust['mode'],
  now: number,
  before: Trust | undefined,
  faults: Fault[],
): AuthorityReading | undefined {
  const earlier =
    before === undefined
      ? undefined
      : { ca: before.material.ca, roots: before.roots, revocations: before.revocations }
  // A new authority comes with a list of its own; a new list is good for the authority in force, too.
  const named = attempt(faults, () => readRoots(certs)) ?? earlier
  if (named === undefined) return undefined
  const revocations = attempt(faults, () => readRevocations(certs, named.roots, now, before))
  if (revocations !== undefined) return { ca: named.ca, roots: named.roots, revocations }
  if (earlier !== undefined) {
    const newer = attempt([], () => readRevocations(certs, earlier.roots, now, before))
    return newer === undefined ? earlier : { ...earlier, revocations: newer }
  }
  return mode === 'warn' ? { ca: named.ca, roots: named.roots, revocations: undefined } : undefined
}

function readRoots({ certs, text }: Folder): Pick<AuthorityReading, 'ca' | 'roots'> {
  const path = join(certs, 'ca.pem')
  const ca = read(text, path, 'dockgate ca init')
  const blocks = pemBlocks(ca, 'CERTIFICATE')
  const roots = checked(path, () => blocks.map((block) => new X509Certificate(block)))
  if (roots.length === 0) throw new Unusable(path, 'there is no certificate in it')
  const stray = roots.find((root) => chainOf(root, roots) === undefined)
  if (stray !== undefined) {
    throw new Unusable(path, `${oneLine(stray.subject)} is no authority, or leads to no root in it`)
  }
  return { ca, roots }
}

/** A certificate, and who signed it, by the fingerprint of their certificate. */
export interface Link {
  readonly issuer: string
  readonly serial: string
}

const longestChain = 8

/** From a certificate to its root, by `authorities` alone; undefined where there is no such way. */
export function chainOf(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): readonly Link[] | undefined {
  const links: Link[] = []
  for (let at = certificate; links.length < longestChain;) {
    const signed = at
    const issuer = authorities.find(
      (one) => one.ca && signed.checkIssued(one) && signed.verify(one.publicKey),
    )
    if (issuer === undefined) return undefined
    links.push({ issuer: fingerprintOf(issuer), serial: signed.serialNumber })
    if (issuer.checkIssued(issuer)) return links
    at = issuer
  }
  return undefined
}

/** SHA-256 in lower-case hex. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

function readServer({ certs, text }: Folder): Pick<TlsMaterial, 'key' | 'cert'> {
  const cert = read(text, join(certs, 'server/cert.pem'), 'dockgate ca server')
  const path = join(certs, 'server/key.pem')
  const key = read(text, path, 'dockgate ca server')
  const matches = checked(path, () =>
    new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)),
  )
  if (!matches) throw new Unusable(path, 'it is not the key of cert.pem', 'dockgate ca server')
  return { key, cert }
}

/** Digests of the signature algorithms that a list may be signed with. */
const digests: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.3.101.112', null],
])

function readRevocations(
  { certs, text }: Folder,
  roots: readonly X509Certificate[],
  now: number,
  before: Trust | undefined,
): Revocations {
  const path = join(certs, 'crl.pem')
  const hint = 'dockgate ca crl'
  const pem = read(text, path, hint)
  const serials = new Set<string>()
  const numbers = new Map<string, bigint>()
  const covered = new Set<X509Certificate>()
  let thisUpdate = 0
  let nextUpdate = Number.POSITIVE_INFINITY
  for (const block of pemBlocks(pem, 'X509 CRL')) {
    const list = readRevocationList(pemBytes(block))
    if (typeof list === 'string') throw new Unusable(path, list, hint)
    const { algorithm, signed, signature } = list
    const digest = digests.get(algorithm)
    if (digest === undefined)
      throw new Unusable(path, `its signature is of kind ${algorithm}`, hint)
    // More than one where an authority was renewed and kept its key.
    const signers = roots.filter((root) => {
      try {
        return verify(digest, signed, root.publicKey, signature)
      } catch {
        // A key of another kind than the signature.
        return false
      }
    })
    if (signers.length === 0) throw new Unusable(path, 'it is not from the CA in ca.pem', hint)
    if (list.thisUpdate > now) throw new Unusable(path, 'it is dated in the future', hint)
    const issuer = Buffer.from(list.issuer).toString('hex')
    const known = before?.revocations?.numbers.get(issuer)
    // Put back, an older list would give back what a newer one took.
    if (known !== undefined && list.number < known) {
      throw new Unusable(path, `it is number ${list.number}, and ${known} is in force`, hint)
    }
    for (const signer of signers) covered.add(signer)
    numbers.set(issuer, list.number)
    thisUpdate = Math.max(thisUpdate, list.thisUpdate)
    nextUpdate = Math.min(nextUpdate, list.nextUpdate)
    // Authorities count their certificates each for itself: 5 of one is not 5 of another.
    for (const print of signers.map(fingerprintOf)) {
      for (const serial of list.revoked) serials.add(revocationKey(print, serial))
    }
  }
  const bare = roots.find((root) => !covered.has(root))
  if (bare !== undefined)
    throw new Unusable(path, `it has no list of ${oneLine(bare.subject)}`, hint)
  return Object.freeze({ pem, serials, thisUpdate, nextUpdate, numbers })
}

export function revocationKey(issuer: string, serial: string): string {
  return `${issuer} ${serial.toLowerCase().replace(/^0+/, '')}`
}

/** A file that cannot be used, and why. */
class Unusable extends Error {
  readonly fault: Fault

  constructor(where: string, message: string, hint?: string) {
    super(message)
    this.fault = { where, message, ...(hint === undefined ? {} : { hint }) }
  }
}

function attempt<T>(faults: Fault[], act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof Unusable)) throw error
    faults.push(error.fault)
    return undefined
  }
}

/** What OpenSSL and Node throw over what a file holds is a fault of that file. */
function checked<T>(where: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Unusable(where, `it cannot be read: ${why}`)
  }
}

function read(text: ReadText, path: string, hint: string): string {
  try {
    return text(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new Unusable(path, `it cannot be read (${code})`, hint)
  }
}

function pemBlocks(text: string, label: string): readonly string[] {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')
  return text.match(block) ?? []
}

function pemBytes(block: string): Uint8Array {
  return Buffer.from(block.replaceAll(/-----[^-]+-----/g, ''), 'base64')
}

function oneLine(subject: string): string {
  return subject.replaceAll('\n', ', ')
}
