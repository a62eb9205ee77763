import assert from 'node:assert/strict'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type SecureVersion } from 'node:tls'
import { createServer } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createAuthority, serverPurpose, validity, type Identity } from '../helpers/authority.ts'
import {
  CN,
  alternativeNames,
  attribute,
  clientPurpose,
  extension,
  noAuthority,
  rdn,
  sequence,
  set,
  signingKey,
  text,
  tlv,
} from '../helpers/certificate-der.ts'
import { runDocker, throughTls } from '../helpers/docker-cli.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection, requestBytes } from '../helpers/raw-http.ts'

const dayMs = 86_400_000
const roles = 'grants:\n  - to: { name: alice }\n    roles: [admin]\n'
const close = { Connection: 'close' }
const ping = requestBytes({ method: 'GET', path: '/_ping', headers: close })
/** What a server that parses HTTP answers 400 to. */
const garbage = 'this is no HTTP\r\n\r\n'

// An engine that nobody may reach: whatever connects to it is counted.
const folder = mkdtempSync(join(tmpdir(), 'dockgate-certificates-'))
const enginePath = join(folder, 'engine.sock')
let reached = 0
const engine = createServer((socket) => {
  reached += 1
  socket.on('error', () => {})
  socket.once('data', () => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nApi-Version: 1.41\r\n\r\nOK')
  })
})

let gateway: GatewayProcess
before(async () => {
  await new Promise<void>((resolve) => engine.listen(enginePath, resolve))
  gateway = await startGatewayProcess({ roles, enginePath })
})
after(async () => {
  await gateway.stop()
  await new Promise((resolve) => engine.close(resolve))
  rmSync(folder, { recursive: true })
})

/** All that a client with this certificate is told, whatever it says, or how the handshake failed. */
async function told(
  identity: Identity | undefined,
  bytes: string,
  options: ConnectionOptions = {},
): Promise<string> {
  let connection: RawConnection
  try {
    connection = new RawConnection(await gateway.connect(identity, options))
  } catch (error) {
    return `handshake: ${String(error)}`
  }
  try {
    connection.send(bytes)
    return (await connection.bytes()).toString()
  } finally {
    connection.close()
  }
}

const versions: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3']
const only = (version: SecureVersion): ConnectionOptions => ({
  minVersion: version,
  maxVersion: version,
})

const issue = (...args: Parameters<GatewayProcess['authority']['issue']>): Identity =>
  gateway.authority.issue(...args)
const named = (...rdns: Uint8Array[]): Identity => issue({ subject: sequence(...rdns) })
const keyUsage = (octet: number, unused: number): Uint8Array =>
  extension('2.5.29.15', tlv(0x03, Buffer.from([unused, octet])), true)

