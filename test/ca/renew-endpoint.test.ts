// Renewing over the network, as the signing endpoint sees it: who may, what they get, what is recorded.
import assert from 'node:assert/strict'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { makeRequest } from '../../src/ca/certificate-request.ts'
import { issueClient } from '../../src/ca/issue-client.ts'
import { issueServer } from '../../src/ca/issue-server.ts'
import { listIssued } from '../../src/ca/list-issued.ts'
import type { Access } from '../../src/ca/open-issuer.ts'
import { revoke } from '../../src/ca/revoke.ts'
import { readIndex } from '../../src/ca/store.ts'
import { createAuthority } from '../helpers/authority.ts'
import { createStore, dayMs, hourMs, openssl } from '../helpers/ca-store.ts'
import {
  identityIn,
  movable,
  startEndpoint,
  type Identity,
  type TestEndpoint,
} from '../helpers/endpoint.ts'

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

/** A request for a key of its own. */
function asked(more: object = {}): { csr: string; key: string } & object {
  const key = newKey()
  return {
    csr: makeRequest(key),
    ...more,
    get key() {
      return key.export({ type: 'pkcs8', format: 'pem' }).toString()
    },
  }
}

function body(more: object = {}) {
  const { csr } = asked()
  return { csr, ...more }
}

async function renewed(endpoint: TestEndpoint, identity: Identity, more: object = {}) {
  const { csr, key } = asked()
  const answer = await endpoint.post('/v1/renew', { csr, ...more }, identity)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return { ...answer.body, cert: String(answer.body['certificate']), key }
}

