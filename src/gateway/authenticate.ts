// Certificate → principal. Decides at the end of the handshake whether a connection may speak HTTP,
// and holds for each admitted connection who it is.
import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { isFailure } from '../errors.ts'
import { readPrincipal } from '../identity/certificate.ts'
import { whyNotNamed, type IssuerRules } from '../identity/issuer-rules.ts'
import type { Principal } from '../identity/principal.ts'
import { beneath } from './beneath.ts'
import type { Verdict } from './tls.ts'
import { chainOf, fingerprintOf, revocationKey, type Trust } from './trust.ts'

/** An admitted connection. */
export interface Peer {
  readonly principal: Principal
  readonly address: string
  /** By whom it was signed, up to the root: `revocationKey` of each, and whose SHA-256 must be trusted. */
  readonly chain: readonly { readonly key: string; readonly issuer: string }[]
}

export interface Authenticator {
  /** To be called once a connection, at the end of its handshake. */
  judge(socket: TLSSocket): Verdict
  /** Who is at the other end; undefined for a connection that `judge` did not admit. */
  peerOf(socket: object): Peer | undefined
  /** Who a certificate is that was not shown on a connection now: one of ours, or why not. */
  recognize(cert: X509Certificate, address: string): Peer | string
  /** Why this peer may not go on, now: its time is over, or it was taken back. */
  outdated(peer: Peer): string | undefined
}

/** Principals are cached by fingerprint, so that a reconnecting client costs no second parse. */
const cachedPrincipals = 1_000

type Known = Pick<Peer, 'principal' | 'chain'>

/** `trust` gives what is in force now; it may change between any two calls. */
export function createAuthenticator(
  trust: () => Trust,
  rules: () => IssuerRules | undefined,
  now: () => number,
): Authenticator {
  const peers = new WeakMap<object, Peer>()
  let cached: { readonly for: Trust; readonly known: Map<string, Known> } | undefined

  function judge(socket: TLSSocket): Verdict {
    const cert = socket.getPeerX509Certificate()
    if (cert === undefined) return { admit: false, cause: 'no client certificate' }
    const { roots } = trust()
    const problem = verificationError(socket)
    if (problem !== undefined && !(tellable.has(problem) && issuerOf(cert, roots) !== undefined)) {
      return { admit: false, cause: problem }
    }
    const known = identify(cert)
    if (typeof known === 'string') return { admit: false, cause: known }
    const peer = Object.freeze({ ...known, address: beneath(socket).remoteAddress ?? 'unknown' })
    const tell =
      outdated(peer) ?? (problem === undefined ? undefined : 'your certificate is not valid')
    if (tell !== undefined) {
      const { name, serial } = peer.principal
      return { admit: false, cause: `${tell} (${name}, serial ${serial})`, tell }
    }
    peers.set(socket, peer)
    return { admit: true }
  }

  function identify(cert: X509Certificate): Known | string {
    const trusted = trust()
    if (cached?.for !== trusted || cached.known.size >= cachedPrincipals) {
      cached = { for: trusted, known: new Map() }
    }
    // As OpenSSL writes it.
    const { fingerprint256 } = cert
    const found = cached.known.get(fingerprint256)
    if (found !== undefined) return found
    const principal = readPrincipal(cert.raw, fingerprintOf(cert))
    if (isFailure(principal)) return principal.message
    const links = chainOf(cert, trusted.roots)
    if (links === undefined) return 'its issuer is not in ca.pem'
    const chain = links.map(({ issuer, serial }) => ({
      issuer,
      key: revocationKey(issuer, serial),
    }))
    const known = { principal, chain }
    cached.known.set(fingerprint256, known)
    return known
  }

  function outdated({ principal, chain }: Peer): string | undefined {
    const time = now()
    const trusted = trust()
    const { revocations, mode } = trusted
    const revokedAt = chain.findIndex(({ key }) => revocations?.serials.has(key) === true)
    if (revokedAt >= 0) {
      const what =
        revokedAt === 0 ? 'your certificate' : 'the authority that signed your certificate'
      return `${what} was revoked: ask your operator for a new one`
    }
    if (time > principal.notAfter) {
      return `your certificate expired on ${minutes(principal.notAfter)}: ask your operator for a new one`
    }
    if (time < principal.notBefore) {
      return `your certificate is not valid before ${minutes(principal.notBefore)}`
    }
    if (!chain.every(({ issuer }) => trusted.anchors.has(issuer)))
      return 'your certificate is not of an authority that is trusted here'
    const unnamed = whyNotNamed(rules(), chain[0]?.issuer ?? '', principal)
    if (unnamed !== undefined) return `your certificate cannot be used: ${unnamed}`
    if (mode === 'refuse' && !(time <= (revocations?.nextUpdate ?? 0))) {
      const since = revocations === undefined ? '' : ` on ${minutes(revocations.nextUpdate)}`
      return `the revocation list here expired${since}, so nobody is let in: your operator signs it anew with "dockgate ca crl"`
    }
    return undefined
  }

  function recognize(cert: X509Certificate, address: string): Peer | string {
    if (issuerOf(cert, trust().roots) === undefined) return 'its certificate is not one of ours'
    const known = identify(cert)
    return typeof known === 'string' ? known : Object.freeze({ ...known, address })
  }

  return { judge, outdated, recognize, peerOf: (socket) => peers.get(socket) }
}

/** OpenSSL's verdict on the chain, also for a resumed session; undefined when it is content. */
function verificationError(socket: TLSSocket): string | undefined {
  if (socket.authorized) return undefined
  const error: unknown = socket.authorizationError
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.message
  return typeof error === 'string' ? error : 'the certificate was not verified'
}

/** What the owner of a certificate of ours is told; all else ends without a word. */
const tellable = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CRL_HAS_EXPIRED',
])

/**
 * OpenSSL reports one error of perhaps several, so a certificate that it calls expired may be a
 * stranger's as well: only one that our CA signed is ours.
 */
function issuerOf(
  cert: X509Certificate,
  roots: readonly X509Certificate[],
): X509Certificate | undefined {
  return roots.find((root) => cert.checkIssued(root) && cert.verify(root.publicKey))
}

function minutes(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
