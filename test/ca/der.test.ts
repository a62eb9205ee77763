import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CaError } from '../../src/ca/ca-error.ts'
import * as der from '../../src/ca/der.ts'
import type { Der } from '../../src/ca/der.ts'

const hex = (value: Der): string => der.encode(value).toString('hex')

const leaf: fc.Arbitrary<Der> = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => der.unsigned(bytes)),
  fc.nat().map((value) => der.integer(value)),
  fc.boolean().map((value) => der.boolean(value)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => der.octets(bytes)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => der.bits(bytes)),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => der.utf8(text)),
  fc.constantFrom('2.5.4.3', '1.2.840.113549.1.1.11', '2.16.840.1.101.3.4.2.1').map(der.oid),
  fc.constant(der.nothing()),
)
const { tree } = fc.letrec<{ tree: Der }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }).map((parts) => der.sequence(...parts)),
    fc.array(tie('tree'), { maxLength: 4 }).map((parts) => der.set(...parts)),
    fc.tuple(fc.nat(30), tie('tree')).map(([tag, part]) => der.explicit(tag, part)),
  ),
}))

describe('DER', () => {
  it('reads back everything that it writes, to the same octets', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const bytes = der.encode(value)
        assert.deepEqual(der.encode(der.decode(bytes)), bytes)
      }),
      { numRuns: 500 },
    )
  })

  it('has one spelling: what it reads at all, it writes back octet for octet', () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat(255), (value, place, byte) => {
        const bytes = der.encode(value)
        bytes[place % bytes.length] = byte
        let read: Der
        try {
          read = der.decode(bytes)
        } catch (error) {
          assert.ok(error instanceof CaError)
          return
        }
        assert.deepEqual(der.encode(read), bytes)
      }),
      { numRuns: 1000 },
    )
  })

  it('refuses every true prefix of a value, and every value with more after it', () => {
    fc.assert(
      fc.property(tree, fc.nat(), (value, cut) => {
        const bytes = der.encode(value)
        assert.throws(() => der.decode(bytes.subarray(0, cut % bytes.length)), CaError)
        assert.throws(() => der.decode(Buffer.concat([bytes, Buffer.alloc(1)])), CaError)
      }),
      { numRuns: 200 },
    )
  })

  const refused = [
    ['nothing', ''],
    ['an indefinite length', '30800201010000'],
    ['a length with a needless octet', '04810100'],
    ['a length with a leading zero', '0482000100'],
    ['a padded positive integer', '02020001'],
    ['a padded negative integer', '0202ffff'],
    ['a boolean that is neither', '010101'],
    ['a length beyond the end', '30050201'],
    ['a hundred thousand nested sequences', '30'.repeat(100_000)],
  ] as const
  for (const [what, text] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => der.decode(Buffer.from(text, 'hex')), { code: 'bad-der' })
    })
  }

  const written = [
    ['zero', der.integer(0), '020100'],
    ['an integer with its high bit set', der.integer(128), '02020080'],
    ['unsigned octets without their zeros', der.unsigned(Buffer.from('0000ff', 'hex')), '020200ff'],
    ['no octets as zero', der.unsigned(Buffer.alloc(0)), '020100'],
    ['named bits without trailing zeros', der.namedBits([5, 6]), '03020106'],
    ['named bits over two octets', der.namedBits([0, 8]), '0303078080'],
    ['true', der.boolean(true), '0101ff'],
    ['UTF-8', der.utf8('é'), '0c02c3a9'],
    [
      'the last UTCTime',
      der.time(new Date('2049-12-31T23:59:59Z')),
      '170d3439313233313233353935395a',
    ],
    [
      'the first GeneralizedTime',
      der.time(new Date('2050-01-01T00:00:00Z')),
      '180f32303530303130313030303030305a',
    ],
  ] as const
  for (const [what, value, text] of written) {
    it(`writes ${what}`, () => assert.equal(hex(value), text))
  }
})