describe('renewing at the endpoint', () => {
  let store: Access & { at(laterMs: number): Access }
  let endpoint: TestEndpoint
  let alice: Identity

  before(async () => {
    store = await createStore()
    await issueServer(store, { names: ['localhost'], host: 'tcp://gate.example.com:2376' })
    const names = { email: ['a@example.com'], uri: ['spiffe://example.org/a'], dns: ['a.b'], ip: ['::1'] } // prettier-ignore
    const made = await issueClient(store, { name: 'alice', org: 'Example', unit: 'dev', names, lifetimeHours: 8 }) // prettier-ignore
    alice = identityIn(made.folder)
    endpoint = await startEndpoint(store)
  })

  it('keeps every name, takes the new key, and is recorded with what it renewed', async () => {
    const made = await renewed(endpoint, alice)
    const [old, now] = [alice.cert, made.cert].map((pem) => new X509Certificate(pem))
    assert.equal(now?.subject, old?.subject)
    assert.equal(now?.subjectAltName, old?.subjectAltName)
    assert.notEqual(now?.serialNumber, old?.serialNumber)
    assert.equal(now?.serialNumber.length, 32)
    const row = readIndex(store.folder)?.issued.at(-1)
    assert.equal(row?.serial, now?.serialNumber)
    assert.equal(row?.by, 'renew')
    assert.equal(row?.renews, old?.serialNumber)
    assert.equal(Date.parse(row?.notAfter ?? '') - Date.parse(row?.notBefore ?? ''), 8 * hourMs + 5 * 60_000) // prettier-ignore
    writeFileSync(join(store.folder, 'old.pem'), alice.cert)
    writeFileSync(join(store.folder, 'new.pem'), made.cert)
    for (const file of ['old.pem', 'new.pem']) {
      const flags = ['-x509_strict', '-purpose', 'sslclient', '-CAfile', 'ca.pem']
      const verified = openssl(store.folder, 'verify', ...flags, '-CRLfile', 'crl.pem', '-crl_check', file) // prettier-ignore
      assert.equal(verified.status, 0, verified.text)
    }
  })

  it('says where the gateway is', async () => {
    const answer = await endpoint.post('/v1/renew', body(), alice)
    assert.equal(answer.body['host'], 'tcp://gate.example.com:2376')
  })

  it('gives a shorter life where it is asked for, and never a longer one', async () => {
    const short = await renewed(endpoint, alice, { hours: 2 })
    const cert = new X509Certificate(short.cert)
    assert.equal(Date.parse(cert.validTo) - Date.parse(cert.validFrom), 2 * hourMs + 5 * 60_000)
    for (const hours of [9, 24 * 365, 876_000]) {
      const { status, body: said } = await endpoint.post('/v1/renew', body({ hours }), alice)
      assert.equal(status, 400)
      assert.match(String(said['message']), /8 hours at most/)
    }
    const shortened = { cert: short.cert, key: short.key }
    const again = await endpoint.post('/v1/renew', body({ hours: 8 }), shortened)
    assert.match(String(again.body['message']), /2 hours at most/)
  })

  it('never gives a longer life than the endpoint may give', async () => {
    const strict = await startEndpoint(store, { maxHours: 3 })
    const cert = new X509Certificate((await renewed(strict, alice)).cert)
    assert.equal(Date.parse(cert.validTo) - Date.parse(cert.validFrom), 3 * hourMs + 5 * 60_000)
    const { body: said } = await strict.post('/v1/renew', body({ hours: 4 }), alice)
    assert.match(String(said['message']), /3 hours at most/)
  })

  it('supersedes the earlier certificate for the holder of the new one', async () => {
    const first = await issueClient(store, { name: 'bob' })
    const old = identityIn(first.folder)
    const tooEarly = await endpoint.post('/v1/supersede', {}, old)
    assert.equal(tooEarly.status, 403)
    const made = await renewed(endpoint, old)
    const done = await endpoint.post('/v1/supersede', {}, made)
    assert.deepEqual(done.body, { revoked: [first.issued.serial] })
    const text = openssl(store.folder, 'crl', '-in', 'crl.pem', '-CAfile', 'ca.pem', '-noout', '-text').text // prettier-ignore
    assert.match(text, new RegExp(`${first.issued.serial}[\\s\\S]*Superseded`))
    assert.deepEqual((await endpoint.post('/v1/supersede', {}, made)).body, { revoked: [] })
    assert.equal((await endpoint.post('/v1/renew', body(), old)).status, 403)
    assert.equal((await endpoint.post('/v1/renew', body(), made)).status, 201)
  })

  const strangers: [string, () => Identity | undefined | Promise<Identity>, RegExp][] = [
    ['without a certificate', () => undefined, /no client certificate/],
    ['with the certificate of another CA', () => createAuthority('Test CA').issue(), /no client certificate of this CA/],
    ["with the gateway's certificate", () => identityIn(join(store.folder, 'server')), /no client certificate of this CA/],
    ["with the CA's own", () => caItself(store.folder), /no client certificate of this CA/],
    ['with a revoked certificate', async () => {
      const { folder } = await issueClient(store, { name: 'carol' })
      await revoke(store, 'carol', 'keyCompromise')
      return identityIn(folder)
    }, /was revoked/],
    ['with a certificate that the store does not know', async () => {
      const { folder, issued } = await issueClient(store, { name: 'dave' })
      const path = join(store.folder, 'index.json')
      const index = JSON.parse(readFileSync(path, 'utf8'))
      index.issued = index.issued.filter((row: { serial: string }) => row.serial !== issued.serial)
      writeFileSync(path, JSON.stringify(index))
      return identityIn(folder)
    }, /no client certificate of this CA/],
  ] // prettier-ignore
  for (const [name, who, words] of strangers) {
    it(`is refused ${name}, and nothing is recorded`, async () => {
      const identity = await who()
      const earlier = readFileSync(join(store.folder, 'index.json'), 'utf8')
      for (const path of ['/v1/renew', '/v1/supersede']) {
        const answer = await endpoint.post(path, path === '/v1/renew' ? body() : {}, identity)
        assert.equal(answer.status, 403)
        assert.match(String(answer.body['message']), words)
      }
      assert.equal(readFileSync(join(store.folder, 'index.json'), 'utf8'), earlier)
    })
  }

  const bodies: [string, unknown, number][] = [
    ['no JSON', 'csr=1', 400],
    ['a JSON list', [], 400],
    ['nothing', '', 400],
    ['no request', {}, 400],
    ['a request that is a number', { csr: 1 }, 400],
    ['a key that nobody knows', { csr: 'x', names: ['admin'] }, 400],
    ['a prototype', '{"csr":"x","__proto__":{"hours":1}}', 400],
    ['hours below one', { csr: 'x', hours: 0 }, 400],
    ['hours in parts', { csr: 'x', hours: 1.5 }, 400],
    ['hours as text', { csr: 'x', hours: '8' }, 400],
    ['more than anybody needs', { csr: 'x'.repeat(40_000) }, 413],
  ]
  for (const [name, sent, status] of bodies) {
    it(`is refused for a body with ${name}`, async () => {
      const answer = await endpoint.post('/v1/renew', sent, alice)
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      assert.equal(typeof answer.body['message'], 'string')
    })
  }
})

