// Identity tokens of a real issuer process, exchanged at a real endpoint process.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, X509Certificate, type JsonWebKey } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { SignJWT } from 'jose'
import { makeRequest } from '../../src/ca/certificate-request.ts'
import { issueClient } from '../../src/ca/issue-client.ts'
import { readIndex } from '../../src/ca/store.ts'
import { createAuthority, serverPurpose } from '../helpers/authority.ts'
import { temporaryFolder, verify } from '../helpers/ca-store.ts'
import { alternativeNames, noAuthority, signingKey, text } from '../helpers/certificate-der.ts'
import { runDocker, throughTls } from '../helpers/docker-cli.ts'
import { runDockgate, serveDockgate } from '../helpers/dockgate-process.ts'
import {
  startEndpoint,
  type Answer,
  type Identity,
  type TestEndpoint,
} from '../helpers/endpoint.ts'
import { projectRoot } from '../helpers/engine.ts'
import { startRecording } from '../helpers/recording-server.ts'
import { createMachine, startSite, type Site } from '../helpers/site.ts'

let issuerProcess: ChildProcess
let site: Site
let origin = ''
let issuerCa = ''
let trust: Record<string, string>
/** Only to ask with: the endpoint in question is the process of the site. */
let local: TestEndpoint

const brokenIssuers = [
  'moved',
  'broken',
  'huge',
  'mismatch',
  'plain',
  'noset',
  'symmetric',
] as const

before(async () => {
  const authority = createAuthority('public CA')
  const names = alternativeNames(text(0x82, 'localhost'))
  const { cert, key } = authority.issue({
    extensions: [noAuthority, signingKey, serverPurpose, names],
  })
  const folder = temporaryFolder()
  const paths = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  issuerCa = authority.ca
  writeFileSync(paths.cert, cert)
  writeFileSync(paths.key, key)
  writeFileSync(join(folder, 'ca.pem'), issuerCa)
  const program = join(projectRoot, '.build/test/helpers/oidc-issuer.js')
  issuerProcess = spawn(process.execPath, [program, paths.cert, paths.key], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  assert.ok(issuerProcess.stdout)
  const [port] = await once(createInterface(issuerProcess.stdout), 'line')
  origin = `https://localhost:${port}`
  trust = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }
  site = await startSite({ 'ca.yaml': settings() }, trust)
  local = await startEndpoint(site.store)
})
after(async () => {
  issuerProcess.kill()
  await site.stop()
})

function settings(): string {
  const broken = brokenIssuers.map(
    (name) => `
  - issuer: ${origin}/${name}
    audience: dockgate
    rules: [{ require: { sub: x }, name: ${name} }]`,
  )
  return `ratePerMinute: 100000
oidc:
  - issuer: ${origin}/good
    audience: dockgate
    rules:
      - require: { repository: example/app, ref: [refs/heads/main, refs/heads/next] }
        name: ci-app
        org: Example
        unit: ci
        uri: { claim: repository_id, prefix: 'spiffe://example.org/ci/' }
        minutes: 10
      - require: { groups: dev, email_verified: 'true' }
        name: { claim: login, prefix: id- }
        unit: dev
  - issuer: ${origin}/other
    audience: dockgate
    jwks: ${origin}/other/jwks
    algorithms: [ES256]
    rules: [{ require: { kind: robot }, name: { claim: login, prefix: id- } }]${broken.join('')}
`
}

async function atIssuer(path: string, body?: unknown) {
  const method = body === undefined ? 'GET' : 'POST'
  const request = https.request(`${origin}${path}`, { method, ca: issuerCa, agent: false })
  request.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = await once(request, 'response')
  return JSON.parse(Buffer.concat(await response.toArray()).toString())
}

const now = () => Math.floor(Date.now() / 1000)
let count = 0

/** The claims of a job that gets its certificate, but for what `more` says. */
function claims(more: object = {}): object {
  return {
    iss: `${origin}/good`,
    aud: 'dockgate',
    sub: 'repo:example/app:ref:refs/heads/main',
    iat: now(),
    exp: now() + 300,
    jti: `job ${++count}`,
    repository: 'example/app',
    repository_id: '4711',
    ref: 'refs/heads/main',
    ...more,
  }
}

