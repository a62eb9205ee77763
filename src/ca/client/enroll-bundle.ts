// Gets a first bundle: the key is made and written here before anything is asked, so that neither a
// full disk nor a wrong folder costs a token that can be used once.
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
  readonly token: string
  readonly now: () => Date
  readonly key?: KeyKind
  /** From the name that the certificate is for. */
  readonly folderOf: (name: string) => string
  /** Whether a bundle that lies there already may be replaced. */
  readonly replace: boolean
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
  const { name, authority } = readToken(enrollment.token, enrollment.now())
  requireName(name)
  const folder = enrollment.folderOf(name)
  const key = await generateKey(enrollment.key ?? defaultKeyKind)
  const keyPem = await toPkcs8(key)
  const staged = stageBundle(folder, keyPem, enrollment.replace)
  try {
    const ca = await findAuthority(url, authority)
    const asked = { token: enrollment.token, csr: makeRequest(key) }
    const answer = await askEndpoint({ url, ca }, paths.enroll, asked, signedBody)
    if (answer.name !== name) {
      throw new CaError('unreachable', `the signing endpoint sent what is for ${JSON.stringify(answer.name)}`) // prettier-ignore
    }
    requireReceived(answer, key, ca)
    const { host, serial, notAfter, certificate: cert } = answer
    const files = clientBundle({ name, host, ca, cert, key: keyPem, folder })
    await staged.finish(new Map([...files, ['url', `${url.origin}\n`]]))
    return { folder, name, serial, notAfter, host }
  } finally {
    staged.drop()
  }
}
