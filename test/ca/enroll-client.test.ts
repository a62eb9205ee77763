// `dockgate enroll` as a person runs it: what comes to lie where, and to whom nothing is said.
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createAuthority, serverPurpose, type Authority } from '../helpers/authority.ts'
import { temporaryFolder, verify } from '../helpers/ca-store.ts'
import { alternativeNames, CN, noAuthority, rdn, sequence, signingKey, text } from '../helpers/certificate-der.ts' // prettier-ignore
import { dockerPrograms, runDocker } from '../helpers/docker-cli.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'
import { startRecording } from '../helpers/recording-server.ts'
import { createMachine, startSite, type Machine, type Site } from '../helpers/site.ts'

let site: Site
before(async () => {
  site = await startSite()
})
after(() => site.stop())

async function tokenFor(name: string, ...more: string[]): Promise<string> {
  const made = await site.run('ca', 'token', name, '--unit', 'dev', '--json', ...more)
  assert.equal(made.status, 0, made.stderr)
  return JSON.parse(made.stdout).token
}

function nothingOn(machine: Machine): void {
  const { bundles } = machine
  const found = statSync(bundles, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(bundles) // prettier-ignore
  assert.deepEqual(found, [])
}

describe('dockgate enroll', () => {
  it('makes the key here and a whole bundle, which openssl and the key agree with', async () => {
    const machine = createMachine()
    const token = await tokenFor('alice')
    const done = await machine.run('enroll', site.url, '--token', token)
    assert.equal(done.status, 0, done.stderr)
    assert.match(done.stdout, /^alice has a certificate, good until .* UTC\n/)
    const folder = join(machine.bundles, 'alice')
    const files = ['alice.dockercontext', 'ca.pem', 'cert.pem', 'env.fish', 'env.ps1', 'env.sh', 'key.pem', 'url'] // prettier-ignore
    assert.deepEqual(readdirSync(folder).toSorted(), files)
    for (const file of files) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    assert.deepEqual(readdirSync(machine.bundles), ['alice'])
    const read = (file: string) => readFileSync(join(folder, file), 'utf8')
    const cert = new X509Certificate(read('cert.pem'))
    assert.ok(cert.checkPrivateKey(createPrivateKey(read('key.pem'))))
    assert.equal(cert.subject, 'OU=dev\nCN=alice')
    writeFileSync(join(site.store.folder, 'got.pem'), read('cert.pem'))
    const verified = verify(site.store.folder, 'sslclient', 'got.pem')
    assert.equal(verified.status, 0, verified.text)
    // The key is nowhere on the operator's side.
    assert.throws(() => readdirSync(join(site.store.folder, 'clients')))
    const listed = await site.run('ca', 'list')
    const noKey = await site.run('ca', 'pkcs12', 'alice', '--password-file', join(folder, 'ca.pem'))
    assert.match(noKey.stderr, /the key of "alice" was made on their machine\nhint: openssl pkcs12/)
    assert.match(listed.stdout, new RegExp(`alice .*${cert.serialNumber}.* valid`))
    // And the bundle knows where it is renewed.
    const renewed = await machine.run('renew')
    assert.equal(renewed.status, 0, renewed.stderr)
    assert.notEqual(new X509Certificate(read('cert.pem')).serialNumber, cert.serialNumber)
    const twice = await createMachine().run('enroll', site.url, '--token', token)
    assert.equal(twice.status, 1)
    assert.match(twice.stderr, /used already.*\nhint: if that was not you/s)
  })

  for (const program of dockerPrograms) {
    it(`makes a docker context that ${program} works with`, async () => {
      const machine = createMachine()
      const name = `carol${dockerPrograms.indexOf(program)}@example.com`
      const file = join(temporaryFolder(), 'token')
      writeFileSync(file, `${await tokenFor(name)}\n`)
      const done = await machine.run('enroll', site.url, '--token-file', file, '--context')
      assert.equal(done.status, 0, done.stderr)
      const context = name.replace('@', '-')
      assert.match(done.stdout, new RegExp(`docker --context ${context} ps`))
      site.engine.take()
      const args = ['--context', context, 'version', '--format', '{{.Server.APIVersion}}']
      const ran = await runDocker({}, args, { program, env: machine.env })
      assert.equal(ran.exit, 0, ran.stderr)
      assert.match(site.engine.take().map(({ line }) => line).join(), /\/version/) // prettier-ignore
      assert.match(site.audit(), new RegExp(name))
    })
  }

  it('offers the context to whoever sits at a terminal', async () => {
    const machine = createMachine()
    const args = ['dist/main.js', 'enroll', site.url, '--token', await tokenFor('dora')]
    const terminal = [{ expect: 'make the docker context "dora"? [Y/n]', send: 'y\r' }]
    const env = { ...machine.env, PATH: process.env['PATH'] ?? '' }
    const ran = await runDocker({}, args, { program: process.execPath, terminal, env, cwd: process.cwd() }) // prettier-ignore
    assert.equal(ran.exit, 0, ran.stdout)
    const contexts = await runDocker({}, ['context', 'ls', '-q'], { env })
    assert.match(contexts.stdout, /^dora$/m)
  })

  it('is told of by ca revoke, when a token for the same name can still be used', async () => {
    await createMachine().run('enroll', site.url, '--token', await tokenFor('ivan'))
    const token = await tokenFor('ivan', '--again')
    const { stdout } = await site.run('ca', 'revoke', 'ivan')
    const [, id = ''] =
      /^ivan can still enroll: dockgate ca token --cancel (\w+)$/m.exec(stdout) ?? []
    assert.equal((await site.run('ca', 'token', '--cancel', id)).status, 0)
    const late = await createMachine().run('enroll', site.url, '--token', token)
    assert.match(late.stderr, /not known here: it was cancelled/)
  })

  it('takes the token from the environment, and says what was done as JSON', async () => {
    const machine = createMachine()
    const env = { ...machine.env, DOCKGATE_TOKEN: await tokenFor('emma', '--hours', '2') }
    const out = join(temporaryFolder(), 'deep/er')
    const done = await runDockgate(['enroll', site.url, '--out', out, '--key', 'ec:p384', '--json'], env) // prettier-ignore
    assert.equal(done.status, 0, done.stderr)
    const said = JSON.parse(done.stdout)
    assert.deepEqual([said.name, said.folder, said.context], ['emma', out, null])
    const cert = new X509Certificate(readFileSync(join(out, 'cert.pem')))
    assert.equal(said.serial, cert.serialNumber)
    assert.equal(cert.publicKey.asymmetricKeyDetails?.namedCurve, 'secp384r1')
    nothingOn(machine)
  })

  it('leaves what lies there, unless told to replace it, and no token is used up by that', async () => {
    const machine = createMachine()
    const first = await machine.run('enroll', site.url, '--token', await tokenFor('fred'))
    assert.equal(first.status, 0, first.stderr)
    const folder = join(machine.bundles, 'fred')
    const pem = readFileSync(join(folder, 'cert.pem'), 'utf8')
    const token = await tokenFor('fred', '--again')
    const refused = await machine.run('enroll', site.url, '--token', token)
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /there is a bundle.*\nhint: --replace/s)
    const other = temporaryFolder()
    writeFileSync(join(other, 'thesis.txt'), 'years of work')
    const beside = await machine.run('enroll', site.url, '--token', token, '--out', other, '--replace') // prettier-ignore
    assert.match(beside.stderr, /holds other things/)
    assert.equal(readFileSync(join(folder, 'cert.pem'), 'utf8'), pem)
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    const noFolder = await machine.run('enroll', site.url, '--token', token, '--out', join(file, 'x')) // prettier-ignore
    assert.equal(noFolder.status, 1)
    const replaced = await machine.run('enroll', site.url, '--token', token, '--replace')
    assert.equal(replaced.status, 0, replaced.stderr)
    const cert = new X509Certificate(readFileSync(join(folder, 'cert.pem')))
    assert.ok(cert.checkPrivateKey(createPrivateKey(readFileSync(join(folder, 'key.pem')))))
    assert.notEqual(cert.toString(), pem)
    assert.deepEqual(readdirSync(machine.bundles), ['fred'])
  })

  it('refuses what is no token before it asks anybody', async () => {
    const machine = createMachine()
    const recording = await startRecording(createAuthority('x').issue())
    const token = await tokenFor('gina')
    const [header = '', payload = '', signature = ''] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const forged = (more: object) =>
      [header, Buffer.from(JSON.stringify({ ...claims, ...more })).toString('base64url'), signature].join('.') // prettier-ignore
    const rows: [string, RegExp][] = [
      ['nonsense', /no enrollment token/],
      [token.slice(0, 40), /no enrollment token/],
      [forged({ iss: 'urn:dockgate:ca:00' }), /no enrollment token/],
      [forged({ sub: '' }), /no enrollment token/],
      [forged({ sub: '../../etc' }), /cannot be the name/],
      [forged({ exp: 1 }), /has expired/],
    ]
    for (const [wrong, words] of rows) {
      const ran = await machine.run('enroll', recording.url, '--token', wrong)
      assert.equal(ran.status, 1)
      assert.match(ran.stderr, words)
    }
    assert.equal(recording.connections(), 0)
    await recording.close()
    nothingOn(machine)
    assert.equal((await machine.run('enroll', site.url)).status, 2)
    assert.equal((await machine.run('enroll')).status, 2)
  })
})

