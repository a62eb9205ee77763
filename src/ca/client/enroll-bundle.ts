// Gets a first bundle, for a token of the operator's or for an identity token of an issuer that the
// endpoint trusts. The key is made and written here before anything is asked, so that neither a full
// disk nor a wrong folder costs a token that can be used once.
import { CaError } from '../ca-error.ts'
import { makeRequest } from '../certificate-request.ts'
import { clientBundle } from '../client-bundle.ts'
import { requireName } from '../client-name.ts'
import { paths, signedBody } from '../endpoint-protocol.ts'
import { readToken } from '../enrollment-token.ts'
import { defaultKeyKind, generateKey, toPkcs8 } from '../keys.ts'
import type { KeyKind } from '../keys.ts'
import { askEndpoint, readEndpointUrl } from './ask-endpoint.ts'
import { findAuthority } from './find-authority.ts'
import { requireReceived } from './received.ts'
import { stageBundle } from './stage-bundle.ts'

export interface Enrollment {
  readonly url: string
  readonly key?: KeyKind
  readonly by: ByToken | ByIdentity
}

/** An enrollment token says for whom it is, and which CA. */
interface ByToken {
  readonly token: string
  readonly now: Date
  readonly folderOf: (name: string) => string
  /** Whether a bundle that lies there already may be replaced. */
  readonly replace: boolean
}

/** An identity token says neither. */
interface ByIdentity {
  readonly identityToken: string
  readonly authority: { readonly pem: string } | { readonly fingerprint: string }
  /** A bundle that lies there is replaced: it lived for minutes only. */
  readonly folder: string
}

export interface EnrolledBundle {
  readonly folder: string
  readonly name: string
  readonly serial: string
  readonly notAfter: string
  readonly host: string
}

export async function enrollBundle(enrollment: Enrollment): Promise<EnrolledBundle> {
  const url = readEndpointUrl(enrollment.url)
  const plan = planOf(enrollment.by)
  const key = await generateKey(enrollment.key ?? defaultKeyKind)
  const keyPem = await toPkcs8(key)
  const staged = stageBundle(plan.folder, keyPem, plan.replace)
  try {
    const { authority, folder } = plan
    const ca = 'pem' in authority ? authority.pem : await findAuthority(url, authority.fingerprint)
    const asked = { token: plan.token, csr: makeRequest(key) }
    const answer = await askEndpoint({ url, ca }, plan.path, asked, signedBody)
    const { name, host, serial, notAfter } = answer
    if (plan.name !== undefined && plan.name !== name) {
      throw new CaError('unreachable', `the signing endpoint sent what is for ${JSON.stringify(name)}`) // prettier-ignore
    }
    const cert = requireReceived(answer, key, ca)
    const files = clientBundle({ name, host, ca, cert, key: keyPem, folder })
    await staged.finish(new Map([...files, ['url', `${url.origin}\n`]]))
    return { folder, name, serial, notAfter, host }
  } finally {
    staged.drop()
  }
}

interface Plan {
  readonly path: string
  readonly token: string
  readonly authority: ByIdentity['authority']
  readonly folder: string
  readonly replace: boolean
  /** Where it is known before. */
  readonly name?: string
}

function planOf(by: ByToken | ByIdentity): Plan {
  if ('identityToken' in by) {
    const { identityToken: token, authority, folder } = by
    return { path: paths.exchange, token, authority, folder, replace: true }
  }
  const { token, replace } = by
  const { name, authority: fingerprint } = readToken(token, by.now)
  requireName(name)
  const folder = by.folderOf(name)
  return { path: paths.enroll, token, authority: { fingerprint }, folder, replace, name }
}
