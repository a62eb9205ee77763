// An issuer of identity tokens, as a process of its own with keys of its own. It signs what a test asks
// it to, and serves the metadata of a good issuer beside that of several broken ones.
// Run with two paths: its TLS certificate and key. Prints its port.
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { argv, stdout } from 'node:process'
import { exportJWK, SignJWT } from 'jose'

const pairs = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  // Of another issuer at the same place, and of nobody.
  other: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  stranger: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
}

const jwk = async (name: keyof typeof pairs, more: object) => ({
  ...(await exportJWK(pairs[name].publicKey)),
  kid: name,
  use: 'sig',
  ...more,
})
const sets: Record<string, object> = {
  good: { keys: [await jwk('rsa', { alg: 'RS256' }), await jwk('ec', { alg: 'ES256' })] },
  noset: { keys: 'none' },
  other: { keys: [await jwk('other', { alg: 'ES256' })] },
  // The public key of `rsa` as a secret: what a confused verifier would take for HS256.
  symmetric: {
    keys: [{ kty: 'oct', kid: 'rsa', k: Buffer.from('secret'.repeat(10)).toString('base64url') }],
  },
}

const asked: Record<string, number> = {}
const [, , certPath = '', keyPath = ''] = argv

const server = https.createServer(
  { cert: readFileSync(certPath), key: readFileSync(keyPath) },
  (request, response) => void answer(request, response),
)

async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const path = request.url ?? ''
  asked[path] = (asked[path] ?? 0) + 1
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`
  const json = (value: unknown): void => void response.end(JSON.stringify(value))
  const [, name = '', ...rest] = path.split('/')
  if (path === '/asked') return json(asked)
  if (path === '/sign') {
    const { key, header, claims } = JSON.parse(Buffer.concat(await request.toArray()).toString())
    const { privateKey } = pairs[key as keyof typeof pairs]
    return json(await new SignJWT(claims).setProtectedHeader(header).sign(privateKey))
  }
  if (rest.join('/') === 'jwks' && sets[name] !== undefined) return json(sets[name])
  const issuer = `${origin}/${name}`
  if (rest.join('/') !== '.well-known/openid-configuration') return response.writeHead(404).end()
  switch (name) {
    case 'moved':
      return response.writeHead(302, { location: `${origin}/good/${rest.join('/')}` }).end()
    case 'broken':
      return response.writeHead(500).end()
    case 'huge':
      return json({ issuer, jwks_uri: `${origin}/good/jwks`, more: 'x'.repeat(1 << 20) })
    case 'mismatch':
      return json({ issuer: `${origin}/good`, jwks_uri: `${origin}/good/jwks` })
    case 'plain':
      return json({ issuer, jwks_uri: `http://localhost/jwks` })
    default:
      return json({ issuer, jwks_uri: `${issuer}/jwks` })
  }
}

server.listen(0, '127.0.0.1', () => {
  stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