/** Whose connection ends without a byte of HTTP. */
const strangers: readonly [who: string, identity: () => Identity | undefined][] = [
  ['without a certificate', () => undefined],
  ['with a certificate of a foreign authority', () => createAuthority('foreign').issue()],
  [
    'with one of a foreign authority of the same name',
    () => createAuthority('test authority').issue(),
  ],
  [
    'with an expired one of a foreign authority of the same name',
    () => createAuthority('test authority').issue({ validity: validity(-2 * dayMs, -dayMs) }),
  ],
  ['with a self-signed certificate', () => createAuthority('alice').self],
  ["with the authority's own certificate", () => gateway.authority.self],
  [
    "with a server's certificate",
    () => issue({ extensions: [noAuthority, signingKey, serverPurpose] }),
  ],
  [
    "with an expired server's certificate",
    () =>
      issue({
        extensions: [noAuthority, signingKey, serverPurpose],
        validity: validity(-2 * dayMs, -dayMs),
      }),
  ],
  [
    'with one for any purpose',
    () =>
      issue({
        extensions: [
          noAuthority,
          signingKey,
          extension('2.5.29.37', sequence(tlv(0x06, Buffer.from('551d2500', 'hex')))),
        ],
      }),
  ],
  ['with one for no purpose', () => issue({ extensions: [noAuthority, signingKey] })],
  [
    'with one whose key may only agree keys',
    () => issue({ extensions: [noAuthority, keyUsage(0x08, 3), clientPurpose] }),
  ],
  ['with a newline in the name', () => named(rdn(CN, 'bob\nCN=admin'))],
  ['with NUL in the name', () => named(rdn(CN, 'alice\0.example.org'))],
  ['with two names', () => named(rdn(CN, 'bob'), rdn(CN, 'alice'))],
  ['with no name', () => named(rdn('2.5.4.10', 'Example'))],
  [
    'with two names in one part',
    () => named(set(attribute(CN, text(0x0c, 'alice')), attribute(CN, text(0x0c, 'bob')))),
  ],
  ['with a name in TeletexString', () => named(set(attribute(CN, text(0x14, 'alice'))))],
  [
    'with a critical extension that nobody knows',
    () =>
      issue({
        extensions: [
          noAuthority,
          signingKey,
          clientPurpose,
          extension('1.2.3.4', sequence(), true),
        ],
      }),
  ],
  [
    'with NUL in an alternative name',
    () =>
      issue({
        extensions: [
          noAuthority,
          signingKey,
          clientPurpose,
          alternativeNames(text(0x82, 'ci.example.org\0.evil')),
        ],
      }),
  ],
]

