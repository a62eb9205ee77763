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
  mine: { allow: [ 'image.ls' ],   on: all }    # spaced
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

  it('takes a role from every grant to the subject', () => {
    const twice = addGrant(written, alice, 'viewer', { from: ['192.0.2.0/24'] }).text
    const text = removeGrant(twice, alice, 'viewer').text
    assert.equal(text.includes('from: [192.0.2.0/24]}'), true)
    assert.deepEqual(difference(text, written), ['+          - viewer'])
  })
})
