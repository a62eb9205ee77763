import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRoles } from '../../src/config/roles-file.ts'
import type { Principal } from '../../src/identity/principal.ts'
import { compilePolicy, type Policy } from '../../src/policy/policy.ts'
import { person } from '../helpers/person.ts'

function policy(text: string): Policy {
  const read = parseRoles(text, 'roles.yaml')
  assert.ok('file' in read)
  return compilePolicy(read.file, '')
}

const noon = Date.parse('2027-01-31T12:00:00Z')

const grants = `
grants:
  - to: {name: alice}
    roles: [viewer]
  - to: {unit: dev, org: Example}
    roles: [developer]
  - to: {uri: "spiffe://example.org/ci/*"}
    roles: [builder]
  - to: {email: ops@example.com}
    roles: [operator]
    from: [192.0.2.0/24]
    until: 2027-01-31T18:00:00Z
`

const rows: readonly (readonly [string, Principal, string, number, string[]])[] = [
  ['a name', person('alice'), '::1', noon, ['viewer']],
  ['a name in other letters', person('Alice'), '::1', noon, []],
  ['a name with more after it', person('alice.evil'), '::1', noon, []],
  [
    'all facts of a grant',
    person('x', { unit: ['dev'], org: ['Example'] }),
    '::1',
    noon,
    ['developer'],
  ],
  ['one of two facts', person('x', { unit: ['dev'] }), '::1', noon, []],
  [
    'one segment of a uri',
    person('x', { uri: ['spiffe://example.org/ci/a'] }),
    '::1',
    noon,
    ['builder'],
  ],
  ['two segments of a uri', person('x', { uri: ['spiffe://example.org/ci/a/b'] }), '::1', noon, []],
  [
    'another host in a uri',
    person('x', { uri: ['spiffe://example.org.evil/ci/a'] }),
    '::1',
    noon,
    [],
  ],
  [
    'the right network',
    person('x', { email: ['ops@example.com'] }),
    '192.0.2.9',
    noon,
    ['operator'],
  ],
  [
    'a mapped address',
    person('x', { email: ['ops@example.com'] }),
    '::ffff:192.0.2.9',
    noon,
    ['operator'],
  ],
  ['another network', person('x', { email: ['ops@example.com'] }), '198.51.100.1', noon, []],
  [
    'a time past',
    person('x', { email: ['ops@example.com'] }),
    '192.0.2.9',
    noon + 7 * 3_600_000,
    [],
  ],
]

describe('grants', () => {
  const compiled = policy(grants)
  for (const [what, who, address, now, expected] of rows) {
    it(`give ${expected.join(', ') || 'nothing'} for ${what}`, () => {
      const roles = compiled.rolesOf(who, address, now).map((role) => role.name)
      assert.deepEqual(roles, expected)
    })
  }

  it('cost what few cost when they are many', () => {
    const many = Array.from(
      { length: 10_000 },
      (_, index) => `  - {to: {name: u${index}}, roles: [viewer]}`,
    )
    const large = policy(`grants:\n${many.join('\n')}\n`)
    assert.deepEqual(
      large.rolesOf(person('u9999'), '::1', noon).map((role) => role.name),
      ['viewer'],
    )
  })
})

describe('grants of several roles', () => {
  it('mean the same in any order: the widest role is asked first', () => {
    const names = ['developer', 'deployer', 'viewer', 'admin', 'operator']
    const one = (role: string): string => `  - {to: {name: a}, roles: [${role}]}`
    for (const order of [names, names.toReversed()]) {
      const compiled = policy(`grants:\n${order.map(one).join('\n')}\n`)
      assert.deepEqual(
        compiled.rolesOf(person('a'), '::1', noon).map((role) => role.name),
        ['admin', 'operator', 'viewer', 'deployer', 'developer'],
      )
    }
  })
})

describe('roles', () => {
  it('take permissions from what they include, but neither its reach nor its limits', () => {
    const role = policy('roles: {mine: {includes: [admin], deny: [image.rm]}}').roles.get('mine')
    assert.ok(role)
    assert.ok(role.allows.has('container.create'))
    assert.ok(role.denies.has('image.rm'))
    assert.deepEqual(role.on, { kind: 'own' })
    assert.notEqual(role.limits, 'none')
  })

  it('are without limits only where they say so', () => {
    const unlimited = [...policy('').roles.values()].filter((role) => role.limits === 'none')
    assert.deepEqual(
      unlimited.map((role) => role.name),
      ['admin'],
    )
  })
})