function caItself(folder: string): Identity {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return { cert: read('ca.pem'), key: read('ca.key') }
}

describe('an expired certificate', () => {
  it('is not renewed, by the clock of TLS', async () => {
    const store = await createStore({ now: new Date(Date.now() - 2 * dayMs) })
    const { folder } = await issueClient(store, { name: 'alice', lifetimeHours: 24 })
    const endpoint = await startEndpoint(store)
    const { status, body: said } = await endpoint.post('/v1/renew', body(), identityIn(folder))
    assert.equal(status, 403)
    assert.match(String(said['message']), /expired/)
  })

  it('is not renewed, by the clock of the authority', async () => {
    const store = await createStore()
    const { folder } = await issueClient(store, { name: 'alice', lifetimeHours: 24 })
    const clock = movable(store)
    const endpoint = await startEndpoint(clock.access)
    clock.forward(2 * dayMs)
    const { status, body: said } = await endpoint.post('/v1/renew', body(), identityIn(folder))
    assert.equal(status, 403)
    assert.match(String(said['message']), /expired/)
  })
})

describe('the endpoint itself', () => {
  it('needs the passphrase of a sealed CA key, once, at its start', async () => {
    const passphrase = 'correct horse battery'
    const store = await createStore({ passphrase })
    const { folder, now } = store
    const { folder: bundle } = await issueClient(store, { name: 'alice' })
    await assert.rejects(startEndpoint({ folder, now }), { code: 'bad-passphrase' })
    let questions = 0
    const counting = async (): Promise<string> => {
      questions++
      return passphrase
    }
    const endpoint = await startEndpoint({ folder, now, passphrase: counting })
    await renewed(endpoint, identityIn(bundle))
    await renewed(endpoint, identityIn(bundle))
    assert.equal(questions, 1)
  })

  it('speaks nothing older than TLS 1.3', async () => {
    const { port } = await startEndpoint(await createStore())
    const socket = connect({ port, host: '127.0.0.1', maxVersion: 'TLSv1.2', rejectUnauthorized: false }) // prettier-ignore
    const [error] = await once(socket, 'error')
    assert.match(String(error), /alert protocol version|handshake/)
  })

  it('has a certificate that openssl verifies for servers, whose key is in no file', async () => {
    const store = await createStore()
    const { port } = await startEndpoint(store)
    const socket = connect({ port, host: 'localhost', ca: readFileSync(join(store.folder, 'ca.pem')) }) // prettier-ignore
    await once(socket, 'secureConnect')
    const shown = socket.getPeerX509Certificate()
    socket.destroy()
    writeFileSync(join(store.folder, 'endpoint.pem'), shown?.toString() ?? '')
    const flags = ['-x509_strict', '-purpose', 'sslserver', '-CAfile', 'ca.pem']
    const verified = openssl(store.folder, 'verify', ...flags, 'endpoint.pem')
    assert.equal(verified.status, 0, verified.text)
    assert.match(shown?.subjectAltName ?? '', /URI:urn:dockgate:ca/)
    assert.equal(readIndex(store.folder)?.issued.at(-1)?.kind, 'endpoint')
  })

  it('answers one address so many times a minute, and then asks for patience', async () => {
    const endpoint = await startEndpoint(await createStore(), { ratePerMinute: 3 })
    const statuses: number[] = []
    for (let turn = 0; turn < 5; turn++) {
      statuses.push((await endpoint.post('/v1/renew', {})).status)
    }
    assert.deepEqual(statuses, [403, 403, 403, 429, 429])
    const { headers } = await endpoint.post('/v1/renew', {})
    assert.ok(Number(headers['retry-after']) > 0 && Number(headers['retry-after']) <= 20)
  })

  it('hands out the CRL, signs it anew in time, and swaps its own certificate', async () => {
    const store = await createStore()
    const clock = movable(store)
    const endpoint = await startEndpoint(clock.access, {}, 10)
    const ca = readFileSync(join(store.folder, 'ca.pem'))
    const serialSeen = async (): Promise<string> => {
      const request = https.get({ host: 'localhost', port: endpoint.port, path: '/v1/crl.pem', ca, agent: false }) // prettier-ignore
      const [response] = await once(request, 'response')
      const socket = response.socket.getPeerX509Certificate()
      const text = Buffer.concat(await response.toArray()).toString()
      assert.equal(text, readFileSync(join(store.folder, 'crl.pem'), 'utf8'))
      return socket.serialNumber
    }
    const first = await serialSeen()
    clock.forward(16 * dayMs)
    while (readIndex(store.folder)?.crl.number !== 2) await new Promise((go) => setTimeout(go, 5))
    while (!endpoint.log().includes('renewed the own')) await new Promise((go) => setTimeout(go, 5))
    const issued = listIssued(store.folder, clock.access.now, { all: true })
    const rows = issued.filter(({ kind }) => kind === 'endpoint')
    assert.equal(rows.length, 2)
    assert.equal(rows[0]?.serial, first)
    // The new one counts from days ahead of the clock here, so it is looked at and not verified; who
    // comes is still asked for a certificate.
    const { folder } = await issueClient(store, { name: 'alice' })
    const socket = connect({ port: endpoint.port, host: '127.0.0.1', rejectUnauthorized: false, ...identityIn(folder) }) // prettier-ignore
    await once(socket, 'secureConnect')
    assert.equal(socket.getPeerX509Certificate()?.serialNumber, rows[1]?.serial)
    const sent = JSON.stringify(body())
    socket.write(`POST /v1/renew HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${sent.length}\r\n\r\n${sent}`) // prettier-ignore
    assert.match(Buffer.concat(await socket.toArray()).toString(), /^HTTP\/1\.1 201 /)
  })

  it('writes nothing once another CA has taken the place of its own', async () => {
    const store = await createStore()
    const { folder } = await issueClient(store, { name: 'alice' })
    const identity = identityIn(folder)
    const endpoint = await startEndpoint(store)
    const other = await createStore()
    writeFileSync(join(store.folder, 'index.json'), readFileSync(join(other.folder, 'index.json')))
    const { status } = await endpoint.post('/v1/renew', body(), identity)
    assert.equal(status, 503)
    assert.match(endpoint.log(), /is not the one that was opened/)
  })

  it('closes what is silent', async () => {
    const endpoint = await startEndpoint(await createStore(), { idleMs: 100 })
    const socket = connect({ port: endpoint.port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.on('error', () => {})
    await once(socket, 'close')
  })

  it('lets nobody alone have all its connections', async () => {
    const endpoint = await startEndpoint(await createStore())
    const where = { port: endpoint.port, host: '127.0.0.1', rejectUnauthorized: false }
    const sockets = Array.from({ length: 40 }, () => connect(where).on('error', () => {}))
    const isGreeted = (socket: TLSSocket): Promise<boolean> =>
      new Promise((resolve) => {
        socket.once('secureConnect', () => resolve(true)).once('close', () => resolve(false))
      })
    const greeted = await Promise.all(sockets.map(isGreeted))
    assert.equal(greeted.filter(Boolean).length, 32)
    await assert.rejects(endpoint.post('/v1/renew', {}), { code: 'ECONNRESET' })
    for (const socket of sockets) socket.destroy()
    // When they have gone there is room again.
    const ask = async (): Promise<number> => (await endpoint.post('/v1/renew', {})).status
    let status = 0
    while (status === 0) status = await ask().catch(() => 0)
    assert.equal(status, 403)
  })

  it('never logs a request', async () => {
    const store = await createStore()
    const { folder } = await issueClient(store, { name: 'alice' })
    const endpoint = await startEndpoint(store)
    const sent = body()
    await endpoint.post('/v1/renew', sent, identityIn(folder))
    await endpoint.post('/v1/renew', { ...sent, hours: 0 }, identityIn(folder))
    assert.match(endpoint.log(), /"name":"alice"/)
    assert.doesNotMatch(endpoint.log(), /BEGIN|csr/)
  })
})
