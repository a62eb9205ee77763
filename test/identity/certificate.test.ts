import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../../src/errors.ts'
import { readPrincipal } from '../../src/identity/certificate.ts'
import {
  CN,
  O,
  OU,
  alternativeNames,
  attribute,
  certificate,
  clientPurpose,
  extension,
  noAuthority,
  octets,
  oid,
  rdn,
  sequence,
  set,
  signingKey,
  text,
  tlv,
  utf8,
} from '../helpers/certificate-der.ts'

const fingerprint = 'ab'.repeat(32)

function read(der: Uint8Array) {
  return readPrincipal(der, fingerprint)
}

function refusal(der: Uint8Array): string {
  const outcome = read(der)
  assert.ok(isFailure(outcome), `accepted as ${JSON.stringify(outcome)}`)
  assert.equal(outcome.code, 'bad-certificate')
  return outcome.message
}

function principal(der: Uint8Array) {
  const outcome = read(der)
  assert.ok(!isFailure(outcome), isFailure(outcome) ? outcome.message : '')
  return outcome
}

const bytes = (...values: number[]): Uint8Array => Buffer.from(values)
const usual = [noAuthority, signingKey, clientPurpose]
const subjectOf = (...parts: Uint8Array[]): Uint8Array =>
  certificate({ subject: sequence(...parts) })
const named = (name: string): Uint8Array => subjectOf(rdn(CN, name))
const withNames = (...names: Uint8Array[]): Uint8Array =>
  certificate({ extensions: [...usual, alternativeNames(...names)] })

const times = (...both: Uint8Array[]) => certificate({ validity: sequence(...both) })