/** As the endpoint's own, of whatever authority, for `localhost` unless said otherwise. */
function endpointIdentity(authority: Authority, host = 'localhost') {
  const names = alternativeNames(text(0x82, host), text(0x86, 'urn:dockgate:ca'))
  return authority.issue({ extensions: [noAuthority, signingKey, serverPurpose, names] })
}

describe('a server that is not the endpoint of the token', () => {
  const own = (file: string): string => readFileSync(join(site.store.folder, file), 'utf8')
  const posers: [string, () => { cert: string; key: string }, RegExp][] = [
    ['of another CA', () => endpointIdentity(createAuthority('Test CA')), /not of the CA with that fingerprint/],
    ['of another CA that shows ours too', () => {
      const { cert, key } = endpointIdentity(createAuthority('Test CA'))
      return { cert: cert + own('ca.pem'), key }
    }, /another CA/],
    ["that is the gateway", () => ({ cert: own('server/cert.pem') + own('ca.pem'), key: own('server/key.pem') }), /not that of a signing endpoint/],
  ] // prettier-ignore
  for (const [name, make, words] of posers) {
    it(`is told nothing when it is one ${name}`, async () => {
      const machine = createMachine()
      const recording = await startRecording(make())
      const token = await tokenFor(name.replace(/\W/g, '-'))
      const ran = await machine.run('enroll', recording.url, '--token', token)
      assert.equal(ran.status, 1)
      assert.match(ran.stderr, words)
      assert.ok(recording.connections() > 0)
      assert.equal(recording.heard(), '')
      await recording.close()
      nothingOn(machine)
      const there = await machine.run('enroll', site.url, '--token', token)
      assert.equal(there.status, 0, there.stderr)
    })
  }

  it('is told nothing when its certificate is for another host', async () => {
    const machine = createMachine()
    const authority = createAuthority('fake')
    const { cert, key } = endpointIdentity(authority, 'ca.example.com')
    const recording = await startRecording({ cert: cert + authority.ca, key })
    const ran = await machine.run('enroll', recording.url, '--token', tokenOf(authority, 'hugo'))
    assert.equal(ran.status, 1)
    assert.match(ran.stderr, /localhost.*cert's altnames/i)
    assert.equal(recording.heard(), '')
    await recording.close()
  })
})

/** As the authority would have made it; the client cannot know its signature, nor needs to. */
function tokenOf(authority: Authority, name: string): string {
  const { fingerprint256 } = new X509Certificate(authority.ca)
  const iss = `urn:dockgate:ca:${fingerprint256.replaceAll(':', '').toLowerCase()}`
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 600
  return `${part({ alg: 'ES256', typ: 'dockgate-enroll+jwt' })}.${part({ iss, sub: name, jti: '1', exp })}.AA` // prettier-ignore
}

describe('an endpoint that answers wrongly', () => {
  const authority = createAuthority('fake')
  const issueTo = (name: string) => authority.issue({ subject: sequence(rdn(CN, name)) }).cert
  const usual = {
    name: 'hugo',
    serial: 'AA',
    notAfter: '2030-01-01T00:00:00Z',
    ca: authority.ca,
    host: 'tcp://localhost:2376',
  }
  const rows: [string, unknown, RegExp][] = [
    ['with a certificate for another key', { ...usual, certificate: issueTo('hugo') }, /not asked for/],
    ['with one for another name', { ...usual, name: 'admin', certificate: issueTo('admin') }, /for "admin"/],
    ['with a name that is a path', { ...usual, name: '../../x', certificate: issueTo('x') }, /for "/],
    ['with no certificate', { ...usual, certificate: 'x' }, /not asked for/],
    ['with half an answer', { name: 'hugo' }, /cannot be read/],
    ['with a list', [], /cannot be read/],
    ['with no end', 'x'.repeat(200_000), /too long|broke off/],
  ] // prettier-ignore
  for (const [name, answer, words] of rows) {
    it(`${name} leaves nothing behind`, async () => {
      const { cert, key } = endpointIdentity(authority)
      const server = https.createServer({ cert: cert + authority.ca, key }, (_request, response) =>
        response.writeHead(201).end(JSON.stringify(answer)),
      )
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const machine = createMachine()
      const url = `https://localhost:${port}`
      const ran = await machine.run('enroll', url, '--token', tokenOf(authority, 'hugo'))
      server.close()
      assert.equal(ran.status, 1)
      assert.match(ran.stderr, words)
      nothingOn(machine)
    })
  }

  it('speaks to the terminal in letters only', async () => {
    const { cert, key } = endpointIdentity(authority)
    const body = JSON.stringify({ message: '\u001b[2Jno\u202e' })
    const server = https.createServer({ cert: cert + authority.ca, key }, (_request, response) =>
      response.writeHead(403).end(body),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const ran = await createMachine().run('enroll', `https://localhost:${port}`, '--token', tokenOf(authority, 'hugo')) // prettier-ignore
    server.close()
    assert.match(ran.stderr, /refused: \?\[2Jno\?\n/)
  })
})
