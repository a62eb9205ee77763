// Asks the signing endpoint, over TLS that is verified before anything is said: the chain against the
// CA, the host name, and that the certificate is the endpoint's own and not the gateway's.
import { X509Certificate } from 'node:crypto'
import https from 'node:https'
import { checkServerIdentity } from 'node:tls'
import type { ZodType } from 'zod'
import { CaError } from '../ca-error.ts'
import { endpointUri } from '../endpoint-protocol.ts'
import { unreachable } from './unreachable.ts'

export interface Endpoint {
  readonly url: URL
  /** The CA's certificate in PEM: nobody else is trusted, whatever the machine trusts. */
  readonly ca: string
}

export interface ClientIdentity {
  readonly cert: string
  readonly key: string
}

const patienceMs = 30_000
const maxAnswerBytes = 64 * 1024

export async function askEndpoint<T>(
  endpoint: Endpoint,
  path: string,
  body: unknown,
  shape: ZodType<T>,
  identity?: ClientIdentity,
): Promise<T> {
  const { status, text } = await post(endpoint, path, JSON.stringify(body), identity)
  const value = parse(text)
  if (status !== 200 && status !== 201) throw refusal(status, value)
  const found = shape.safeParse(value)
  if (found.success) return found.data
  throw new CaError('unreachable', `${endpoint.url.host} gave an answer that cannot be read`)
}

function post(
  { url, ca }: Endpoint,
  path: string,
  body: string,
  identity: ClientIdentity | undefined,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(unreachable(url, error))
    const request = https.request({
      method: 'POST',
      host: hostOf(url),
      port: portOf(url),
      path,
      agent: false,
      minVersion: 'TLSv1.3',
      ca,
      ...identity,
      checkServerIdentity: (host, peer) =>
        checkServerIdentity(host, peer) ?? requireEndpoint(new X509Certificate(peer.raw)),
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(patienceMs),
    })
    request.on('error', fail)
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('error', fail)
      response.on('data', (part: string) => {
        text += part
        if (text.length > maxAnswerBytes) response.destroy(new Error('its answer is too long'))
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.end(body)
  })
}

function requireEndpoint(certificate: X509Certificate): Error | undefined {
  // Node quotes a name that holds a comma, so that none can look like two.
  const names = (certificate.subjectAltName ?? '').split(', ')
  if (names.includes(`URI:${endpointUri}`)) return undefined
  return new Error('its certificate is not that of a signing endpoint')
}

function refusal(status: number, value: unknown): CaError {
  const said = typeof value === 'object' && value !== null ? value : {}
  const message = 'message' in said ? visible(said.message) : `it answers ${status}`
  const hint = 'hint' in said ? visible(said.hint) : undefined
  const words = `the signing endpoint refused: ${message}`
  return new CaError('not-allowed', words, hint === undefined ? {} : { hint })
}

/** What another machine says goes to a terminal. */
function visible(text: unknown): string {
  return String(text).replace(/\p{C}/gu, '?').slice(0, 500)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The endpoint's address as people write it: `https://name:port` and no more. */
export function readEndpointUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url !== undefined && url.href === `${url.origin}/` && url.protocol === 'https:'
  if (isPlain) return url
  throw new CaError('bad-name', `${JSON.stringify(text)} is no address of a signing endpoint`, {
    hint: 'it looks like https://ca.example.com:2378',
  })
}

export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

export function portOf(url: URL): number {
  return url.port === '' ? 443 : Number(url.port)
}
