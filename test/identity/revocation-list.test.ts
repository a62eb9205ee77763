import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readRevocationList } from '../../src/identity/revocation-list.ts'
import { createAuthority } from '../helpers/authority.ts'
import {
  algorithm,
  newKey,
  octets,
  oid,
  rdn,
  sequence,
  signed,
  text,
  tlv,
  yes,
  CN,
} from '../helpers/certificate-der.ts'

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64')
}

const serials = [0x7f, 0x01].map((octet) => tlv(0x02, Buffer.from([octet, 0xab])))
const good = derOf(createAuthority('CA').revocationList({ number: 5, serials }))
const { privateKey } = newKey()
const version2 = tlv(0x02, Buffer.from([1]))
const issuer = sequence(rdn(CN, 'CA'))
const day = (iso: string): Uint8Array => text(0x17, iso)
const from = day('260101000000Z')
const until = day('270101000000Z')
const extension = (id: string, value: Uint8Array, ...critical: Uint8Array[]): Uint8Array =>
  sequence(oid(id), ...critical, octets(value))
const crlNumber = extension('2.5.29.20', tlv(0x02, Buffer.from([1])))
const extensions = (...list: Uint8Array[]): Uint8Array => tlv(0xa0, sequence(...list))
const list = (...parts: Uint8Array[]): Uint8Array => signed(sequence(...parts), privateKey)
const entry = (...more: Uint8Array[]): Uint8Array =>
  sequence(sequence(tlv(0x02, Buffer.from([9])), from, ...more))

const refused: readonly (readonly [what: string, der: Uint8Array, why: RegExp])[] = [
  ['version 1', list(algorithm, issuer, from, until), /version/],
  ['no next date', list(version2, algorithm, issuer, from, extensions(crlNumber)), /next one/],
  [
    'an end before its beginning',
    list(version2, algorithm, issuer, until, from, extensions(crlNumber)),
    /ends before/,
  ],
  ['no number', list(version2, algorithm, issuer, from, until), /no number/],
  [
    'two numbers',
    list(version2, algorithm, issuer, from, until, extensions(crlNumber, crlNumber)),
    /two numbers/,
  ],
  [
    'a delta list',
    list(
      version2,
      algorithm,
      issuer,
      from,
      until,
      extensions(crlNumber, extension('2.5.29.27', version2, yes)),
    ),
    /critical extension 2\.5\.29\.27/,
  ],
  [
    'a list of some reasons only',
    list(
      version2,
      algorithm,
      issuer,
      from,
      until,
      extensions(crlNumber, extension('2.5.29.28', sequence(), yes)),
    ),
    /critical extension 2\.5\.29\.28/,
  ],
  [
    "another issuer's entry",
    list(
      version2,
      algorithm,
      issuer,
      from,
      until,
      entry(sequence(extension('2.5.29.29', sequence(), yes))),
      extensions(crlNumber),
    ),
    /critical extension 2\.5\.29\.29/,
  ],
  ['a byte behind it', Buffer.concat([good, Buffer.from([0])]), /cut short|one DER value/],
]

describe('a revocation list', () => {
  it('is read with its number, its times and its serial numbers', () => {
    const read = readRevocationList(good)
    assert.ok(typeof read !== 'string')
    assert.equal(read.number, 5n)
    assert.deepEqual([...read.revoked], ['7fab', '1ab'])
    assert.ok(read.nextUpdate > read.thisUpdate)
  })
  for (const [what, der, why] of refused) {
    it(`is refused with ${what}`, () => {
      const read = readRevocationList(der)
      assert.ok(typeof read === 'string')
      assert.match(read, why)
    })
  }
  it('that was damaged anywhere is refused in words, or is another list, but breaks nothing', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(good)
        damaged[at] = (damaged[at] ?? 0) ^ change
        const read = readRevocationList(damaged)
        assert.ok(typeof read === 'string' || read.signed.length > 0)
      }),
      { numRuns: 2_000 },
    )
  })
  it('that was cut anywhere is refused', () => {
    for (let length = 0; length < good.length; length += 1) {
      assert.equal(typeof readRevocationList(good.subarray(0, length)), 'string')
    }
  })
})
