// Renews the certificate of a bundle: the key is made here and stays here, and the bundle, with every
// docker context that was made of it, is brought up to date or left as it was.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { CaError } from '../ca-error.ts'
import { makeRequest } from '../certificate-request.ts'
import { clientBundle } from '../client-bundle.ts'
import { paths, signedBody, supersededBody } from '../endpoint-protocol.ts'
import { defaultKeyKind, generateKey, isKeyKind, toPkcs8 } from '../keys.ts'
import type { KeyKind } from '../keys.ts'
import { describeKey } from '../public-key.ts'
import { askEndpoint, readEndpointUrl } from './ask-endpoint.ts'
import { readBundle, replaceFiles, withBundle } from './bundle-folder.ts'
import { refreshContexts } from './docker-contexts.ts'
import { commonName, requireReceived } from './received.ts'

export interface BundleRenewal {
  readonly folder: string
  /** Docker's own folder. */
  readonly dockerConfig: string
  readonly now: () => Date
  /** When the bundle does not say it, or says another. */
  readonly url?: string
  /** Nothing is asked of the endpoint while the certificate lives longer than this. */
  readonly ifWithinMs?: number
  readonly hours?: number
  readonly key?: KeyKind
  /** Takes the earlier certificate back once the new one is in place. */
  readonly supersede?: boolean
}

export interface RenewedBundle {
  readonly folder: string
  readonly name: string
  readonly notAfter: string
  /** Absent when it was not due. */
  readonly serial?: string
  readonly superseded: readonly string[]
  /** Docker contexts that were brought up to date. */
  readonly contexts: readonly string[]
}

export async function renewBundle(renewal: BundleRenewal): Promise<RenewedBundle> {
  const { folder, now, dockerConfig } = renewal
  return withBundle(folder, async () => {
    const { ca, cert, key: oldKey, url: knownUrl } = readBundle(folder)
    const old = readOld(cert, folder)
    const name = commonName(old) ?? ''
    const notAfter = new Date(old.validTo)
    const leftMs = notAfter.getTime() - now().getTime()
    if (renewal.ifWithinMs !== undefined && leftMs > renewal.ifWithinMs) {
      // What a crash kept from a context last time is made up for.
      const contexts = refreshContexts(dockerConfig, { ca, cert, key: oldKey })
      return { folder, name, notAfter: notAfter.toISOString(), superseded: [], contexts }
    }
    if (leftMs <= 0) {
      throw new CaError('bad-period', `the certificate of ${name} expired on ${old.validTo}`, {
        hint: 'ask your operator for a token, and "dockgate enroll"',
      })
    }
    const url = readEndpointUrl(renewal.url ?? knownUrl ?? requireUrl())
    const oldKind = describeKey(createPrivateKey(oldKey))
    const key = await generateKey(renewal.key ?? (isKeyKind(oldKind) ? oldKind : defaultKeyKind))
    const asked = {
      csr: makeRequest(key),
      ...(renewal.hours === undefined ? {} : { hours: renewal.hours }),
    }
    const endpoint = { url, ca }
    const answer = await askEndpoint(endpoint, paths.renew, asked, signedBody, {
      cert,
      key: oldKey,
    })
    const made = requireReceived(
      answer,
      key,
      ca,
      (sent) => sent.subject === old.subject && sent.subjectAltName === old.subjectAltName,
    )
    const renewed = { ca, cert: made, key: await toPkcs8(key) }
    const files = clientBundle({ name, host: answer.host, folder, ...renewed })
    replaceFiles(folder, new Map([...files, ['url', `${url.origin}\n`]]))
    const contexts = refreshContexts(dockerConfig, renewed)
    const superseded =
      renewal.supersede === true
        ? (await askEndpoint(endpoint, paths.supersede, {}, supersededBody, renewed)).revoked
        : []
    const { serial } = answer
    return { folder, name, notAfter: answer.notAfter, serial, superseded, contexts }
  })
}

function readOld(pem: string, folder: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new CaError('missing', `cert.pem in "${folder}" is no certificate`)
  }
}

function requireUrl(): never {
  throw new CaError('missing', 'this bundle does not say where it is renewed', {
    hint: '--url https://ca.example.com:2378, this once',
  })
}