for (const version of versions) {
  describe(`over ${version}, a client`, () => {
    it('with an ordinary certificate reaches the engine', async () => {
      const earlier = reached
      const said = await told(gateway.identity('alice'), ping, only(version))
      assert.match(said, /^HTTP\/1\.1 200 OK\r\n/)
      assert.equal(reached, earlier + 1)
    })

    it('with an ordinary certificate and garbage reaches the HTTP parser', async () => {
      const said = await told(gateway.identity('alice'), garbage, only(version))
      assert.match(said, /^HTTP\/1\.1 400 /)
    })

    for (const [who, identity] of strangers) {
      for (const [what, bytes] of [
        ['a request', ping],
        ['garbage', garbage],
      ] as const) {
        it(`${who} gets no word of HTTP for ${what}`, async () => {
          const earlier = reached
          const said = await told(identity(), bytes, only(version))
          assert.ok(said === '' || said.startsWith('handshake: '), said)
          assert.equal(reached, earlier)
        })
      }
    }

    const outOfTime: readonly [who: string, from: number, until: number, why: RegExp][] = [
      ['expired', -2 * dayMs, -dayMs, /your certificate expired on 20\d\d-\d\d-\d\d \d\d:\d\d UTC/],
      ['not yet valid', dayMs, 2 * dayMs, /your certificate is not valid before 20\d\d-/],
    ]
    for (const [who, from, until, why] of outOfTime) {
      it(`with a certificate that is ${who} is told so, whatever it asks`, async () => {
        const earlier = reached
        const identity = issue({ validity: validity(from, until) })
        for (const bytes of [ping, garbage]) {
          const said = await told(identity, bytes, only(version))
          const [head = '', body = ''] = said.split('\r\n\r\n')
          assert.match(head, /^HTTP\/1\.1 403 Forbidden\r\n/)
          assert.match(head, /\r\nContent-Type: application\/json\r\n/)
          assert.match(String(JSON.parse(body).message), why)
        }
        assert.equal(reached, earlier)
      })
    }

    it('that resumes its session without a certificate is nobody else', async () => {
      const info = requestBytes({ method: 'GET', path: '/info', headers: close })
      const socket = await gateway.connect(gateway.identity('nobody'), only(version))
      const first = new RawConnection(socket)
      first.send(info)
      await first.answer()
      // Tickets of TLS 1.3 come after the handshake, so not before an answer was there.
      const session = socket.getSession()
      first.close()
      assert.ok(session)
      const said = await told(undefined, info, { ...only(version), session })
      assert.match(said, /^$|^handshake: |"dockgate: nobody may not system\.info/)
    })
  })
}

describe('a person with an expired certificate', () => {
  it('reads in the docker command line when it expired', async () => {
    const certPath = mkdtempSync(join(tmpdir(), 'dockgate-expired-'))
    const { cert, key } = issue({ validity: validity(-2 * dayMs, -dayMs) })
    writeFileSync(join(certPath, 'ca.pem'), gateway.authority.ca)
    writeFileSync(join(certPath, 'cert.pem'), cert)
    writeFileSync(join(certPath, 'key.pem'), key)
    const target = throughTls(`tcp://localhost:${gateway.port}`, certPath)
    const { stderr, exit } = await runDocker(target, ['ps'])
    rmSync(certPath, { recursive: true })
    assert.match(stderr, /dockgate: your certificate expired on 20\d\d-\d\d-\d\d/)
    assert.equal(exit, 1)
  })
})

describe('the listener', () => {
  it('speaks no HTTP without TLS', async () => {
    const socket = connectTcp({ host: '127.0.0.1', port: gateway.port, allowHalfOpen: true })
    const connection = new RawConnection(socket)
    connection.send(ping)
    const bytes = await connection.bytes()
    connection.close()
    assert.doesNotMatch(bytes.toString('latin1'), /HTTP/)
  })

  it('does not offer HTTP/2', async () => {
    const options = { ALPNProtocols: ['h2', 'http/1.1'] }
    const socket = await gateway.connect(gateway.identity('alice'), options)
    assert.equal(socket.alpnProtocol, 'http/1.1')
    socket.destroy()
  })

  it('refuses a client that speaks HTTP/2 alone', async () => {
    const said = await told(gateway.identity('alice'), ping, { ALPNProtocols: ['h2'] })
    assert.match(said, /^handshake: /)
  })

  it('does not take the HTTP/2 preface for a request', async () => {
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
    const said = await told(gateway.identity('alice'), preface)
    assert.match(said, /^HTTP\/1\.1 (400|505) /)
  })

  for (const version of ['TLSv1', 'TLSv1.1'] as const) {
    it(`refuses ${version}`, async () => {
      // Security level 0 lets this side offer what is too old.
      const options = { ...only(version), ciphers: 'DEFAULT@SECLEVEL=0' }
      const said = await told(gateway.identity('alice'), ping, options)
      assert.match(said, /^handshake: .*(protocol version|alert|EPROTO|ECONNRESET)/)
    })
  }

  const weak = [
    'AES128-SHA',
    'ECDHE-ECDSA-AES128-SHA',
    'AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-SHA384',
  ]
  for (const cipher of weak) {
    it(`refuses ${cipher}`, async () => {
      const options = { ...only('TLSv1.2'), ciphers: `${cipher}:@SECLEVEL=0` }
      assert.match(await told(gateway.identity('alice'), ping, options), /^handshake: /)
    })
  }

  it('is not renegotiated by a client', async () => {
    const socket = await gateway.connect(gateway.identity('alice'), only('TLSv1.2'))
    const failed = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(true)).once('close', () => resolve(true))
      const asked = socket.renegotiate({}, (error) => resolve(error !== null))
      if (asked === false) resolve(true)
    })
    socket.destroy()
    assert.ok(failed)
  })

  it('goes on after a client that leaves in the middle of its handshake', async () => {
    for (let count = 0; count < 20; count += 1) {
      const socket = connectTcp({ host: '127.0.0.1', port: gateway.port })
      await new Promise((resolve) => socket.once('connect', resolve))
      const tls = connectTls({ socket, rejectUnauthorized: false })
      tls.on('error', () => {})
      socket.resetAndDestroy()
    }
    assert.match(await told(gateway.identity('alice'), ping), /^HTTP\/1\.1 200 /)
  })
})
