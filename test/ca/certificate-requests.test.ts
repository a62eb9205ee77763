// What the signing endpoint takes of a certificate request: the key and the proof of it, no more.
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { issueClient } from '../../src/ca/issue-client.ts'
import { pem } from '../helpers/authority.ts'
import { createStore, openssl, temporaryFolder, verify } from '../helpers/ca-store.ts'
import { CN, algorithm, oid, rdn, sequence, tlv } from '../helpers/certificate-der.ts'
import { identityIn, startEndpoint, type Answer, type Identity } from '../helpers/endpoint.ts'

const label = 'CERTIFICATE REQUEST'
let folder = ''
let alice: Identity
let ask: (csr: string) => Promise<Answer>

before(async () => {
  const store = await createStore()
  folder = store.folder
  const made = await issueClient(store, { name: 'alice', org: 'Example', unit: 'dev' })
  alice = identityIn(made.folder)
  const endpoint = await startEndpoint(store)
  ask = (csr) => endpoint.post('/v1/renew', { csr }, alice)
})

/** A request as openssl makes it, with arguments for the key and for what it asks. */
function request(newkey: string[], wanted: string[] = ['-subj', '/CN=alice']): string {
  const place = temporaryFolder()
  const made = openssl(place, 'genpkey', '-out', 'key.pem', ...newkey)
  assert.equal(made.status, 0, made.text)
  const asked = openssl(place, 'req', '-new', '-key', 'key.pem', '-out', 'csr.pem', ...wanted)
  assert.equal(asked.status, 0, asked.text)
  return readFileSync(join(place, 'csr.pem'), 'utf8')
}

const p256 = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']

