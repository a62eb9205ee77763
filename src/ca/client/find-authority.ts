// Gets the CA's certificate from a server that nobody has verified yet, and believes it for its
// fingerprint alone. Only a handshake goes there: no request, no token, no client certificate.
import { once } from 'node:events'
import { isIP } from 'node:net'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { hash } from 'node:crypto'
import { CaError } from '../ca-error.ts'
import { toPem } from '../pem.ts'
import { hostOf, portOf } from './ask-endpoint.ts'
import { unreachable } from './unreachable.ts'

const patienceMs = 15_000
const longestChain = 5

/** In PEM. What the server is otherwise is verified by whoever connects with it. */
export async function findAuthority(url: URL, fingerprint: string): Promise<string> {
  const host = hostOf(url)
  const socket = connect({
    host,
    port: portOf(url),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    minVersion: 'TLSv1.3',
    // The chain is what we came for; nothing is said on this connection.
    rejectUnauthorized: false,
  })
  const signal = AbortSignal.timeout(patienceMs)
  try {
    await once(socket, 'secureConnect', { signal })
    for (const der of chainOf(socket.getPeerCertificate(true))) {
      if (hash('sha256', der, 'hex') === fingerprint) return toPem('CERTIFICATE', der)
    }
  } catch (error) {
    throw unreachable(url, error)
  } finally {
    socket.destroy()
  }
  throw new CaError('unreachable', `${url.host} is not of the CA with that fingerprint`, {
    hint: `nothing was sent to it; the fingerprint of the CA is to be ${fingerprint}`,
  })
}

function chainOf(leaf: DetailedPeerCertificate): Buffer[] {
  const found: Buffer[] = []
  let next: DetailedPeerCertificate | undefined = leaf
  // A self-signed certificate is its own issuer.
  while (next?.raw !== undefined && found.length < longestChain) {
    found.push(next.raw)
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate
  }
  return found
}
