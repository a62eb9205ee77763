// Authorities that are not one self-signed certificate: intermediates below a root, and several roots,
// of which each may name whom dockgate.yaml says. Certificates and lists are signed by the code of
// `dockgate ca`, the handshakes are OpenSSL's.
import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import { randomSerial, serialText, signCertificate } from '../../src/ca/certificate.ts'
import { nameDer } from '../../src/ca/distinguished-name.ts'
import { authorityProfile, leafProfile } from '../../src/ca/extensions.ts'
import { generateKey, keyIdentifier, publicKeyDer, toPkcs8 } from '../../src/ca/keys.ts'
import { signRevocationList } from '../../src/ca/revocation-list.ts'
import { temporaryFolder } from '../helpers/ca-store.ts'
import { serveDockgate, type Serving } from '../helpers/dockgate-process.ts'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { askDoor, RawConnection, requestBytes } from '../helpers/raw-http.ts'

interface Ca {
  readonly subject: readonly (readonly ['CN', string])[]
  readonly key: KeyObject
  readonly pem: string
  readonly serial: string
  /** Signs a list that takes these serials back. */
  list(number: number, ...serials: string[]): string
}

const dayMs = 86_400_000
const period = { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + 30 * dayMs) } // prettier-ignore
const none = { dns: [], email: [], uri: [], ip: [] }

async function createCa(name: string, under?: Ca): Promise<Ca> {
  const key = await generateKey('ec:p256')
  const subject = [['CN', name]] as const
  const publicKey = publicKeyDer(key)
  const serial = randomSerial()
  const keyId = keyIdentifier(publicKey)
  const extensions = authorityProfile(keyId, under === undefined ? 1 : 0).slice(0, 3)
  const issuer = nameDer(under?.subject ?? subject)
  const pem = signCertificate({ serial, issuer, subject, ...period, publicKey, extensions }, under?.key ?? key) // prettier-ignore
  return {
    subject,
    key,
    pem,
    serial: serialText(serial),
    list: (number, ...serials) =>
      signRevocationList(
        {
          issuer: nameDer(subject),
          issuerKeyId: keyId,
          number,
          thisUpdate: period.notBefore,
          nextUpdate: period.notAfter,
          revoked: serials.map((one) => ({ serial: one, at: period.notBefore, reason: 'unspecified' })), // prettier-ignore
        },
        key,
      ),
  }
}

interface Leaf {
  readonly cert: string
  readonly key: string
  readonly serial: string
}

async function issue(
  ca: Ca,
  name: string,
  more: Partial<{ org: string; serial: Buffer; email: string; server: boolean }> = {},
): Promise<Leaf> {
  // prettier-ignore
  const key = await generateKey('ec:p256')
  const publicKey = publicKeyDer(key)
  const serial = more.serial ?? randomSerial()
  const names = { ...none, dns: more.server === true ? ['localhost'] : [], email: more.email === undefined ? [] : [more.email] } // prettier-ignore
  const purpose = more.server === true ? 'serverAuth' : 'clientAuth'
  const extensions = leafProfile(purpose, keyIdentifier(publicKey), keyIdentifier(publicKeyDer(ca.key)), names) // prettier-ignore
  const subject = [...(more.org === undefined ? [] : [['O', more.org] as const]), ['CN', name] as const] // prettier-ignore
  const cert = signCertificate({ serial, issuer: nameDer(ca.subject), subject, ...period, publicKey, extensions }, ca.key) // prettier-ignore
  return { cert, key: await toPkcs8(key), serial: serialText(serial) }
}

const fingerprint = ({ pem }: Ca): string => new X509Certificate(pem).fingerprint256

let engine: FakeEngine
let root: Ca
let issuing: Ca
let partner: Ca
before(async () => {
  engine = await startFakeEngine('alice')
  root = await createCa('Example Root')
  issuing = await createCa('Example Issuing', root)
  partner = await createCa('Partner CA')
})
after(() => engine.close())

interface Site {
  readonly gateway: Serving
  write(name: string, text: string): void
  /** The status that somebody gets, and the words. */
  ask(leaf: Leaf): Promise<readonly [status: number, words: string]>
  open(leaf: Leaf): Promise<RawConnection>
}

async function start(files: Readonly<Record<string, string>>): Promise<Site> {
  const home = temporaryFolder()
  const server = await issue(issuing, 'localhost', { server: true })
  const write = (name: string, text: string): void => writeFileSync(join(home, name), text)
  mkdirSync(join(home, 'certs/server'), { recursive: true })
  write('certs/server/cert.pem', server.cert + issuing.pem)
  write('certs/server/key.pem', server.key)
  write('roles.yaml', 'grants: [{to: {anyone: true}, roles: [viewer]}]\n')
  for (const [name, text] of Object.entries(files)) write(name, text)
  const gateway = await serveDockgate(['serve'], {
    DOCKGATE_HOME: home,
    DOCKGATE_LISTEN: '127.0.0.1:0',
    DOCKGATE_ENGINE: `unix://${engine.path}`,
  })
  const door = (leaf: Leaf) => async () => {
    // The root alone: the gateway must send what stands between.
    const socket = connect({ port: gateway.port, host: '127.0.0.1', servername: 'localhost', ca: root.pem, cert: leaf.cert, key: leaf.key }) // prettier-ignore
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve).once('error', reject)
    })
    return socket
  }
  return {
    gateway,
    write,
    async ask(leaf) {
      try {
        const answer = await askDoor(door(leaf), { method: 'GET', path: '/info' })
        return [answer.status, answer.body.toString()]
      } catch (error) {
        return [0, String(error)]
      }
    },
    open: async (leaf) => new RawConnection(await door(leaf)()),
  }
}