const rsa = { alg: 'RS256', kid: 'rsa', typ: 'JWT' }
const ec = { alg: 'ES256', kid: 'ec', typ: 'JWT' }

async function tokenOf(more: object = {}, header: object = rsa, key = 'rsa'): Promise<string> {
  return atIssuer('/sign', { key, header, claims: claims(more) })
}

const newRequest = () => makeRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)

function exchange(token: unknown, csr = newRequest(), port = site.endpoint.port): Promise<Answer> {
  return local.at(port).post('/v1/exchange', { token, csr })
}

function certificateOf(answer: Answer): X509Certificate {
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return new X509Certificate(String(answer.body['certificate']))
}

describe('an identity token', () => {
  it('buys a certificate of some minutes, of what the rule and the claims say', async () => {
    const answer = await exchange(await tokenOf())
    const made = certificateOf(answer)
    assert.equal(made.subject, 'O=Example\nOU=ci\nCN=ci-app')
    assert.equal(made.subjectAltName, 'URI:spiffe://example.org/ci/4711')
    const minutes = (Date.parse(made.validTo) - Date.parse(made.validFrom)) / 60_000
    assert.equal(minutes, 10 + 5)
    const folder = site.store.folder
    writeFileSync(join(folder, 'got.pem'), made.toString())
    const verified = verify(folder, 'sslclient', 'got.pem')
    assert.equal(verified.status, 0, verified.text)
    const row = readIndex(folder)?.issued.at(-1)
    assert.deepEqual([row?.serial, row?.by], [made.serialNumber, 'oidc'])
    const subject = 'repo:example/app:ref:refs/heads/main'
    assert.deepEqual(row?.from, { issuer: `${origin}/good`, subject })
    const revoked = await site.run('ca', 'revoke', made.serialNumber)
    assert.equal(revoked.status, 0, revoked.stderr)
    assert.match(verify(folder, 'sslclient', 'got.pem').text, /revoked/)
  })

  const taken: [string, () => Promise<string>, string][] = [
    ['with an EC key', () => tokenOf({}, ec, 'ec'), 'ci-app'],
    ['without a type', () => tokenOf({}, { alg: 'RS256', kid: 'rsa' }), 'ci-app'],
    ['with our audience in a list of one', () => tokenOf({ aud: ['dockgate'] }), 'ci-app'],
    ['by another value of a list', () => tokenOf({ ref: 'refs/heads/next' }), 'ci-app'],
    ['that ended a moment ago, by another clock', () => tokenOf({ exp: now() - 5 }), 'ci-app'],
    ['by the second rule', () => tokenOf({ repository: 'x', groups: ['ops', 'dev'], email_verified: true, login: 'alice' }), 'id-alice'],
  ] // prettier-ignore
  for (const [name, make, who] of taken) {
    it(`is taken ${name}`, async () => {
      const made = certificateOf(await exchange(await make()))
      assert.equal(made.subject.split('\n').at(-1), `CN=${who}`)
    })
  }

  const publicKey = async (name: string) => {
    const { keys } = await atIssuer('/good/jwks')
    const jwk = keys.find((key: JsonWebKey & { kid: string }) => key.kid === name)
    return createPublicKey({ key: jwk, format: 'jwk' })
  }
  const hmac = async (secret: Uint8Array, kid = 'rsa') =>
    new SignJWT({ ...claims() }).setProtectedHeader({ alg: 'HS256', kid, typ: 'JWT' }).sign(secret)
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const dev = { repository: 'x', groups: ['dev'], email_verified: true }

  const refusals: [string, () => Promise<string> | string, number, RegExp][] = [
    ['that has expired', () => tokenOf({ exp: now() - 60 }), 401, /expired/],
    ['not yet valid', () => tokenOf({ nbf: now() + 120 }), 401, /not valid yet/],
    ['of the future', () => tokenOf({ iat: now() + 120 }), 401, /future/],
    ['that lives for years', () => tokenOf({ exp: now() + 10 ** 8 }), 401, /longer than a day/],
    ['for another audience', () => tokenOf({ aud: 'vault' }), 401, /another audience/],
    ['for us and others', () => tokenOf({ aud: ['dockgate', 'vault'] }), 401, /others too/],
    ['for no audience', () => tokenOf({ aud: undefined }), 401, /"aud"|audience/],
    ['for an audience in another case', () => tokenOf({ aud: 'Dockgate' }), 401, /another audience/],
    ['of an issuer that nobody knows', () => tokenOf({ iss: `${origin}/evil` }), 401, /no issuer/],
    ['of an issuer with a slash more', () => tokenOf({ iss: `${origin}/good/` }), 401, /no issuer/],
    ['of no issuer', () => tokenOf({ iss: undefined }), 401, /no issuer/],
    ['of a list of issuers', () => tokenOf({ iss: [`${origin}/good`] }), 401, /none|no issuer/],
    ['of an issuer that is in every object', () => tokenOf({ iss: '__proto__' }), 401, /no issuer/],
    ['of one issuer with the key of another', () => tokenOf({ iss: `${origin}/other`, kind: 'robot', login: 'x' }, ec, 'ec'), 401, /signature/],
    ['with the key of nobody', () => tokenOf({}, { ...ec, kid: 'stranger' }, 'stranger'), 401, /signature/],
    ['with the key of nobody under a known name', () => tokenOf({}, ec, 'stranger'), 401, /signature/],
    ['with the key in its own header', async () => tokenOf({}, { alg: 'ES256', jwk: { kty: 'EC' } }, 'stranger'), 401, /signature/],
    ['with keys at its own address', () => tokenOf({}, { ...ec, kid: 'other', jku: `${origin}/other/jwks` }, 'other'), 401, /signature/],
    ['without a signature', () => `${part({ alg: 'none' })}.${part(claims())}.`, 401, /signature/],
    ['with its signature cut off', async () => (await tokenOf()).replace(/[^.]*$/, ''), 401, /signature/],
    ['with HS256 of the public key in PEM', async () => hmac(Buffer.from((await publicKey('rsa')).export({ type: 'spki', format: 'pem' }))), 401, /signature/],
    ['with HS256 of the public key in DER', async () => hmac((await publicKey('rsa')).export({ type: 'spki', format: 'der' })), 401, /signature/],
    ['with an algorithm that is not allowed', () => tokenOf({}, { ...rsa, alg: 'PS512' }), 401, /signature/],
    ['with something critical', () => tokenOf({}, { ...rsa, crit: ['b64'], b64: true }), 401, /another kind/],
    ['with other claims under the signature', async () => { const [head, , end] = (await tokenOf()).split('.'); return [head, part(claims()), end].join('.') }, 401, /signature/],
    ['that is an access token', () => tokenOf({}, { ...rsa, typ: 'at+jwt' }), 401, /another kind/],
    ['that is a logout token', () => tokenOf({}, { ...rsa, typ: 'logout+jwt' }), 401, /another kind/],
    ['for nobody', () => tokenOf({ sub: undefined }), 401, /"sub"/],
    ['for a number', () => tokenOf({ sub: 7 }), 401, /nobody/],
    ['without an end', () => tokenOf({ exp: undefined }), 401, /"exp"/],
    ['without a time', () => tokenOf({ iat: undefined }), 401, /"iat"/],
    ['of another repository', () => tokenOf({ repository: 'example/apple' }), 403, /no rule/],
    ['of a repository in another case', () => tokenOf({ repository: 'Example/app' }), 403, /no rule/],
    ['without a claim that is required', () => tokenOf({ ref: undefined }), 403, /no rule/],
    ['with an object for a claim', () => tokenOf({ repository: { toString: 'example/app' } }), 403, /no rule/],
    ['with a path for a claim of its name', () => tokenOf({ repository_id: '../admin' }), 403, /cannot be part/],
    ['with dots for a claim of its name', () => tokenOf({ repository_id: '..' }), 403, /cannot be part/],
    ['with escapes in a claim of its name', () => tokenOf({ repository_id: 'a%2fb' }), 403, /cannot be part/],
    ['without the claim of its name', () => tokenOf({ repository_id: undefined }), 403, /cannot be part/],
    ['with a list for the claim of its name', () => tokenOf({ ...dev, login: ['a'] }), 403, /cannot be part/],
    ['with a name that is too long', () => tokenOf({ ...dev, login: 'a'.repeat(70) }), 400, /cannot be the name/],
    ['with an address for a name', () => tokenOf({ ...dev, login: 'a@b' }), 403, /cannot be part/],
    ['that is nonsense', () => 'a.b.c', 401, /none/],
    ['that is one of enrollment', async () => JSON.parse((await site.run('ca', 'token', 'eve', '--json', '--again')).stdout).token, 401, /no issuer/],
  ] // prettier-ignore
  for (const [name, make, status, words] of refusals) {
    it(`is refused ${name}`, async () => {
      const issued = readIndex(site.store.folder)?.issued.length
      const answer = await exchange(await make())
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      assert.match(String(answer.body['message']), words)
      assert.equal(readIndex(site.store.folder)?.issued.length, issued)
    })
  }

  it('buys one certificate, of many attempts at once', async () => {
    const token = await tokenOf()
    const answers = await Promise.all(Array.from({ length: 10 }, () => exchange(token)))
    const statuses = answers.map(({ status }) => status).toSorted()
    assert.deepEqual(statuses, [201, ...Array.from({ length: 9 }, () => 401)])
    assert.match(String((await exchange(token)).body['message']), /used already/)
  })

  it('is spent in whatever spelling of its signature, and after a restart', async () => {
    const token = await tokenOf({}, ec, 'ec')
    certificateOf(await exchange(token))
    // With (r, s) also (r, n - s) is a signature of the same.
    const [head, payload, end = ''] = token.split('.')
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const bytes = Buffer.from(end, 'base64url')
    const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]) // prettier-ignore
    const respelled = [head, payload, other.toString('base64url')].join('.')
    assert.notEqual(respelled, token)
    assert.match(String((await exchange(respelled)).body['message']), /used already/)
    const env = { DOCKGATE_HOME: site.home, ...trust }
    const second = await serveDockgate(['ca', 'serve', '--listen', '127.0.0.1:0'], env)
    for (const spelling of [token, respelled]) {
      const { status } = await exchange(spelling, newRequest(), second.port)
      assert.equal(status, 401)
    }
    certificateOf(await exchange(await tokenOf(), newRequest(), second.port))
    await second.stop()
  })

  it('is not used up by a request that cannot be signed', async () => {
    const token = await tokenOf()
    assert.equal((await exchange(token, 'nonsense')).status, 400)
    certificateOf(await exchange(token))
  })

  it('never speaks for a name that somebody has by other means', async () => {
    await issueClient(site.store, { name: 'id-carol' })
    for (const login of ['carol', 'CAROL']) {
      const { status, body } = await exchange(await tokenOf({ ...dev, login }))
      assert.equal(status, 403)
      assert.match(String(body['message']), /somebody else's name/)
    }
    certificateOf(await exchange(await tokenOf({ ...dev, login: 'dave' })))
    const robot = { iss: `${origin}/other`, kind: 'robot', login: 'dave' }
    const other = await exchange(await tokenOf(robot, { alg: 'ES256', kid: 'other' }, 'other'))
    assert.match(String(other.body['message']), /somebody else's name/)
    certificateOf(await exchange(await tokenOf({ ...robot, login: 'robot' }, { alg: 'ES256', kid: 'other' }, 'other'))) // prettier-ignore
  })

  it('buys what is not renewed', async () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const made = certificateOf(await exchange(await tokenOf(), makeRequest(key)))
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
    const identity: Identity = { cert: made.toString(), key: pem }
    const answer = await local.at(site.endpoint.port).post('/v1/renew', { csr: newRequest() }, identity) // prettier-ignore
    assert.equal(answer.status, 403)
    assert.match(String(answer.body['message']), /not renewed/)
  })

  for (const name of brokenIssuers) {
    it(`is refused when its issuer's metadata is ${name}`, async () => {
      const token = await tokenOf({ iss: `${origin}/${name}`, sub: 'x' })
      const { status, body } = await exchange(token)
      const isSet = name === 'symmetric'
      assert.equal(status, isSet ? 401 : 502, JSON.stringify(body))
      // Asked once, not for each token that somebody sends.
      await exchange(token)
      const asked = await atIssuer('/asked')
      assert.equal(asked[`/${name}/.well-known/openid-configuration`], 1)
    })
  }

  it('costs its issuer few questions, however many come and whatever key they name', async () => {
    const earlier = await atIssuer('/asked')
    for (let turn = 0; turn < 10; turn++) {
      const token = await tokenOf({}, { ...ec, kid: `key ${turn}` }, 'stranger')
      assert.equal((await exchange(token)).status, 401)
    }
    const asked = await atIssuer('/asked')
    const discovery = '/good/.well-known/openid-configuration'
    assert.equal(asked[discovery], earlier[discovery])
    assert.ok(asked['/good/jwks'] - earlier['/good/jwks'] <= 1, JSON.stringify(asked))
  })
})