describe('a client certificate', () => {
  it('is read into a principal', () => {
    const der = withNames(
      text(0x82, 'CI.Example.org'),
      text(0x81, 'Alice@Example.ORG'),
      text(0x86, 'spiffe://example.org/ci/build'),
      tlv(0x87, bytes(192, 0, 2, 7)),
      tlv(0x87, Buffer.from('20010db8000000000000000000000001', 'hex')),
      tlv(0xa0, oid('1.2.3'), tlv(0xa0, utf8('other'))),
    )
    assert.deepEqual(principal(der), {
      name: 'alice',
      org: ['Example'],
      unit: ['dev'],
      dns: ['ci.example.org'],
      email: ['Alice@example.org'],
      uri: ['spiffe://example.org/ci/build'],
      ip: ['192.0.2.7', '2001:db8::1'],
      serial: 'abcd',
      fingerprint,
      notBefore: Date.UTC(2026, 0, 1),
      notAfter: Date.UTC(2051, 1, 3, 4, 5, 6),
    })
  })

  it('is one that OpenSSL reads too, with the same subject and serial', () => {
    const seen = new X509Certificate(certificate())
    assert.equal(seen.subject, 'O=Example\nOU=dev\nCN=alice')
    assert.equal(seen.serialNumber, 'ABCD')
  })

  it('may have several organizations and units, in their order', () => {
    const der = subjectOf(rdn(OU, 'dev'), rdn(OU, 'ops'), rdn(O, 'A'), rdn(O, 'B'), rdn(CN, 'al'))
    assert.deepEqual(
      [principal(der).unit, principal(der).org],
      [
        ['dev', 'ops'],
        ['A', 'B'],
      ],
    )
  })

  it('is never named by an attribute other than the common name', () => {
    const mail = '1.2.840.113549.1.9.1'
    const der = subjectOf(set(attribute(mail, text(0x16, 'admin@example.org'))), rdn(CN, 'alice'))
    assert.deepEqual([principal(der).name, principal(der).email], ['alice', []])
  })

  for (const name of ['alice', 'Zoë', 'build-agent_7', 'CN=admin', 'a b', '李雷', '"x" (y)']) {
    it(`may be named ${JSON.stringify(name)}`, () => {
      assert.equal(principal(named(name)).name, name)
    })
  }

  const zeros = '0'.repeat(32)
  const addresses: [hex: string, read: string][] = [
    [zeros, '::'],
    [`${zeros.slice(1)}1`, '::1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['00000000000000000000ffffc0000201', '::ffff:c000:201'],
  ]
  for (const [hex, expected] of addresses) {
    it(`may have the address ${expected}`, () => {
      assert.deepEqual(principal(withNames(tlv(0x87, Buffer.from(hex, 'hex')))).ip, [expected])
    })
  }
})

describe('a subject is refused', () => {
  const twoValues = set(attribute(CN, utf8('bob')), attribute(CN, utf8('admin')))
  const rows: [title: string, der: Uint8Array, why: RegExp][] = [
    ['without a common name', subjectOf(rdn(O, 'Example')), /no common name/],
    ['when empty', subjectOf(), /no common name/],
    ['with two common names', subjectOf(rdn(CN, 'bob'), rdn(CN, 'admin')), /more than one common/],
    ['with the same common name twice', subjectOf(rdn(CN, 'bob'), rdn(CN, 'bob')), /same twice/],
    ['with the same unit twice', subjectOf(rdn(CN, 'b'), rdn(OU, 'x'), rdn(OU, 'x')), /same twice/],
    ['with two values in one part', subjectOf(twoValues), /not exactly one value/],
    ['with a part of no value', subjectOf(rdn(CN, 'alice'), set()), /not exactly one value/],
    ['in BMPString', subjectOf(set(attribute(CN, text(0x1e, 'alice', 'utf16le')))), /type/],
    ['in TeletexString', subjectOf(set(attribute(CN, text(0x14, 'alice')))), /type/],
    ['in UniversalString', subjectOf(set(attribute(CN, text(0x1c, 'alice')))), /type/],
    ['with a common name in IA5String', subjectOf(set(attribute(CN, text(0x16, 'al')))), /type/],
    ['with @ in PrintableString', subjectOf(set(attribute(CN, text(0x13, 'a@b')))), /type/],
    ['with a constructed string', subjectOf(set(attribute(CN, tlv(0x2c, utf8('a'))))), /type/],
    ['with broken UTF-8', subjectOf(set(attribute(CN, tlv(0x0c, bytes(0x61, 0xff))))), /UTF-8/],
    ['with overlong UTF-8', subjectOf(set(attribute(CN, tlv(0x0c, bytes(0xc1, 0xa1))))), /UTF-8/],
    [
      'with a surrogate',
      subjectOf(set(attribute(CN, tlv(0x0c, bytes(0xed, 0xa0, 0x80))))),
      /UTF-8/,
    ],
    [
      'with a third part in an attribute',
      subjectOf(set(sequence(oid(CN), utf8('alice'), utf8('admin')))),
      /more than a type/,
    ],
    ['with a name of 65 characters', named('a'.repeat(65)), /longer than 64/],
    ['with a decomposed letter', named('Zoe\u0308'), /composed/],
    ['with a space before', named(' alice'), /space/],
    ['with a space after', named('alice '), /space/],
    ['with an empty name', named(''), /empty/],
  ]
  for (const [title, der, why] of rows) {
    it(title, () => assert.match(refusal(der), why))
  }

  const unseen = [
    0x00, 0x09, 0x0a, 0x0d, 0x1b, 0x7f, 0x85, 0x9b, 0xa0, 0xad, 0x61c, 0x115f, 0x200b, 0x200d,
    0x200e, 0x2028, 0x2029, 0x202e, 0x2066, 0x2069, 0x3000, 0x3164, 0xe000, 0xfe0f, 0xfeff, 0xfffd,
    0xffff, 0xe0041, 0x10ffff,
  ]
  for (const point of unseen) {
    it(`with U+${point.toString(16).padStart(4, '0')} in a name`, () => {
      assert.match(refusal(named(`a${String.fromCodePoint(point)}b`)), /cannot be seen/)
    })
  }
})

describe('alternative names are refused', () => {
  const rows: [title: string, name: Uint8Array, why: RegExp][] = [
    ['a DNS name with NUL', text(0x82, 'a\0.example.org'), /ASCII/],
    ['a DNS name with a space', text(0x82, 'a b'), /ASCII/],
    ['an empty DNS name', text(0x82, ''), /empty/],
    ['a DNS name with an empty label', text(0x82, 'a..b'), /no DNS name/],
    ['a wildcard', text(0x82, '*.example.org'), /no DNS name/],
    ['a mail address with two @', text(0x81, 'a@b@c'), /no mail address/],
    ['a mail address without domain', text(0x81, 'a@'), /no mail address/],
    ['a URI with a dot segment', text(0x86, 'spiffe://x/ci/../admin'), /two ways/],
    ['a URI with an encoded dot segment', text(0x86, 'spiffe://x/ci/%2E%2e/a'), /two ways/],
    ['a URI with an encoded slash', text(0x86, 'spiffe://x/ci%2fadmin'), /two ways/],
    ['a URI with a fragment', text(0x86, 'spiffe://x/ci#a'), /no URI/],
    ['a URI with a broken escape', text(0x86, 'spiffe://x/%4'), /no URI/],
    ['a URI without a scheme', text(0x86, '//x/ci'), /no URI/],
    ['an address of five bytes', tlv(0x87, bytes(1, 2, 3, 4, 5)), /no IP/],
    ['an unknown kind', tlv(0x8b, bytes(1)), /unknown kind/],
  ]
  for (const [title, name, why] of rows) {
    it(title, () => assert.match(refusal(withNames(name)), why))
  }

  it('the same name twice, though in another case', () => {
    assert.match(refusal(withNames(text(0x82, 'a.b'), text(0x82, 'A.b'))), /twice/)
  })
  it('more than 64 of them', () => {
    const many = Array.from({ length: 65 }, (_, index) => text(0x82, `h${index}`))
    assert.match(refusal(withNames(...many)), /more than 64/)
  })
})

describe('extensions are refused', () => {
  const any = oid('2.5.29.37.0')
  const server = oid('1.3.6.1.5.5.7.3.1')
  const usage = (...octetsOf: number[]) => extension('2.5.29.15', tlv(0x03, bytes(...octetsOf)))
  const authority = extension('2.5.29.19', sequence(tlv(0x01, bytes(0xff))))
  const explicitNo = extension('2.5.29.19', sequence(tlv(0x01, bytes(0))))
  const rows: [title: string, extensions: Uint8Array[], why: RegExp][] = [
    ['without a purpose', [noAuthority, signingKey], /not for clients/],
    ['for servers', [signingKey, extension('2.5.29.37', sequence(server))], /not for clients/],
    ['for any purpose', [signingKey, extension('2.5.29.37', sequence(any))], /not for clients/],
    ['without a key usage', [clientPurpose], /what its key is for/],
    ['with a key that only agrees keys', [clientPurpose, usage(3, 0x08)], /may not sign/],
    ['with a key that signs certificates', [clientPurpose, usage(2, 0x84)], /authority/],
    ['with a key usage of no bits', [clientPurpose, usage(0)], /may not sign/],
    ['with a key usage that ends in zeros', [clientPurpose, usage(6, 0x80)], /DER/],
    ['with a key usage that has unused bits set', [clientPurpose, usage(7, 0xff)], /DER/],
    ['of an authority', [signingKey, clientPurpose, authority], /authority/],
    ['with FALSE spelled out', [signingKey, clientPurpose, explicitNo], /authority/],
    ['twice the same', [...usual, clientPurpose], /extension twice/],
    [
      'two lists of alternative names',
      [...usual, alternativeNames(text(0x82, 'a')), alternativeNames(text(0x82, 'b'))],
      /extension twice/,
    ],
    ['critical and unknown', [...usual, extension('1.2.3.4', sequence(), true)], /1\.2\.3\.4/],
    [
      'with a flag that is TRUE in BER only',
      [...usual, sequence(oid('1.2.3'), tlv(0x01, bytes(1)), octets(sequence()))],
      /DER/,
    ],
    [
      'with bytes after the value',
      [
        signingKey,
        extension('2.5.29.37', Buffer.concat([sequence(oid('1.3.6.1.5.5.7.3.2')), bytes(5, 0)])),
      ],
      /exactly one/,
    ],
  ]
  for (const [title, extensions, why] of rows) {
    it(title, () => assert.match(refusal(certificate({ extensions })), why))
  }

  it('but not one that is unknown and not critical', () => {
    const extensions = [...usual, extension('1.2.3.4', sequence())]
    assert.equal(principal(certificate({ extensions })).name, 'alice')
  })
})

describe('a certificate is refused', () => {
  const from = text(0x17, '260101000000Z')
  const serial = (...octetsOf: number[]) => certificate({ serial: tlv(0x02, bytes(...octetsOf)) })
  const usualBytes = certificate()
  const padded = (der: Uint8Array) =>
    Buffer.concat([bytes(0x30, 0x83, 0), der.subarray(2, 4), der.subarray(4)])
  const rows: [title: string, der: Uint8Array, why: RegExp][] = [
    ['when empty', bytes(), /exactly one/],
    ['with bytes after it', Buffer.concat([usualBytes, bytes(0)]), /cut short|exactly one/],
    ['twice', Buffer.concat([usualBytes, usualBytes]), /exactly one/],
    ['with a fourth part', certificate({ after: sequence() }), /three parts/],
    ['with a padded length', padded(usualBytes), /padded length/],
    ['with an indefinite length', bytes(0x30, 0x80, 0, 0), /indefinite/],
    ['with a length beyond sense', bytes(0x30, 0x84, 0, 0, 0, 1, 0), /impossible/],
    ['with a tag of two bytes', bytes(0x3f, 0x30, 0), /tag/],
    ['above 16 KiB', Buffer.alloc(16 * 1024 + 1), /larger/],
    ['of version 1', certificate({ version: Buffer.alloc(0) }), /version|missing/],
    ['of version 2', certificate({ version: tlv(0xa0, tlv(0x02, bytes(1))) }), /version 3/],
    ['with a negative serial', serial(0x80), /out of range/],
    ['with a padded serial', serial(0, 1), /padded/],
    ['with an empty serial', serial(), /empty/],
    ['with serial zero', serial(0), /zero/],
    ['with a serial of 21 octets', serial(...Array(21).fill(1)), /out of range/],
    ['with an offset instead of Z', times(text(0x17, '260101000000+0000'), from), /UTC/],
    ['with a time without seconds', times(text(0x17, '2601010000Z'), from), /UTC/],
    ['with fractions of a second', times(text(0x18, '20260101000000.5Z'), from), /UTC/],
    ['with the 30th of February', times(text(0x17, '260230000000Z'), from), /calendar/],
    ['with the 24th hour', times(text(0x17, '260130240000Z'), from), /calendar/],
    ['with a third time', times(from, from, from), /more than two/],
    ['that ends before it begins', times(from, text(0x17, '250101000000Z')), /ends before/],
    [
      'with a second signature algorithm',
      certificate({ algorithm: sequence(oid('1.2.840.10045.4.3.3')) }),
      /two signature algorithms/,
    ],
    ['with a unique identifier', certificate({ beforeExtensions: tlv(0x82, bytes(0, 1)) }), /list/],
  ]
  for (const [title, der, why] of rows) {
    it(title, () => assert.match(refusal(der), why))
  }

  it('cut at any byte', () => {
    for (let length = 0; length < usualBytes.length; length += 1) {
      refusal(usualBytes.subarray(0, length))
    }
  })
})

describe('no bytes', () => {
  const sound = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u
  const base = Buffer.from(
    withNames(text(0x82, 'ci.example.org'), text(0x81, 'a@b.c'), text(0x86, 'spiffe://x/y')),
  )

  function check(der: Uint8Array): void {
    const outcome = read(der)
    if (isFailure(outcome)) return
    const texts = [outcome.org, outcome.unit, outcome.dns, outcome.email, outcome.uri, outcome.ip]
    for (const name of [outcome.name, ...texts.flat()]) {
      assert.match(name, sound)
      assert.equal(name, name.trim())
    }
    assert.match(outcome.serial, /^[1-9a-f][0-9a-f]{0,39}$/)
    assert.ok(outcome.notBefore <= outcome.notAfter)
  }

  it('throw or make an unprintable principal, however a certificate is damaged', () => {
    const change = fc.tuple(
      fc.nat(base.length - 1),
      fc.nat(255),
      fc.constantFrom('set', 'in', 'out'),
    )
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let der = Buffer.from(base)
        for (const [at, octet, how] of changes) {
          if (how === 'set') der[at] = octet
          else if (how === 'out') der = Buffer.concat([der.subarray(0, at), der.subarray(at + 1)])
          else der = Buffer.concat([der.subarray(0, at), bytes(octet), der.subarray(at)])
        }
        check(der)
      }),
      { numRuns: 1000 },
    )
  })

  it('throw or make an unprintable principal, however a bit is flipped', () => {
    for (let bit = 0; bit < base.length * 8; bit += 1) {
      const der = Buffer.from(base)
      der[bit >> 3] = (der[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      check(der)
    }
  })

  it('make a name of text that was not there, whatever text it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 70 }), (name) => {
        const outcome = read(named(name))
        if (!isFailure(outcome)) assert.equal(outcome.name, name)
        check(named(name))
      }),
      { numRuns: 1000 },
    )
  })

  it('throw when they are no certificate at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (der) => {
        check(der)
      }),
      { numRuns: 1000 },
    )
  })
})