async function until(act: () => Promise<boolean>): Promise<void> {
  const since = Date.now()
  while (!(await act())) {
    assert.ok(Date.now() - since < 10_000, 'it takes too long')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('an intermediate authority below a root', () => {
  let site: Site
  let alice: Leaf
  let bob: Leaf
  before(async () => {
    alice = await issue(issuing, 'alice')
    bob = await issue(issuing, 'bob')
    site = await start({
      'certs/ca.pem': root.pem + issuing.pem,
      'certs/crl.pem': root.list(1) + issuing.list(1),
    })
  })
  after(() => site.gateway.stop())

  it('lets its people in, whether or not they send its certificate', async () => {
    assert.equal((await site.ask(alice))[0], 200)
    assert.equal((await site.ask({ ...alice, cert: alice.cert + issuing.pem }))[0], 200)
  })

  it('lets in nobody of an authority that is not in ca.pem, also where the chain is sent', async () => {
    const other = await createCa('Other Issuing', root)
    const eve = await issue(other, 'eve')
    assert.equal((await site.ask({ ...eve, cert: eve.cert + other.pem }))[0], 0)
    const below = await createCa('Too Deep', issuing)
    const mallory = await issue(below, 'mallory')
    assert.equal((await site.ask({ ...mallory, cert: mallory.cert + below.pem }))[0], 0)
  })

  it('takes one back by its own list, and the root takes back all of it, live', async () => {
    site.write('certs/crl.pem', root.list(2) + issuing.list(2, bob.serial))
    await until(async () => (await site.ask(bob))[0] === 403)
    assert.match((await site.ask(bob))[1], /your certificate was revoked/)
    assert.equal((await site.ask(alice))[0], 200)

    // Of the root's list the serial of somebody below the intermediate says nothing.
    site.write('certs/crl.pem', root.list(3, alice.serial) + issuing.list(3, bob.serial))
    await until(async () => site.gateway.log().match(/"changed":\["crl\.pem"\]/g)?.length === 2)
    assert.equal((await site.ask(alice))[0], 200)

    const idle = await site.open(alice)
    idle.send(requestBytes({ method: 'GET', path: '/info' }))
    assert.equal((await idle.answer())?.status, 200)
    site.write('certs/crl.pem', root.list(4, issuing.serial) + issuing.list(4))
    const takenAt = Date.now()
    assert.equal((await idle.bytes()).length, 0)
    assert.ok(Date.now() - takenAt < 1_500)
    const [status, words] = await site.ask(alice)
    assert.equal(status, 403)
    assert.match(words, /the authority that signed your certificate was revoked/)
  })

  it('without a list of its own, or without its root, is not taken', async () => {
    site.write('certs/crl.pem', root.list(5))
    await until(async () => /it has no list of CN=Example Issuing/.test(site.gateway.log()))
    site.write('certs/ca.pem', issuing.pem)
    await until(async () => /leads to no root in it/.test(site.gateway.log()))
  })
})

describe('two authorities', () => {
  let site: Site
  let alice: Leaf
  const rules = (of: string): string => `issuers:\n  "${fingerprint(issuing)}": anyone\n${of}`
  const ofPartner = (): string =>
    `  "${fingerprint(partner)}": { name: ['partner-*'], org: [Partner] }\n`
  const twin = randomSerial()
  before(async () => {
    alice = await issue(issuing, 'alice', { serial: twin })
    site = await start({
      'certs/ca.pem': root.pem + issuing.pem + partner.pem,
      'certs/crl.pem': root.list(1) + issuing.list(1) + partner.list(1),
      'dockgate.yaml': rules(ofPartner()),
    })
  })
  after(() => site.gateway.stop())

  // prettier-ignore
  const rows: readonly (readonly [name: string, more: object, why: RegExp | undefined])[] = [
    ['partner-anna', { org: 'Partner' }, undefined],
    ['partner-anna', {}, undefined],
    ['admin', { org: 'Partner' }, /may not name the name "admin" here/],
    ['partner-', {}, /may not name the name "partner-" here/],
    ['xpartner-anna', {}, /may not name the name/],
    ['partner-anna', { org: 'Example' }, /may not name the org "Example" here/],
    ['partner-anna', { email: 'admin@example.com' }, /may not name the email "admin@example\.com" here/],
  ]
  for (const [name, more, why] of rows) {
    it(`let the one ${why === undefined ? '' : 'not '}name ${name} ${JSON.stringify(more)}`, async () => {
      const [status, words] = await site.ask(await issue(partner, name, more))
      assert.equal(status, why === undefined ? 200 : 403, words)
      if (why !== undefined) assert.match(JSON.parse(words).message, why)
      assert.equal((await site.ask(alice))[0], 200)
    })
  }

  it('count for themselves: a serial that one takes back is good at the other', async () => {
    const anna = await issue(partner, 'partner-anna', { serial: twin })
    site.write('certs/crl.pem', root.list(2) + issuing.list(2) + partner.list(2, anna.serial))
    await until(async () => (await site.ask(anna))[0] === 403)
    assert.equal((await site.ask(alice))[0], 200)
  })

  it('that no rule names may name nobody, from the change of dockgate.yaml on', async () => {
    const otto = await issue(partner, 'partner-otto')
    assert.equal((await site.ask(otto))[0], 200)
    site.write('dockgate.yaml', rules(''))
    await until(async () => (await site.ask(otto))[0] === 403)
    assert.match((await site.ask(otto))[1], /its issuer may name nobody here/)
    assert.equal((await site.ask(alice))[0], 200)
  })
})
