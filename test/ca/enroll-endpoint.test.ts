// Enrollment tokens at the endpoint: every claim wrong in turn, each used once, and by nobody else.
import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto' // prettier-ignore
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { decodeJwt, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose'
import { makeRequest } from '../../src/ca/certificate-request.ts'
import { issueClient } from '../../src/ca/issue-client.ts'
import { cancelToken, listTokens, makeToken, type TokenRequest } from '../../src/ca/make-token.ts'
import { revoke } from '../../src/ca/revoke.ts'
import { readIndex } from '../../src/ca/store.ts'
import { createStore, hourMs, verify } from '../helpers/ca-store.ts'
import { runDockgate, serveDockgate } from '../helpers/dockgate-process.ts'
import { identityIn, movable, startEndpoint, type TestEndpoint } from '../helpers/endpoint.ts'

type Store = Awaited<ReturnType<typeof createStore>>

const minuteMs = 60_000
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const newRequest = () => makeRequest(newKey())

let count = 0
const someone = () => `person-${++count}`

async function tokenFor(store: Store, more: Partial<TokenRequest> = {}) {
  return makeToken(store, { name: someone(), goodForMs: 15 * minuteMs, ...more })
}

describe('an enrollment token', () => {
  let store: Store
  let endpoint: TestEndpoint
  let caKey: KeyObject
  const enroll = (token: unknown, csr = newRequest()) => endpoint.post('/v1/enroll', { token, csr })

  before(async () => {
    store = await createStore()
    endpoint = await startEndpoint(store)
    caKey = createPrivateKey(readFileSync(join(store.folder, 'ca.key')))
  })

  it('buys one certificate of exactly what the operator said', async () => {
    const names = { email: ['a@example.com'], uri: ['spiffe://example.org/a'], dns: ['a.b'], ip: ['192.0.2.1'] } // prettier-ignore
    const { token, name, id } = await tokenFor(store, { org: 'Example', unit: 'dev', names, lifetimeHours: 8, host: 'tcp://inner.example.com:2376' }) // prettier-ignore
    const { status, body } = await enroll(token)
    assert.equal(status, 201, JSON.stringify(body))
    assert.equal(body['host'], 'tcp://inner.example.com:2376')
    const made = new X509Certificate(String(body['certificate']))
    assert.equal(made.subject, `O=Example\nOU=dev\nCN=${name}`)
    assert.equal(made.subjectAltName, 'email:a@example.com, DNS:a.b, URI:spiffe://example.org/a, IP Address:192.0.2.1') // prettier-ignore
    assert.equal(Date.parse(made.validTo) - Date.parse(made.validFrom), 8 * hourMs + 5 * minuteMs)
    writeFileSync(join(store.folder, 'got.pem'), String(body['certificate']))
    assert.equal(verify(store.folder, 'sslclient', 'got.pem').status, 0)
    const index = readIndex(store.folder)
    const row = index?.issued.at(-1)
    assert.deepEqual([row?.serial, row?.by], [made.serialNumber, 'enroll'])
    const used = index?.tokens?.find((other) => other.id === id)?.used
    assert.equal(used?.serial, made.serialNumber)
    const again = await enroll(token)
    assert.equal(again.status, 401)
    assert.match(String(again.body['message']), /used already/)
    await revoke(store, name, 'keyCompromise')
    assert.match(verify(store.folder, 'sslclient', 'got.pem').text, /revoked/)
  })

  it('of many attempts at once serves exactly one', async () => {
    const { token, name } = await tokenFor(store)
    const answers = await Promise.all(Array.from({ length: 20 }, () => enroll(token)))
    const statuses = answers.map(({ status }) => status).toSorted()
    assert.deepEqual(statuses, [201, ...Array.from({ length: 19 }, () => 401)])
    const rows = readIndex(store.folder)?.issued.filter((row) => row.name === name)
    assert.equal(rows?.length, 1)
  })

  it('is not used up by a request that cannot be signed', async () => {
    const { token } = await tokenFor(store)
    assert.equal((await enroll(token, 'nonsense')).status, 400)
    const good = newRequest()
    const last = good.indexOf('\n-----END') - 6
    const bad = `${good.slice(0, last)}${good[last] === 'A' ? 'B' : 'A'}${good.slice(last + 1)}`
    assert.equal((await enroll(token, bad)).status, 400)
    assert.equal((await enroll(token)).status, 201)
  })

  it('cannot be read from the store or the log', async () => {
    const { token } = await tokenFor(store)
    await enroll(token)
    const [, payload = '', signature = ''] = token.split('.')
    for (const text of [readFileSync(join(store.folder, 'index.json'), 'utf8'), endpoint.log()]) {
      assert.ok(!text.includes(payload) && !text.includes(signature))
    }
  })

  it('that was cancelled is good for nothing', async () => {
    const { token, id } = await tokenFor(store)
    await cancelToken(store.folder, id, store.now)
    assert.ok(!listTokens(store.folder, store.now).some((row) => row.id === id))
    assert.equal((await enroll(token)).status, 401)
    await assert.rejects(cancelToken(store.folder, id, store.now), { code: 'missing' })
  })

  it('for a name that somebody got meanwhile is refused, and not used up', async () => {
    const { token, name } = await tokenFor(store)
    await issueClient(store, { name: name.toUpperCase() })
    const { status, body } = await enroll(token)
    assert.equal(status, 409)
    assert.match(String(body['message']), /has a certificate already/)
  })

  it('for one more leaves the earlier certificate, and one that replaces revokes it', async () => {
    const { name, token } = await tokenFor(store)
    await enroll(token)
    await assert.rejects(tokenFor(store, { name }), { code: 'exists' })
    const again = await tokenFor(store, { name, earlier: 'keep' })
    const replacing = await tokenFor(store, { name, earlier: 'revoke' })
    assert.equal((await enroll(again.token)).status, 201)
    const counting = () =>
      readIndex(store.folder)?.issued.filter((row) => row.name === name && row.revoked === undefined) // prettier-ignore
    assert.equal(counting()?.length, 2)
    const last = await enroll(replacing.token)
    assert.equal(last.status, 201)
    assert.deepEqual(counting()?.map(({ serial }) => serial), [last.body['serial']]) // prettier-ignore
  })

  it('gives no longer life than the endpoint may give', async () => {
    const strict = await startEndpoint(store, { maxHours: 2 })
    const { token } = await tokenFor(store, { lifetimeHours: 8 })
    const { body } = await strict.post('/v1/enroll', { token, csr: newRequest() })
    const made = new X509Certificate(String(body['certificate']))
    assert.equal(Date.parse(made.validTo) - Date.parse(made.validFrom), 2 * hourMs + 5 * minuteMs)
  })

  it('is made for names and times that can be', async () => {
    const rows: [Partial<TokenRequest>, string][] = [
      [{ name: '../x' }, 'bad-name'],
      [{ unit: 'a\nb' }, 'bad-name'],
      [{ goodForMs: 59_000 }, 'bad-period'],
      [{ goodForMs: 8 * 24 * hourMs }, 'bad-period'],
      [{ lifetimeHours: 24 * 3651 }, 'bad-period'],
      [{ host: 'http://x' }, 'bad-name'],
    ]
    for (const [more, code] of rows) await assert.rejects(tokenFor(store, more), { code })
  })

  // Each is made of a token that can be used: only what the row says is wrong with it.
  type Forge = (claims: JWTPayload, token: string) => string | Promise<string>
  const header = { alg: 'ES256', typ: 'dockgate-enroll+jwt' }
  const signed = (claims: JWTPayload, more: object = {}, key: KeyObject | Uint8Array = caKey) =>
    new SignJWT(claims).setProtectedHeader({ ...header, ...more }).sign(key)
  const without = ({ ...claims }: JWTPayload, name: string): JWTPayload => {
    Reflect.deleteProperty(claims, name)
    return claims
  }
  const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const publicPem = () => createPublicKey(caKey).export({ type: 'spki', format: 'pem' }).toString()
  const other = newKey()
  const nowSeconds = Math.floor(Date.now() / 1000)

  const forgeries: [string, Forge][] = [
    ['signed by another key', (claims) => signed(claims, {}, other)],
    ['signed by the key in its own header', (claims) =>
      signed(claims, { jwk: createPublicKey(other).export({ format: 'jwk' }) }, other)],
    ['with the algorithm none', (claims) => new UnsecuredJWT(claims).encode()],
    ['with none and our type', (claims) => `${text({ ...header, alg: 'none' })}.${text(claims)}.`],
    ['with None and the old signature', (claims, token) =>
      `${text({ ...header, alg: 'None' })}.${text(claims)}.${token.split('.')[2]}`],
    ['with HS256 of the public key', (claims) =>
      signed(claims, { alg: 'HS256' }, Buffer.from(publicPem()))],
    ['with HS256 of the CA certificate', (claims) =>
      signed(claims, { alg: 'HS256' }, readFileSync(join(store.folder, 'ca.pem')))],
    ['with another header over the signature', (_claims, token) =>
      [text({ ...header, alg: 'ES384' }), ...token.split('.').slice(1)].join('.')],
    ['with other claims under the signature', (claims, token) =>
      [token.split('.')[0], text({ ...claims, sub: 'admin' }), token.split('.')[2]].join('.')],
    ['without its signature', (_claims, token) => token.replace(/[^.]*$/, '')],
    ['of another type', (claims) => signed(claims, { typ: 'JWT' })],
    ['without a type', (claims) => signed(claims, { typ: undefined })],
    ['with something critical that nobody knows', (_claims, token) =>
      [text({ ...header, crit: ['exp'] }), ...token.split('.').slice(1)].join('.')],
    ['of another issuer', (claims) => signed({ ...claims, iss: `urn:dockgate:ca:${'0'.repeat(64)}` })],
    ['without an issuer', (claims) => signed(without(claims, 'iss'))],
    ['for another audience', (claims) => signed({ ...claims, aud: 'urn:dockgate:gateway' })],
    ['without an audience', (claims) => signed(without(claims, 'aud'))],
    ['for another name', (claims) => signed({ ...claims, sub: 'admin' })],
    ['for a name in another case', (claims) => signed({ ...claims, sub: String(claims.sub).toUpperCase() })],
    ['for nobody', (claims) => signed(without(claims, 'sub'))],
    ['for a list of names', (claims) => signed({ ...claims, sub: [claims.sub] as never })],
    ['with an id that was never given', (claims) => signed({ ...claims, jti: '0'.repeat(32) })],
    ['with an id that is in every object', (claims) => signed({ ...claims, jti: '__proto__' })],
    ['without an id', (claims) => signed(without(claims, 'jti'))],
    ['that is over', (claims) => signed({ ...claims, exp: nowSeconds - 1 })],
    ['that never ends', (claims) => signed(without(claims, 'exp'))],
    ['that ends in words', (claims) => signed({ ...claims, exp: 'tomorrow' as never })],
    ['of no time', (claims) => signed(without(claims, 'iat'))],
    ['not yet valid', (claims) => signed({ ...claims, nbf: nowSeconds + 600 })],
    ['of four parts', (_claims, token) => `${token}.`],
    ['of five parts', (_claims, token) => `${token}.a.b`],
    ['with a space', (_claims, token) => ` ${token}`],
    ['of dots', () => '..'],
  ] // prettier-ignore
  for (const [name, forge] of forgeries) {
    it(`is refused ${name}, and the true one still counts`, async () => {
      const { token } = await tokenFor(store)
      const forged = await forge(decodeJwt(token), token)
      assert.notEqual(forged, token)
      const { status, body } = await enroll(forged)
      assert.equal(status, 401, JSON.stringify(body))
      assert.equal((await enroll(token)).status, 201)
    })
  }

  for (const [name, token] of [
    ['nothing', ''],
    ['a number', 7],
    ['a list', ['a']],
    ['more than anybody needs', 'a'.repeat(20_000)],
  ] as const) {
    it(`is refused when it is ${name}`, async () => {
      assert.equal((await enroll(token)).status, 400)
    })
  }

  it('is over when it is over, also for the store', async () => {
    const own = await createStore()
    const clock = movable(own)
    const later = await startEndpoint(clock.access)
    const { token } = await tokenFor(own)
    const post = () => later.post('/v1/enroll', { token, csr: newRequest() })
    clock.forward(15 * minuteMs)
    const { status, body } = await post()
    assert.equal(status, 401)
    assert.match(String(body['message']), /expired/)
    // Long after, the store has forgotten it.
    clock.forward(48 * hourMs)
    await makeToken(clock.access, { name: 'zoe', goodForMs: minuteMs })
    assert.deepEqual(readIndex(own.folder)?.tokens?.map((row) => row.name), ['zoe']) // prettier-ignore
    assert.equal((await post()).status, 401)
  })

  for (const key of ['ec:p384', 'rsa:3072'] as const) {
    it(`is signed by a CA with ${key} too`, async () => {
      const own = await createStore({ key })
      const there = await startEndpoint(own)
      const { token } = await tokenFor(own)
      const { status, body } = await there.post('/v1/enroll', { token, csr: newRequest() })
      assert.equal(status, 201, JSON.stringify(body))
    })
  }

  it('of one CA is nothing to another', async () => {
    const own = await createStore()
    const { token } = await tokenFor(own)
    assert.equal((await enroll(token)).status, 401)
  })

  it('is renewed like any other once it is a certificate', async () => {
    const { token } = await tokenFor(store)
    const key = newKey()
    const { body } = await enroll(token, makeRequest(key))
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
    const identity = { cert: String(body['certificate']), key: pem }
    const renewed = await endpoint.post('/v1/renew', { csr: newRequest() }, identity)
    assert.equal(renewed.status, 201)
    assert.notEqual(renewed.body['serial'], body['serial'])
  })
})

describe('an enrollment token and the processes', () => {
  it('is used once by two endpoints over one store, and still used after a restart', async () => {
    const store = await createStore()
    const home = join(store.folder, '..')
    const env = { DOCKGATE_HOME: home }
    const start = () => serveDockgate(['ca', 'serve', '--listen', '127.0.0.1:0'], env)
    const made = await runDockgate(['ca', 'token', 'alice', '--unit', 'dev', '--json'], env)
    const { token } = JSON.parse(made.stdout)
    const { folder } = await issueClient(store, { name: 'bob' })
    const bob = identityIn(folder)
    const local = await startEndpoint(store)
    const post = (port: number) => local.at(port).post('/v1/enroll', { token, csr: newRequest() })
    const both = [await start(), await start()]
    const ports = both.flatMap(({ port }) => [port, port, port, port])
    const statuses = (await Promise.all(ports.map(post))).map(({ status }) => status)
    assert.equal(statuses.filter((status) => status === 201).length, 1, statuses.join())
    assert.equal(statuses.filter((status) => status === 401).length, 7, statuses.join())
    await Promise.all(both.map((serving) => serving.stop('SIGKILL')))
    const next = await start()
    assert.equal((await post(next.port)).status, 401)
    const other = await local.at(next.port).post('/v1/renew', { csr: newRequest() }, bob)
    assert.equal(other.status, 201)
    await next.stop()
    assert.equal(readIndex(store.folder)?.issued.filter((row) => row.name === 'alice').length, 1)
  })
})
