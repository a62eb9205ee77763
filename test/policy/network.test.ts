import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  canonicalAddress,
  isInside,
  parseAddress,
  parseNetwork,
  withoutHostBits,
} from '../../src/policy/network.ts'

const rows: readonly (readonly [string, string, boolean])[] = [
  ['192.0.2.0/24', '192.0.2.255', true],
  ['192.0.2.0/24', '192.0.3.0', false],
  ['192.0.2.0/24', '::ffff:192.0.2.7', true],
  ['192.0.2.0/24', '::ffff:c000:207', true],
  ['192.0.2.0/24', '::192.0.2.7', false],
  ['192.0.2.7', '192.0.2.7', true],
  ['192.0.2.7', '192.0.2.70', false],
  ['0.0.0.0/0', '203.0.113.9', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['::/0', '2001:db8::1', true],
  ['::/0', '192.0.2.7', false],
  ['::ffff:192.0.2.0/120', '192.0.2.7', true],
  ['2001:db8::/32', '2001:0DB8:0:0::9', true],
  ['2001:db8::/32', '2001:db9::9', false],
  ['fe80::/10', 'fe80::1%eth0', true],
]

describe('networks', () => {
  for (const [network, address, inside] of rows) {
    it(`${network} ${inside ? 'holds' : 'does not hold'} ${address}`, () => {
      const parsed = [parseNetwork(network), parseAddress(address)] as const
      assert.ok(parsed[0] !== undefined && parsed[1] !== undefined)
      assert.equal(isInside(parsed[1], parsed[0]), inside)
    })
  }

  for (const text of [
    '',
    '192.0.2',
    '192.0.2.07',
    '192.0.2.256',
    '0xc0.0.2.1',
    '192.0.2.0/33',
    '192.0.2.0/024',
    '192.0.2.0/',
    '192.0.2.0/24/24',
    '::1::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '::ffff:192.0.2.0/90',
    'fe80::1%eth0/64',
    '*',
    'localhost',
  ]) {
    it(`${JSON.stringify(text)} is none`, () => assert.equal(parseNetwork(text), undefined))
  }

  it('name themselves without their host bits', () => {
    const named = (text: string): string | undefined => {
      const network = parseNetwork(text)
      return network === undefined ? undefined : withoutHostBits(network)
    }
    assert.equal(named('10.1.2.3/8'), '10.0.0.0/8')
    assert.equal(named('10.0.0.0/8'), undefined)
    assert.equal(named('2001:db8::1/32'), '2001:db8:0:0:0:0:0:0/32')
  })

  it('agree with Node about what an address is and what holds it', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6())
    const prefix = fc.nat({ max: 128 })
    fc.assert(
      fc.property(address, address, prefix, (base, other, length) => {
        assert.notEqual(isIP(base), 0)
        assert.ok(parseAddress(base) !== undefined, base)
        const bits = base.includes(':') ? length : length % 33
        const network = parseNetwork(`${base}/${bits}`)
        const asked = parseAddress(other)
        assert.ok(asked !== undefined)
        // Node reads a mapped address as one of IPv6 and holds IPv4 in networks of IPv6; not so here.
        if (network === undefined || network.family !== (base.includes(':') ? 6 : 4)) return
        if (asked.family !== network.family || other.includes(':') !== base.includes(':')) return
        const list = new BlockList()
        list.addSubnet(base, bits, base.includes(':') ? 'ipv6' : 'ipv4')
        const held = list.check(other, other.includes(':') ? 'ipv6' : 'ipv4')
        assert.equal(isInside(asked, network), held, `${other} in ${base}/${bits}`)
      }),
      { numRuns: 500 },
    )
  })

  it('spell one address in one way, once and for all', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const once = canonicalAddress(address)
        assert.ok(once !== undefined)
        assert.equal(canonicalAddress(once), once)
      }),
      { numRuns: 300 },
    )
  })
})
