// The endpoint's own certificate. Its key is made when the process starts and is never written, and
// it lives for days: a copy of the disk is of no use to whoever would pose as the endpoint.
import { isIP } from 'node:net'
import { readAlternativeNames } from '../alternative-name.ts'
import { certify } from '../certify.ts'
import { endpointUri } from '../endpoint-protocol.ts'
import { generateKey, toPkcs8 } from '../keys.ts'
import { periodWithin } from '../period.ts'
import type { Signer } from '../signer.ts'

const lifetimeHours = 24 * 7

export interface OwnCertificate {
  readonly key: string
  /** With the CA's own behind it, the root's last, by which clients know it before they know anything else. */
  readonly chain: string
  readonly renewAt: Date
}

/** `names` are DNS names and addresses. */
export async function makeOwnCertificate(
  signer: Signer,
  names: readonly string[],
): Promise<OwnCertificate> {
  const alternatives = readAlternativeNames({
    dns: names.filter((name) => isIP(name) === 0),
    ip: names.filter((name) => isIP(name) !== 0),
    uri: [endpointUri],
  })
  const { issuer } = signer
  const key = await generateKey('ec:p256')
  const { pem, issued } = await certify(signer, key, (_index, now) => ({
    leaf: {
      kind: 'endpoint',
      name: 'dockgate signing endpoint',
      names: alternatives,
      period: periodWithin(issuer.notAfter, now, undefined, lifetimeHours),
    },
  }))
  const middle = (Date.parse(issued.notBefore) + Date.parse(issued.notAfter)) / 2
  return {
    key: await toPkcs8(key),
    chain: pem + issuer.chain + issuer.anchor,
    renewAt: new Date(middle),
  }
}
