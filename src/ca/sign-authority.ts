// What a root does that is kept offline: it signs the authority below it, which may sign no other, and
// keeps a record of it in its own store, so that it can be taken back.
import type { KeyObject } from 'node:crypto'
import { CaError } from './ca-error.ts'
import { randomSerial, serialText, signCertificate } from './certificate.ts'
import { joinLists } from './crl-file.ts'
import { authorityProfile } from './extensions.ts'
import { fingerprint } from './issuer.ts'
import { keyIdentifier, publicKeyDer } from './keys.ts'
import { openIssuer } from './open-issuer.ts'
import type { Access } from './open-issuer.ts'
import { periodWithin } from './period.ts'
import { describeKey } from './public-key.ts'
import { isCrlDue, nextRevocationList } from './sign-crl.ts'
import { commit, readStored, requireIndex, withStore } from './store.ts'
import type { Issued, StoreIndex } from './store-index.ts'

export interface AuthorityRequest {
  readonly name: string
  /** The public half suffices. */
  readonly key: KeyObject
  readonly lifetimeHours?: number
}

export interface SignedAuthority {
  /** As the authority's own store records it. */
  readonly ca: StoreIndex['ca']
  readonly pem: string
  readonly rootPem: string
  readonly rootList: string
}

const defaultHours = 24 * 1825

/** `root` leads to the root's folder. */
export async function signAuthority(
  root: Access,
  request: AuthorityRequest,
): Promise<SignedAuthority> {
  const { folder, now } = root
  const { name, key, lifetimeHours } = request
  const above = requireIndex(folder).ca
  if (above.root !== undefined) {
    throw new CaError('not-allowed', `the CA in "${folder}" is no root, and may sign no other`)
  }
  if (above.name === name) {
    // RFC 5280 §3.2: a certificate is self-issued where both names are the same.
    throw new CaError('bad-name', `the root is called ${JSON.stringify(name)} too`, {
      hint: '--name TEXT',
    })
  }
  const issuer = await openIssuer(root)
  const period = periodWithin(issuer.notAfter, now, lifetimeHours, defaultHours)
  const publicKey = publicKeyDer(key)
  const serial = randomSerial()
  const pem = signCertificate(
    {
      serial,
      issuer: issuer.name,
      subject: [['CN', name]],
      ...period,
      publicKey,
      extensions: authorityProfile(keyIdentifier(publicKey), 0, issuer.keyId),
    },
    issuer.key,
  )
  const notAfter = period.notAfter.toISOString()
  const own = { name, serial: serialText(serial), notAfter, fingerprint: fingerprint(pem) }
  const row: Issued = {
    ...own,
    kind: 'authority',
    dns: [],
    email: [],
    uri: [],
    ip: [],
    key: describeKey(key),
    notBefore: period.notBefore.toISOString(),
  }
  return withStore(folder, () => {
    const index = requireIndex(folder)
    const next = { ...index, issued: [...index.issued, row] }
    const list = isCrlDue(index.crl, now) ? nextRevocationList(next, issuer, now) : undefined
    const change = list === undefined ? [] : [['crl.pem', joinLists(folder, list.pem)] as const]
    const crl = list?.crl ?? index.crl
    commit(folder, { ...next, crl }, new Map(change))
    const { name: rootName, notAfter: rootEnd, fingerprint: rootPrint } = index.ca
    const { nextUpdate } = crl
    return {
      ca: {
        ...own,
        root: { name: rootName, notAfter: rootEnd, fingerprint: rootPrint, nextUpdate },
      },
      pem,
      rootPem: issuer.pem,
      rootList: readStored(folder, 'crl.pem'),
    }
  })
}