describe('dockgate enroll with an identity token', () => {
  it('writes a bundle that docker works with, and the next in place of it', async () => {
    const machine = createMachine()
    const file = join(temporaryFolder(), 'token')
    const ca = join(site.store.folder, 'ca.pem')
    const folder = join(machine.bundles, 'oidc')
    const serials: string[] = []
    for (let turn = 0; turn < 2; turn++) {
      writeFileSync(file, `${await tokenOf()}\n`)
      const done = await machine.run('enroll', site.url, '--oidc-token-file', file, '--ca', ca)
      assert.equal(done.status, 0, done.stderr)
      assert.match(done.stdout, /^ci-app has a certificate/)
      serials.push(new X509Certificate(readFileSync(join(folder, 'cert.pem'))).serialNumber)
    }
    assert.notEqual(serials[0], serials[1])
    assert.deepEqual(readdirSync(machine.bundles), ['oidc'])
    const target = throughTls(`tcp://localhost:${site.gateway.port}`, folder)
    const ran = await runDocker(target, ['version', '--format', '{{.Server.APIVersion}}'])
    assert.equal(ran.exit, 0, ran.stderr)
    assert.match(site.audit(), /ci-app/)
  })

  it('finds the CA by its fingerprint, and shows the token to nobody else', async () => {
    const machine = createMachine()
    const { ca } = readIndex(site.store.folder) ?? {}
    const fingerprint = (ca?.fingerprint ?? '').toUpperCase().replace(/(..)(?=.)/g, '$1:')
    const trusted = ['--ca-fingerprint', fingerprint]
    const env = { ...machine.env, ID_TOKEN: await tokenOf() }
    const enroll = (url: string, ...more: string[]) =>
      runDockgate(['enroll', url, '--oidc-token-env', 'ID_TOKEN', ...more], env)
    const poser = createAuthority('Test CA').issue()
    const recording = await startRecording(poser)
    const refused = await enroll(recording.url, ...trusted)
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /not of the CA with that fingerprint/)
    assert.equal(recording.heard(), '')
    await recording.close()
    const usages = [[], ['--ca-fingerprint', 'abc'], [...trusted, '--ca', 'ca.pem'], ['--ca', '/nowhere']] // prettier-ignore
    for (const more of usages) assert.equal((await enroll(site.url, ...more)).status, 2)
    const done = await enroll(site.url, ...trusted, '--json')
    assert.equal(done.status, 0, done.stderr)
    assert.equal(JSON.parse(done.stdout).name, 'ci-app')
  })
})
