import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { firstRoles } from '../../src/config/first-roles.ts'
import { addGrant, removeGrant } from '../../src/config/roles-edit.ts'
import { parseRoles } from '../../src/config/roles-file.ts'

const alice = { name: 'alice' }

/** The lines that one text has and the other has not, in the order of either. */
function difference(before: string, after: string): string[] {
  const [was, is] = [before.split('\n'), after.split('\n')]
  return [
    ...was.filter((line) => !is.includes(line)).map((line) => `-${line}`),
    ...is.filter((line) => !was.includes(line)).map((line) => `+${line}`),
  ]
}

const written = `# top   comment
roles:
  mine: { allow: [ 'image.ls' ],   on: all, limits: { images: ['docker.io/library/*'], memory: 2GiB, publish: ["127.0.0.1:8000-8999"], subnets: [192.0.2.0/24] } }    # spaced
grants:
    - to: { unit: dev, org: Example }    # all of these
      roles: [developer]

    # the block one
    - to:
        name: alice
      roles:
          - operator   # why
          - viewer
    - to: { name: bob }
      roles: [viewer, monitor]   # bob's
    - {to: {name: carol}, roles: [viewer], from: [192.0.2.0/24]}
    # the end
`

const rows: readonly (readonly [string, (text: string) => { text: string }, string[]])[] = [
  [
    'a grant to somebody new',
    (text) => addGrant(text, { name: 'dave' }, 'viewer'),
    ['+    - to: { name: dave }'],
  ],
  [
    'a role for a list in a block',
    (text) => addGrant(text, alice, 'monitor'),
    ['+          - monitor'],
  ],
  [
    'a role for a list on a line',
    (text) => addGrant(text, { org: 'Example', unit: 'dev' }, 'viewer'),
    ['-      roles: [developer]', '+      roles: [developer, viewer]'],
  ],
  [
    'a role that is given at a place only',
    (text) => addGrant(text, { name: 'carol' }, 'viewer'),
    ['+    - to: { name: carol }', '+      roles: [viewer]'],
  ],
  [
    'a role taken from a list in a block',
    (text) => removeGrant(text, alice, 'operator'),
    ['-          - operator   # why'],
  ],
  [
    'the first role taken from a list on a line',
    (text) => removeGrant(text, { name: 'bob' }, 'viewer'),
    ["-      roles: [viewer, monitor]   # bob's", "+      roles: [monitor]   # bob's"],
  ],
  [
    'the only role taken, and the grant with it',
    (text) => removeGrant(text, { name: 'carol' }, 'viewer'),
    ['-    - {to: {name: carol}, roles: [viewer], from: [192.0.2.0/24]}'],
  ],
]

