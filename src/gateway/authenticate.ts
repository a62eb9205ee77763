// Certificate → principal. Decides at the end of the handshake whether a connection may speak HTTP,
// and holds for each admitted connection who it is.
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { isFailure } from '../errors.ts'
import { readPrincipal } from '../identity/certificate.ts'
import type { Principal } from '../identity/principal.ts'
import type { Verdict } from './tls.ts'

/** An admitted connection. */
export interface Peer {
  readonly principal: Principal
  readonly address: string
}

export interface Authenticator {
  /** To be called once a connection, at the end of its handshake. */
  judge(socket: TLSSocket): Verdict
  /** Who is at the other end; undefined for a connection that `judge` did not admit. */
  peerOf(socket: object): Peer | undefined
  /** Why this principal may not go on, now: its time is over. */
  outdated(principal: Principal): string | undefined
  /** Replaces the trusted roots. */
  trust(caPem: string): void
}

/** Principals are cached by fingerprint, so that a reconnecting client costs no second parse. */
const cachedPrincipals = 1_000

export function createAuthenticator(caPem: string, now: () => number): Authenticator {
  let roots = readRoots(caPem)
  const peers = new WeakMap<object, Peer>()
  const principals = new Map<string, Principal>()

  function judge(socket: TLSSocket): Verdict {
    const cert = socket.getPeerX509Certificate()
    if (cert === undefined) return { admit: false, cause: 'no client certificate' }
    const problem = verificationError(socket)
    if (problem !== undefined && !isOnlyTime(problem, cert, roots)) {
      return { admit: false, cause: problem }
    }
    const fingerprint = cert.fingerprint256.replaceAll(':', '').toLowerCase()
    let principal = principals.get(fingerprint)
    if (principal === undefined) {
      const read = readPrincipal(cert.raw, fingerprint)
      if (isFailure(read)) return { admit: false, cause: read.detail ?? read.message }
      principal = read
    }
    const tell =
      outdated(principal) ?? (problem === undefined ? undefined : 'your certificate is not valid')
    if (tell !== undefined) return { admit: false, cause: tell, tell }
    if (principals.size >= cachedPrincipals) principals.clear()
    principals.set(fingerprint, principal)
    peers.set(socket, Object.freeze({ principal, address: socket.remoteAddress ?? 'unknown' }))
    return { admit: true }
  }

  function outdated(principal: Principal): string | undefined {
    const time = now()
    if (time > principal.notAfter) {
      return `your certificate expired on ${minutes(principal.notAfter)}: ask your operator for a new one`
    }
    if (time < principal.notBefore) {
      return `your certificate is not valid before ${minutes(principal.notBefore)}`
    }
    return undefined
  }

  return {
    judge,
    outdated,
    peerOf: (socket) => peers.get(socket),
    trust: (pem) => {
      roots = readRoots(pem)
      principals.clear()
    },
  }
}

/** OpenSSL's verdict on the chain, also for a resumed session; undefined when it is content. */
function verificationError(socket: TLSSocket): string | undefined {
  if (socket.authorized) return undefined
  const error: unknown = socket.authorizationError
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.message
  return typeof error === 'string' ? error : 'the certificate was not verified'
}

const timeErrors = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

/**
 * OpenSSL reports one error of perhaps several, so a certificate that it calls expired may be a
 * stranger's as well: only one that our CA signed is ours.
 */
function isOnlyTime(
  problem: string,
  cert: X509Certificate,
  roots: readonly X509Certificate[],
): boolean {
  return (
    timeErrors.has(problem) &&
    roots.some((root) => cert.checkIssued(root) && cert.verify(root.publicKey))
  )
}

function readRoots(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

function minutes(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
