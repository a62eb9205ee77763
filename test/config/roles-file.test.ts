import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firstRoles } from '../../src/config/first-roles.ts'
import { parseRoles } from '../../src/config/roles-file.ts'

function faultsOf(text: string): string[] {
  const read = parseRoles(text, 'roles.yaml')
  return 'faults' in read
    ? read.faults.map(
        ({ where, message, hint }) => `${where}: ${message}${hint ? ` (${hint})` : ''}`,
      )
    : []
}

const rows: readonly (readonly [string, RegExp])[] = [
  [
    'roles: {b: {allow: [image.biuld]}}',
    /^roles\.yaml:1:21: roles\.b\.allow\[0\]: unknown permission "image\.biuld" \(did you mean image\.build\?\)$/,
  ],
  ['roles: {b: {alow: [image.build]}}', /unknown key "alow" \(did you mean allow\?\)/],
  ['rules: {}', /unknown key "rules" \(did you mean roles\?\)/],
  ['roles: {admin: {allow: ["*"]}}', /"admin" is built in/],
  ['roles: {b: {on: mine}}', /unknown reach "mine"/],
  ['roles: {b: {limits: {memory: lots}}}', /"lots" is no size/],
  ['roles: {b: {limits: {memroy: 2GiB}}}', /unknown key "memroy" \(did you mean memory\?\)/],
  ['roles: {b: {limits: {cpus: 0}}}', /"0" is no amount/],
  ['roles: {b: {limits: {pids: -1}}}', /"-1" is no amount/],
  ['roles: {b: {limits: {publish: ["80-70"]}}}', /"80-70" is no range of ports/],
  ['roles: {b: {limits: {publish: ["host:80"]}}}', /"host:80" is no range of ports/],
  ['roles: {b: {limits: {binds: [{source: /srv/../etc}]}}}', /no absolute path/],
  ['roles: {b: {limits: {binds: [{readOnly: true}]}}}', /it names no source/],
  ['roles: {b: {limits: {binds: [{source: /srv, readOnly: "yes"}]}}}', /it is true or false/],
  [
    'roles: {b: {limits: {binds: [{source: /srv, readOnly: true}]}}, c: {limits: {binds: [{source: /srv/in/tray}]}}}',
    /roles\.b: limits\.binds: below \/srv, \/srv\/in\/tray is writable for role "c"/,
  ],
  ['roles: {b: {limits: {images: ["a b"]}}}', /no pattern of images/],
  ['roles: {b: {limits: {namespaces: [net]}}}', /unknown word "net"/],
  ['roles: {b: {limits: {user: root}}}', /unknown word "root"/],
  ['roles: {b: {limits: {subnets: [10.0.0.1/8]}}}', /bits beyond its length/],
  ['roles: {b: {limits: {capabilities: ["net admin"]}}}', /is no capability/],
  ['roles: {b: {limits: {exec: {comands: [sh]}}}}', /unknown key "comands"/],
  ['roles: {b: {limits: no}}', /unknown limits "no"/],
  ['roles: {a: {includes: [b]}, b: {includes: [a]}}', /includes itself/],
  ['grants: [{to: {name: a}, roles: [veiwer]}]', /unknown role "veiwer" \(did you mean viewer\?\)/],
  ['grants: [{to: {}, roles: [viewer]}]', /it names nobody/],
  ['grants: [{roles: [viewer]}]', /does not say to whom/],
  ['grants: [{to: {name: "*"}, roles: [viewer]}]', /"\*" means nothing in name/],
  ['grants: [{to: {anyone: true, name: a}, roles: [viewer]}]', /stands alone/],
  [
    'grants: [{to: {name: a}, roles: [viewer], from: [10.0.0.1/8]}]',
    /did you mean 10\.0\.0\.0\/8\?/,
  ],
  ['grants: [{to: {name: a}, roles: [viewer], from: []}]', /names no network/],
  ['grants: [{to: {name: a}, roles: [viewer], until: tomorrow}]', /"tomorrow" is no time/],
  [
    'grants: [{to: {name: a}, roles: [viewer], until: 2027-02-30T00:00:00Z}]',
    /"2027-02-30T00:00:00Z" is no time/,
  ],
  ['grants: [{to: {serial: 0x1f}, roles: [viewer]}]', /"0x1f" is no serial number/],
  ['roles: {b: {deny: [system.ping]}}', /system\.ping answers every certificate/],
  ['roles: {b: {hide: [enw]}}', /unknown kind "enw" \(did you mean env\?\)/],
  ['roles: {b: {hide: [secrets]}}', /unknown kind "secrets" \(there are env, args, labels, /],
  ['roles: {b: {hide: [label:x]}}', /unknown kind "label" \(did you mean labels\?\)/],
  ['roles: {b: {hide: ["env:PASS*"]}}', /only labels has a pattern/],
  ['roles: {b: {hide: ["labels:"]}}', /the pattern is empty/],
  ['roles: {b: {hide: []}}', /it hides nothing/],
  ['roles: {b: {hide: env}}', /a list is needed here/],
  ['roles: {b: {transcript: true}}', /transcript has no effect without exec\.start or container/],
  ['roles: {b: {transcript: false}}', /transcript: it is true or left out/],
  ['roles: {b: {transcript: {input: false}}}', /it is true or left out/],
  ['roles: {b: {transcript: {}}}', /it is true or left out/],
  ['roles: {b: {transcript: {inputs: true}}}', /unknown key "inputs"/],
  ['roles: {b: {streams: {idle: 10ms}}}', /streams\.idle: this is shorter than a second/],
  ['roles: {b: {streams: {}}}', /streams: it says nothing/],
  ['roles: {b: {mayGrant: [operator]}}', /mayGrant has no effect without dockgate\.grant/],
  ['roles: {b: {allow: [dockgate.grant], mayGrant: [oprator]}}', /did you mean operator\?/],
  ['roles: {b: {allow: [dockgate.grant], mayGrant: {oprator: 1h}}}', /did you mean operator\?/],
  ['roles: {b: {allow: [dockgate.grant], mayGrant: []}}', /it names no role/],
  ['roles: {b: {allow: [dockgate.grant], mayGrant: {operator: ever}}}', /"ever" is no time/],
  ['roles: {b: {allow: [dockgate.grant], mayGrant: {operator: 8d}}}', /"8d" is no time/],
  ['roles: {b: {allow: [dockgate.grant], mayGrant: {operator: 0h}}}', /"0h" is no time/],
  ['roles: {b: {on: {label: {"a=b": c}}}}', /"a=b" is no label's key/],
  ['roles: {b: {mode: tryout}}', /unknown mode "tryout" \(mode: trial, or left out/],
  ['roles: {b: {mode: [trial]}}', /a word is needed here/],
  // By way of a role in force, a role on trial would give rights.
  [
    'roles: {a: {mode: trial, allow: ["*"]}, b: {includes: [viewer, a]}}',
    /roles\.b: it includes "a", which is on trial/,
  ],
  ['roles: {}\nroles: {}', /^roles\.yaml:2:1: /],
  ['roles: &x {}\ngrants: *x', /anchors, aliases and tags/],
  ['roles: !!js/function x', /anchors, aliases and tags|Unresolved tag/],
  ...['!!str x', '!!map {}', '!!bool true', '!!null', '! x', '!x y'].map(
    (tagged) => [`roles: {b: {on: ${tagged}}}`, /anchors, aliases and tags/] as const,
  ),
  ['!!map\nroles: {}', /anchors, aliases and tags/],
  ['roles: [', /^roles\.yaml:/],
]

describe('roles.yaml', () => {
  for (const [text, expected] of rows) {
    it(`finds fault with ${text.replaceAll('\n', ' ')}`, () => {
      const faults = faultsOf(text)
      assert.ok(
        faults.some((fault) => expected.test(fault)),
        faults.join('\n') || 'no fault',
      )
    })
  }

  it('tells all its faults at once', () => {
    assert.equal(faultsOf('roles: {a: {alow: [x]}, b: {on: mine}}\ngrant: []').length, 3)
  })

  it('keeps every label that bounds a role, whatever its key', () => {
    const read = parseRoles('roles: {b: {on: {label: {__proto__: x, tier: dev}}}}', 'roles.yaml')
    assert.ok('file' in read)
    const on = read.file.roles[0]?.on
    assert.ok(on?.kind === 'label')
    assert.deepEqual(Object.entries(on.labels), [
      ['__proto__', 'x'],
      ['tier', 'dev'],
    ])
  })

  it('is without fault as the first start writes it', () => {
    assert.deepEqual(faultsOf(firstRoles('admin')), [])
  })
})