const layouts: readonly (readonly [string, string])[] = [
  ['the first start', firstRoles('admin')],
  ['a person', written],
  ['Windows', written.replaceAll('\n', '\r\n')],
  ['somebody who ends without a newline', written.replace(/\n {4}# the end\n$/, '')],
  ['a program', '{"roles": {}, "grants": [{"to": {"name": "bob"}, "roles": ["viewer"]}]}'],
  ['nobody, in a list', 'roles: {}\ngrants: []   # none yet\n'],
  ['nobody, with nothing after the colon', 'grants:\nroles: {}\n'],
  ['nobody at all', '# only a comment\n'],
]

/** Who has which role, whence and until when: one line each, whatever the layout. */
function policyOf(text: string): string[] {
  const read = parseRoles(text, 'roles.yaml')
  assert.ok('file' in read, text)
  return read.file.grants
    .flatMap(({ facts, anyone, roles, from, untilMs }) =>
      roles.map((role) =>
        JSON.stringify([facts, anyone, role, from?.map((network) => network.text), untilMs]),
      ),
    )
    .toSorted()
}

function isFaulty(text: string): boolean {
  return 'faults' in parseRoles(text, 'roles.yaml')
}

describe('an edit of roles.yaml', () => {
  for (const [what, edit, expected] of rows) {
    it(`changes no other line for ${what}`, () => {
      const changed = difference(written, edit(written).text)
      for (const line of expected) assert.ok(changed.includes(line), changed.join('\n'))
      assert.ok(changed.length <= Math.max(expected.length, 2), changed.join('\n'))
    })
  }

  for (const [author, text] of layouts) {
    it(`is understood in what ${author} wrote`, () => {
      const granted = addGrant(text, alice, 'builder')
      assert.ok('file' in parseRoles(granted.text, 'roles.yaml'), granted.text)
      assert.equal(addGrant(granted.text, alice, 'builder').changed, false)
      const revoked = removeGrant(granted.text, alice, 'builder')
      assert.ok('file' in parseRoles(revoked.text, 'roles.yaml'), revoked.text)
      assert.equal(removeGrant(revoked.text, alice, 'builder').changed, false)
      if (/name"?: "?(alice|bob|admin)/.test(text)) assert.equal(revoked.text, text)
    })
  }

  it('quotes a name that YAML would read as something else', () => {
    const names = fc.oneof(
      fc.constantFrom(
        'true',
        '007',
        '1e5',
        '~',
        '- a',
        '{x',
        'a: b',
        'a, b',
        'x]',
        '#x',
        ' a ',
        '"',
      ),
      fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    )
    fc.assert(
      fc.property(names, fc.constantFrom(...layouts), (name, [, text]) => {
        fc.pre(!name.includes('*'))
        const read = parseRoles(addGrant(text, { name }, 'viewer').text, 'roles.yaml')
        assert.ok('file' in read)
        assert.ok(read.file.grants.some(({ facts }) => facts[0]?.[1] === name))
      }),
      { numRuns: 200 },
    )
  })

  it('never widens a grant that holds only for a time or a place', () => {
    const until = { until: '2027-01-31T18:00:00Z' }
    const text = addGrant(firstRoles('admin'), alice, 'viewer', until).text
    const more = addGrant(text, alice, 'operator').text
    assert.equal(more.match(/name: alice/g)?.length, 2)
  })

  // Each is a way to write a scalar; the second is what the gateway reads, undefined where it refuses.
  const scalars: readonly (readonly [string, string?])[] = (
    '7 007 0o7 0x7 07.0 7.0 1e3 1E3 1000 +7 -0 .5 .inf ' +
    '0b11 1_000 12:30:45 2027-01-31 2027-01-31T18:00:00Z yes off y'
  )
    .split(' ')
    .map((word) => [word, word] as const)
  const spelled: readonly (readonly [string, string?])[] = [
    ...scalars,
    ...scalars.map(([word, read]) => [`"${word}"`, read ?? ''] as const),
    ...scalars.map(([word, read]) => [`'${word}'`, read ?? ''] as const),
    ...['true', 'null', '~'].map((word) => [`"${word}"`, word] as const),
    ['"\\x37"', '7'],
    ...['true', 'False', 'null', '~', 'NULL', '""'].map((word) => [word] as const),
  ]
  const words = [...new Set(spelled.flatMap(([, read]) => read ?? []))]

  it('gives the old policy and the one grant, or the old policy without it, and nothing else', () => {
    const roles = fc.uniqueArray(fc.constantFrom('viewer', 'operator', 'admin'), { minLength: 1 })
    const grants = fc.array(fc.tuple(fc.constantFrom(...spelled), roles, fc.boolean()), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(grants, fc.constantFrom(...words), fc.boolean(), (given, name, isBlock) => {
        const items = given.map(([[source], has, isBound]) => {
          const from = isBound ? ['from: [192.0.2.0/24]'] : []
          const keys = [`to: {name: ${source}}`, `roles: [${has.join(', ')}]`, ...from]
          return isBlock ? `  - ${keys.join('\n    ')}   # ${source}` : `  - {${keys.join(', ')}}`
        })
        const text = `grants:${items.length === 0 ? ' []' : ''}\n${items.join('\n')}\n`
        const readable = given.every(([[, read]]) => read !== undefined)
        assert.equal(isFaulty(text), !readable, text)
        if (!readable) {
          assert.throws(() => addGrant(text, { name }, 'viewer'), /a word is needed here/)
          assert.throws(() => removeGrant(text, { name }, 'viewer'), /a word is needed here/)
          return
        }
        const before = policyOf(text)
        const fact = JSON.stringify([[['name', name]], false, 'viewer', undefined, undefined])
        const isTheirs = (line: string): boolean =>
          line.startsWith(`[[["name",${JSON.stringify(name)}]],false,"viewer",`)
        const granted = addGrant(text, { name }, 'viewer')
        assert.equal(granted.changed, !before.includes(fact))
        const more = granted.changed ? [...before, fact] : before
        assert.deepEqual(policyOf(granted.text), more.toSorted(), granted.text)
        const revoked = removeGrant(text, { name }, 'viewer')
        const fewer = before.filter((line) => !isTheirs(line))
        assert.deepEqual(policyOf(revoked.text), fewer, revoked.text)
        // The scalars of others stay as they were written.
        for (const [index, [[source, read]]] of given.entries()) {
          const line = items[index]?.split('\n')[0] ?? ''
          if (read !== name) assert.ok(revoked.text.includes(line), source)
          if (isBlock || read !== name) assert.ok(granted.text.includes(line), source)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('knows one serial number, address and time in all their spellings', () => {
    const text =
      'grants: [{to: {serial: "0A:1F"}, roles: [viewer]}, {to: {ip: "::1"}, roles: [viewer]}]'
    assert.equal(addGrant(text, { serial: 'a1f' }, 'viewer').changed, false)
    assert.equal(addGrant(text, { ip: '0:0::1' }, 'viewer').changed, false)
    assert.equal(removeGrant(text, { serial: '00a1f' }, 'viewer').changed, true)
  })

  it('takes a role only from the grant with the conditions that are said', () => {
    const from = { from: ['192.0.2.0/24'] }
    const both = addGrant(written, { name: 'dave' }, 'viewer').text
    const text = addGrant(both, { name: 'dave' }, 'viewer', from).text
    assert.equal(addGrant(text, { name: 'dave' }, 'viewer', from).changed, false)
    assert.equal(removeGrant(text, { name: 'dave' }, 'viewer', from).text, both)
    const other = { from: ['198.51.100.0/24'] }
    assert.equal(removeGrant(text, { name: 'dave' }, 'viewer', other).changed, false)
    assert.deepEqual(
      policyOf(removeGrant(text, { name: 'dave' }, 'viewer').text),
      policyOf(written),
    )
  })

  for (const edit of [addGrant, removeGrant]) {
    it(`names what is wrong with the words of ${edit.name} by their names`, () => {
      assert.throws(() => edit(written, { ip: 'junk' }, 'veiwer', { from: ['x'], until: 'y' }), {
        message: [
          'ROLE: unknown role "veiwer"\n  hint: did you mean viewer?',
          'WHO: "junk" is no IP address',
          '--from: "x" is no network\n  hint: 192.0.2.0/24, 2001:db8::/32 or one address',
          '--until: "y" is no time\n  hint: 2027-01-31T18:00:00Z',
        ].join('\n'),
      })
      assert.throws(() => edit(written, { name: '' }, 'viewer'), /^FaultyConfig: WHO: a word/)
    })
  }

  it('takes a role from every grant to the subject', () => {
    const twice = addGrant(written, alice, 'viewer', { from: ['192.0.2.0/24'] }).text
    const text = removeGrant(twice, alice, 'viewer').text
    assert.equal(text.includes('from: [192.0.2.0/24]}'), true)
    assert.deepEqual(difference(text, written), ['+          - viewer'])
  })
})
