// What the authority issues, as others see it: openssl, Node's TLS, and Go's in the docker CLI.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { issueClient } from '../../src/ca/issue-client.ts'
import { issueServer } from '../../src/ca/issue-server.ts'
import { initCa } from '../../src/ca/init-ca.ts'
import { keyKinds } from '../../src/ca/keys.ts'
import { readIndex } from '../../src/ca/store.ts'
import {
  createStore,
  dayMs,
  hourMs,
  openssl,
  snapshot,
  temporaryFolder,
  verify,
} from '../helpers/ca-store.ts'

const names = {
  dns: ['a.example.com'],
  email: ['alice@example.com'],
  uri: ['spiffe://example.org/ci'],
  ip: ['192.0.2.7', '2001:db8::1'],
}

for (const key of keyKinds) {
  describe(`a CA with ${key}`, () => {
    let folder = ''
    before(async () => {
      const store = await createStore({ key })
      folder = store.folder
      await issueServer(store, { names: ['localhost'], ips: ['127.0.0.1', '::1'], key })
      await issueClient(store, { name: 'alice', org: 'Bücher', unit: 'dev', names, key })
    })

    it('issues what openssl verifies by the strictest rules, each for its one purpose', () => {
      const client = 'clients/alice/cert.pem'
      assert.deepEqual(verify(folder, 'sslclient', client), { status: 0, text: `${client}: OK\n` })
      const server = 'server/cert.pem'
      assert.deepEqual(verify(folder, 'sslserver', server), { status: 0, text: `${server}: OK\n` })
      assert.match(verify(folder, 'sslserver', client).text, /unsuitable certificate purpose/)
      assert.match(verify(folder, 'sslclient', server).text, /unsuitable certificate purpose/)
    })

    it('signs itself as a CA that may sign no other CA', () => {
      const root = openssl(folder, 'verify', '-x509_strict', '-CAfile', 'ca.pem', 'ca.pem')
      assert.equal(root.text, 'ca.pem: OK\n')
      const { text } = openssl(folder, 'x509', '-in', 'ca.pem', '-noout', '-text')
      assert.match(text, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
      assert.match(text, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
      assert.doesNotMatch(text, /sha1|md5/i)
    })

    it('is refused by openssl when one bit of a certificate is another', () => {
      const pem = readFileSync(join(folder, 'clients/alice/cert.pem'), 'utf8')
      const { raw } = new X509Certificate(pem)
      for (const part of [0.2, 0.4, 0.6, 0.8, 0.99]) {
        const bytes = Buffer.from(raw)
        const place = Math.floor(bytes.length * part)
        bytes[place] = (bytes[place] ?? 0) ^ 1
        const bad = `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`
        writeFileSync(join(folder, 'bad.pem'), bad)
        assert.notEqual(verify(folder, 'sslclient', 'bad.pem').status, 0)
      }
    })
  })
}

describe('a client certificate', () => {
  it('holds the subject in order, every alternative name, and no purpose but its own', async () => {
    const store = await createStore()
    await issueClient(store, { name: 'alice', org: 'Bücher', unit: 'dev', names })
    const read = openssl(store.folder, 'x509', '-in', 'clients/alice/cert.pem', '-noout', '-text', '-nameopt', 'RFC2253,-esc_msb,utf8,show_type') // prettier-ignore
    assert.match(read.text, /CN=PRINTABLESTRING:alice,OU=PRINTABLESTRING:dev,O=UTF8STRING:Bücher/)
    assert.match(read.text, /Basic Constraints: critical\s+CA:FALSE/)
    assert.match(read.text, /Key Usage: critical\s+Digital Signature\n/)
    assert.match(read.text, /Extended Key Usage: \s+TLS Web Client Authentication\n/)
    const { subjectAltName } = new X509Certificate(
      readFileSync(join(store.folder, 'clients/alice/cert.pem')),
    )
    assert.equal(
      subjectAltName,
      'email:alice@example.com, DNS:a.example.com, URI:spiffe://example.org/ci, ' +
        'IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1',
    )
  })

  it('has 128 random bits for a serial, the same digits in every tool', async () => {
    const store = await createStore()
    const serials = new Set<string>()
    for (let turn = 0; turn < 20; turn++) {
      const { issued } = await issueClient(store, { name: 'alice', earlier: 'keep' })
      const pem = readFileSync(join(store.folder, 'clients/alice/cert.pem'))
      assert.equal(new X509Certificate(pem).serialNumber, issued.serial)
      assert.equal(issued.serial.length, 32)
      serials.add(issued.serial)
    }
    assert.equal(serials.size, 20)
  })

  it('is good from a little before now, for as long as was asked, in whole seconds', async () => {
    const now = new Date('2027-01-01T00:00:00.750Z')
    const store = await createStore({ now })
    const { issued } = await issueClient(store, { name: 'alice', lifetimeHours: 8 })
    assert.equal(issued.notBefore, '2026-12-31T23:55:00.000Z')
    assert.equal(issued.notAfter, '2027-01-01T08:00:00.000Z')
    const read = new X509Certificate(readFileSync(join(store.folder, 'clients/alice/cert.pem')))
    assert.equal(new Date(read.validTo).toISOString(), issued.notAfter)
  })

  it('may end after 2049, where dates have another form', async () => {
    const store = await createStore({ lifetimeHours: 24 * 365 * 40 })
    await issueClient(store, { name: 'alice', lifetimeHours: 24 * 365 * 30 })
    assert.equal(verify(store.folder, 'sslclient', 'clients/alice/cert.pem').status, 0)
    const { text } = openssl(store.folder, 'asn1parse', '-in', 'clients/alice/cert.pem')
    assert.match(text, /UTCTIME[\s\S]*GENERALIZEDTIME/)
  })

  it('never outlives its CA: refused when asked for, cut short when not', async () => {
    const store = await createStore({ lifetimeHours: 24 })
    const long = issueClient(store, { name: 'alice', lifetimeHours: 25 })
    await assert.rejects(long, { code: 'bad-period' })
    const { issued } = await issueClient(store, { name: 'alice' })
    assert.equal(issued.notAfter, readIndex(store.folder)?.ca.notAfter)
    await assert.rejects(issueClient(store.at(dayMs), { name: 'bob' }), { code: 'bad-period' })
  })

  for (const lifetimeHours of [0, -1, 1.5, Number.NaN, 24 * 36_501]) {
    it(`is not issued for ${lifetimeHours} hours`, async () => {
      const store = await createStore()
      await assert.rejects(issueClient(store, { name: 'alice', lifetimeHours }), {
        code: 'bad-period',
      })
    })
  }

  it('is not issued twice to a name, in whatever case, unless the earlier ones may go', async () => {
    const store = await createStore()
    const first = await issueClient(store, { name: 'alice' })
    const held = snapshot(store.folder)
    await assert.rejects(issueClient(store, { name: 'alice' }), { code: 'exists' })
    await assert.rejects(issueClient(store, { name: 'Alice', earlier: 'revoke' }), {
      code: 'exists',
    })
    assert.deepEqual(snapshot(store.folder), held)
    const second = await issueClient(store, { name: 'alice', earlier: 'revoke' })
    assert.deepEqual(second.revoked, [first.issued.serial])
    assert.equal(verify(store.folder, 'sslclient', 'clients/alice/cert.pem').status, 0)
  })
})

describe('the store', () => {
  it('is private to its owner: files 600, folders 700', async () => {
    const folder = join(temporaryFolder(), 'home', 'certs')
    const store = await createStore({ folder })
    await issueServer(store, { names: ['localhost'] })
    await issueClient(store, { name: 'alice' })
    const modes = [...snapshot(join(folder, '..'))].map(([path, entry]) => {
      const [mode = '', ...content] = entry.split(' ')
      return [path, content.join(' ') === 'folder' ? 'folder' : 'file', mode]
    })
    assert.deepEqual(
      modes.filter(([, what, mode]) => mode !== (what === 'folder' ? '700' : '600')),
      [],
    )
    assert.deepEqual(
      modes.map(([path]) => path).filter((path) => !path?.startsWith('certs/clients/')),
      [
        'certs',
        'certs/ca.key',
        'certs/ca.pem',
        'certs/clients',
        'certs/crl.pem',
        'certs/index.json',
        'certs/server',
        'certs/server/cert.pem',
        'certs/server/key.pem',
      ],
    )
  })

  it('takes no second CA, and no file that it did not make', async () => {
    const { folder, now } = await createStore()
    const held = snapshot(folder)
    await assert.rejects(initCa({ folder, now, name: 'Other' }), { code: 'exists' })
    assert.deepEqual(snapshot(folder), held)
    for (const file of ['ca.key', 'ca.pem', 'crl.pem']) {
      const other = temporaryFolder()
      writeFileSync(join(other, file), 'mine')
      await assert.rejects(initCa({ folder: other, now, name: 'Other' }), { code: 'exists' })
      assert.equal(readFileSync(join(other, file), 'utf8'), 'mine')
    }
  })

  it('says what is wrong with an index that somebody broke', async () => {
    const { folder, now } = await createStore()
    for (const text of ['', '{', '[]', '{"version":2}', 'null']) {
      writeFileSync(join(folder, 'index.json'), text)
      await assert.rejects(issueClient({ folder, now }, { name: 'alice' }), { code: 'damaged' })
    }
  })

  it('does not sign with a key that is not its own', async () => {
    const one = await createStore()
    const other = await createStore()
    writeFileSync(join(one.folder, 'ca.key'), readFileSync(join(other.folder, 'ca.key')))
    await assert.rejects(issueClient(one, { name: 'alice' }), { code: 'damaged' })
  })
})

describe('the key of a CA with a passphrase', () => {
  it('opens with it alone, here and in openssl', async () => {
    const passphrase = 'pässphrase: "long" enough'
    const store = await createStore({ passphrase })
    const { folder, now } = store
    const pem = readFileSync(join(folder, 'ca.key'), 'utf8')
    assert.match(pem, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/)
    await issueClient(store, { name: 'alice' })
    const wrong = { folder, now, passphrase: async () => 'wrong' }
    await assert.rejects(issueClient(wrong, { name: 'bob' }), { code: 'bad-passphrase' })
    await assert.rejects(issueClient({ folder, now }, { name: 'bob' }), { code: 'bad-passphrase' })
    const opened = openssl(
      folder,
      'pkey',
      '-in',
      'ca.key',
      '-passin',
      `pass:${passphrase}`,
      '-pubout',
    )
    assert.match(opened.text, /BEGIN PUBLIC KEY/)
    const sealed = openssl(folder, 'asn1parse', '-in', 'ca.key').text
    assert.match(sealed, /PBKDF2[\s\S]*:0927C0[\s\S]*hmacWithSHA256[\s\S]*aes-256-cbc/)
  })
})

describe('a server certificate', () => {
  it('is renewed for the names of the last time, and dialed where it was', async () => {
    const store = await createStore()
    const host = 'tcp://gate.example.com:12376'
    const first = await issueServer(store, {
      names: ['gate.example.com', '192.0.2.1'],
      ips: ['::1'],
      host,
      key: 'ec:p384',
    })
    assert.deepEqual(first.issued.dns, ['gate.example.com'])
    assert.deepEqual(first.issued.ip, ['192.0.2.1', '::1'])
    const again = await issueServer(store.at(hourMs), { defaults: { names: ['x'], ips: [] } })
    assert.notEqual(again.issued.serial, first.issued.serial)
    const { dns, ip, key } = again.issued
    assert.deepEqual(
      { dns, ip, key },
      { dns: first.issued.dns, ip: first.issued.ip, key: 'ec:p384' },
    )
    assert.equal(again.host, host)
    assert.equal((await issueClient(store, { name: 'alice' })).host, host)
  })

  it('needs a name', async () => {
    await assert.rejects(issueServer(await createStore(), {}), { code: 'bad-name' })
  })
})

for (const key of ['ec:p256', 'ec:p384', 'rsa:3072'] as const) {
  describe(`mutual TLS with ${key}`, () => {
    let folder = ''
    let server: https.Server
    let port = 0
    before(async () => {
      const store = await createStore({ key })
      folder = store.folder
      await issueServer(store, { names: ['localhost'], ips: ['127.0.0.1'], key })
      await issueClient(store, { name: 'alice', key })
      const read = (path: string): Buffer => readFileSync(join(folder, path))
      server = https.createServer(
        {
          cert: read('server/cert.pem'),
          key: read('server/key.pem'),
          ca: read('ca.pem'),
          crl: read('crl.pem'),
          requestCert: true,
          rejectUnauthorized: true,
        },
        (request, response) => {
          const who = (request.socket as TLSSocket).getPeerCertificate().subject.CN
          response.setHeader('Api-Version', '1.45').setHeader('Content-Type', 'application/json')
          response.end(JSON.stringify({ Version: `seen ${String(who)}`, ApiVersion: '1.45' }))
        },
      )
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      port = (server.address() as AddressInfo).port
    })
    after(() => server.close())

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`is spoken by Node both ways over ${version}`, async () => {
        const read = (path: string): Buffer => readFileSync(join(folder, 'clients/alice', path))
        const request = https.get({
          host: 'localhost',
          port,
          path: '/version',
          agent: false,
          minVersion: version,
          maxVersion: version,
          ca: read('ca.pem'),
          cert: read('cert.pem'),
          key: read('key.pem'),
        })
        const [response] = await once(request, 'response')
        assert.match(Buffer.concat(await response.toArray()).toString(), /seen alice/)
      })
    }

    it('is spoken by the docker CLI', async () => {
      const child = spawn('docker', ['version', '--format', '{{.Server.Version}}'], {
        env: {
          PATH: process.env['PATH'],
          DOCKER_CONFIG: temporaryFolder(),
          DOCKER_HOST: `tcp://localhost:${port}`,
          DOCKER_TLS_VERIFY: '1',
          DOCKER_CERT_PATH: join(folder, 'clients/alice'),
        },
      })
      const [out, err] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()])
      assert.equal(out.join('').trim(), 'seen alice', err.join(''))
    })
  })
}