describe('a certificate request', () => {
  const taken: [string, string[], string[]?][] = [
    ['P-256', p256],
    ['P-384', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['-sha384']],
    ['Ed25519', ['-algorithm', 'ED25519']],
    ['RSA 2048', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
    ['RSA 3072 with SHA-512', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'], ['-sha512']],
  ] // prettier-ignore
  for (const [name, key, more = []] of taken) {
    it(`of ${name} is signed, and openssl verifies the certificate for clients`, async () => {
      const { status, body } = await ask(request(key, ['-subj', '/CN=alice', ...more]))
      assert.equal(status, 201, JSON.stringify(body))
      writeFileSync(join(folder, 'got.pem'), String(body['certificate']))
      const verified = verify(folder, 'sslclient', 'got.pem')
      assert.equal(verified.status, 0, verified.text)
      assert.notEqual(verify(folder, 'sslserver', 'got.pem').status, 0)
    })
  }

  const refused: [string, string[], string[]?][] = [
    ['RSA 1024', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024']],
    ['RSA with the exponent 3', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_pubexp:3']],
    ['RSA for PSS alone', ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048']],
    ['P-521', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521']],
    ['secp256k1', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1']],
    ['P-256 spelled out', [...p256, '-pkeyopt', 'ec_param_enc:explicit']],
    ['Ed448', ['-algorithm', 'ED448']],
    ['SHA-1', p256, ['-sha1']],
  ] // prettier-ignore
  for (const [name, key, more = []] of refused) {
    it(`of ${name} is refused`, async () => {
      const { status, body } = await ask(request(key, ['-subj', '/CN=alice', ...more]))
      assert.equal(status, 400, JSON.stringify(body))
    })
  }

  it('with another subject, further names, CA:TRUE and other purposes gets none of them', async () => {
    const place = temporaryFolder()
    const config = [
      '[req]',
      'distinguished_name = dn',
      'req_extensions = ext',
      'prompt = no',
      '[dn]',
      'CN = admin',
      'O = Other',
      'OU = ops',
      '[ext]',
      'basicConstraints = critical,CA:TRUE',
      'keyUsage = keyCertSign,cRLSign',
      'extendedKeyUsage = serverAuth,clientAuth',
      'subjectAltName = DNS:gate.example.com,email:admin@example.com,URI:spiffe://example.org/admin',
    ].join('\n')
    writeFileSync(join(place, 'hostile.cnf'), config)
    const asked = ['-config', join(place, 'hostile.cnf')]
    const { status, body } = await ask(request(p256, asked))
    assert.equal(status, 201, JSON.stringify(body))
    const made = new X509Certificate(String(body['certificate']))
    const earlier = new X509Certificate(alice.cert)
    assert.equal(made.subject, 'O=Example\nOU=dev\nCN=alice')
    assert.equal(made.subject, earlier.subject)
    assert.equal(made.subjectAltName, undefined)
    assert.equal(made.ca, false)
    assert.deepEqual(made.keyUsage, ['1.3.6.1.5.5.7.3.2'])
    writeFileSync(join(folder, 'got.pem'), String(body['certificate']))
    const shown = openssl(folder, 'x509', '-in', 'got.pem', '-noout', '-text').text
    assert.doesNotMatch(shown, /admin|Other|gate\.example|Certificate Sign|CA:TRUE/)
  })

  it('for the key that is certified already is refused', async () => {
    const place = temporaryFolder()
    writeFileSync(join(place, 'key.pem'), alice.key)
    openssl(place, 'req', '-new', '-key', 'key.pem', '-subj', '/CN=alice', '-out', 'csr.pem')
    const { status, body } = await ask(readFileSync(join(place, 'csr.pem'), 'utf8'))
    assert.equal(status, 400)
    assert.match(String(body['message']), /new key/)
  })
})

interface RequestParts {
  readonly version: Uint8Array
  readonly subject: Uint8Array
  readonly publicKey: Uint8Array
  readonly attributes: readonly Uint8Array[]
  readonly algorithm: Uint8Array
  readonly signer: KeyObject
  readonly unusedBits: number
  readonly after: readonly Uint8Array[]
}

/** A request byte by byte, ordinary but for what `parts` says. */
function raw(parts: Partial<RequestParts> = {}): Buffer {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const all: RequestParts = {
    version: tlv(0x02, Buffer.from([0])),
    subject: sequence(rdn(CN, 'alice')),
    publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }),
    attributes: [tlv(0xa0)],
    algorithm,
    signer: pair.privateKey,
    unusedBits: 0,
    after: [],
    ...parts,
  }
  const info = sequence(all.version, all.subject, all.publicKey, ...all.attributes)
  const signature = tlv(0x03, Buffer.from([all.unusedBits]), sign('sha256', info, all.signer))
  return Buffer.from(sequence(info, all.algorithm, signature, ...all.after))
}

describe('a certificate request, octet by octet', () => {
  const another = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const nothing = tlv(0x05)
  const sha256Rsa = sequence(oid('1.2.840.113549.1.1.11'), nothing)
  const compressed = another.publicKey.export({ type: 'spki', format: 'der' })
  const point = compressed.subarray(-64)
  const short = sequence(
    sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')),
    tlv(0x03, Buffer.from([0, (point[63] ?? 0) % 2 === 0 ? 2 : 3]), point.subarray(0, 32)),
  )
  const offCurve = Buffer.from(compressed)
  offCurve[offCurve.length - 1] = (offCurve.at(-1) ?? 0) ^ 1

  it('is signed when it is ordinary', async () => {
    const { status, body } = await ask(pem(label, raw()))
    assert.equal(status, 201, JSON.stringify(body))
  })

  const rows: [string, () => Buffer | string][] = [
    ['signed by another key', () => raw({ signer: another.privateKey })],
    ['of another version', () => raw({ version: tlv(0x02, Buffer.from([2])) })],
    ['of a version with a zero in front', () => raw({ version: tlv(0x02, Buffer.from([0, 0])) })],
    ['without attributes', () => raw({ attributes: [] })],
    ['with two sets of attributes', () => raw({ attributes: [tlv(0xa0), tlv(0xa0)] })],
    ['with attributes of another tag', () => raw({ attributes: [tlv(0xa1)] })],
    ['with a subject that is none', () => raw({ subject: nothing })],
    ['with a compressed point', () => raw({ publicKey: short, signer: another.privateKey })],
    ['with a point beside the curve', () => raw({ publicKey: offCurve, signer: another.privateKey })],
    ['with the algorithm of another family', () => raw({ algorithm: sha256Rsa })],
    ['with parameters that must be absent', () => raw({ algorithm: sequence(oid('1.2.840.10045.4.3.2'), nothing) })],
    ['with unused bits in its signature', () => raw({ unusedBits: 1 })],
    ['with a fourth part', () => raw({ after: [nothing] })],
    ['with an octet behind it', () => Buffer.concat([raw(), Buffer.from([0])])],
    ['cut short', () => raw().subarray(0, -1)],
    ['in BER of indefinite length', () => Buffer.concat([Buffer.from([0x30, 0x80]), raw().subarray(3), Buffer.from([0, 0])])],
    ['nested deeper than anybody does', () => nested(500)],
    ['that is a certificate', () => Buffer.from(alice.cert)],
    ['under another label', () => pem('CERTIFICATE', raw())],
    ['twice in one text', () => pem(label, raw()) + pem(label, raw())],
    ['with words before it', () => `hello\n${pem(label, raw())}`],
    ['of base64 with two spellings', () => respell(pem(label, raw()))],
    ['of nothing', () => ''],
    ['larger than any', () => pem(label, raw({ subject: sequence(rdn(CN, 'a'.repeat(9000))) }))],
  ] // prettier-ignore
  for (const [name, make] of rows) {
    it(`is refused ${name}`, async () => {
      const made = make()
      const { status, body } = await ask(typeof made === 'string' ? made : pem(label, made))
      assert.equal(status, 400, JSON.stringify(body))
      assert.equal(body['certificate'], undefined)
    })
  }

  it('is refused with any one bit of it changed', async () => {
    const good = raw()
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length * 8 - 1), async (bit) => {
        const bad = Buffer.from(good)
        bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        assert.equal((await ask(pem(label, bad))).status, 400)
      }),
      { numRuns: 100 },
    )
  })
})

function nested(depth: number): Buffer {
  let value: Uint8Array = tlv(0x05)
  for (let turn = 0; turn < depth; turn++) value = sequence(value)
  return Buffer.from(value)
}

/** The last letter before the padding holds bits that nobody reads. */
function respell(text: string): string {
  const [head = '', letter = '', after = ''] = text.split(/(\w)(?==+\n)/)
  if (letter !== '') return head + String.fromCharCode(letter.charCodeAt(0) + 1) + after
  return text.replace(/\n-----END/, '=\n-----END')
}
