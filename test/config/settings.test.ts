import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { unlimited } from '../../src/config/load-limits.ts'
import { readSettings } from '../../src/config/settings.ts'

const read = (yaml: string, env: Record<string, string> = {}) => readSettings(env, '/x', () => yaml)

const refused: readonly (readonly [string, RegExp])[] = [
  ['grace: 900h', /grace: "900h" is longer than can be timed/],
  ['grace: 597h', /longer than can be timed/],
  ['grace: 10', /"10" is no duration/],
  ['engine: unix:///', /"unix:\/\/\/" is no unix socket/],
  ['engine: unix:///run/', /is no unix socket/],
  ['engine: tcp://127.0.0.1:2375', /is no unix socket/],
  [`engine: unix:///${'x'.repeat(107)}`, /too long for a unix socket/],
  ...[
    '999.0.0.1:1',
    '1.2.3:1',
    '127.1:1',
    '010.0.0.1:1',
    '0x7f000001:1',
    'a.0x1:1',
    '"[1.2.3.4]:1"',
    '"[beef]:1"',
    '"[::g]:1"',
    '"[1::2::3]:1"',
    '127.0.0.1%lo:1',
    'a..b:1',
    'localhost',
    'localhost:65536',
  ].map((listen) => [`listen: ${listen}`, /is no address to listen on/] as const),
  ['audit: audit.txt', /audit: "audit.txt" does not end in .log/],
  ['audit: { file: audit.txt }', /audit.file: "audit.txt" does not end in .log/],
  ['audit: [audit.log]', /a word is needed|mapping/],
  ['audit: { onfailure: refuse }', /unknown key "onfailure"/],
  ['audit: { onFailure: ignore }', /audit.onFailure: "ignore" is unknown/],
  ['audit: { rotate: { size: 1KiB } }', /audit.rotate.size: this is no size/],
  ['audit: { rotate: { size: 17GiB } }', /audit.rotate.size: this is no size/],
  ['audit: { rotate: { daily: yes } }', /audit.rotate.daily: this is neither true nor false/],
  ['audit: { sink: syslog }', /audit.sink: "syslog" is nowhere to send the audit to/],
  ['audit: { sink: "tcp://127.0.0.1" }', /audit.sink: .* is nowhere/],
  ['audit: { sink: "tcp://127.0.0.1:70000" }', /audit.sink: .* is nowhere/],
  ['audit: { sink: "unix://run/logs.sock" }', /audit.sink: .* is nowhere/],
  ['audit: { keep: { days: 0 } }', /audit.keep.days: .*whole number above zero/],
  ['audit: { keep: { files: 1.5 } }', /audit.keep.files: .*whole number above zero/],
  ['transcripts: { size: 1KiB }', /transcripts.size: this is no size/],
  ['transcripts: { keep: 1 }', /unknown key "keep"/],
  ['limits: { client: { requests: 100 } }', /limits.client.requests: "100" cannot be a limit/],
  ['limits: { client: { inFlight: 0 } }', /limits.client.inFlight: "0" cannot be a limit/],
  ['limits: { client: { streams: many } }', /limits.client.streams: "many" cannot be a limit/],
  ['limits: { clients: { streams: 1 } }', /unknown key "clients"/],
  ['limits: { address: { handshake: 1/s } }', /unknown key "handshake"/],
  ['limits: { time: { headers: none } }', /"none" is no duration/],
  ['limits: { time: { body: 0s } }', /limits.time.body: "0s" cannot be a limit/],
  ['limits: { headers: { bytes: 1KiB } }', /limits.headers.bytes: "1KiB" cannot be a limit/],
  ['limits: { headers: { count: 3 } }', /limits.headers.count: "3" cannot be a limit/],
  ['issuers: {}', /it names no authority/],
  ['issuers: { partner: anyone }', /"partner" is no SHA-256 fingerprint/],
  [`issuers: { "${'ab'.repeat(32)}": everyone }`, /this is no rule/],
  [`issuers: { "${'ab'.repeat(32)}": { nam: [x] } }`, /unknown key "nam"/],
  [`issuers: { "${'ab'.repeat(32)}": { org: [Partner] } }`, /it lets nobody be named/],
  [`issuers: { "${'ab'.repeat(32)}": { name: ['*-*'] } }`, /a pattern has one \* at most/],
  ['listen: !!str localhost:1', /anchors, aliases and tags/],
]

describe('dockgate.yaml', () => {
  for (const [yaml, expected] of refused) {
    it(`finds fault with ${yaml.slice(0, 40)}`, () => {
      const found = read(yaml)
      assert.ok('faults' in found)
      assert.match(found.faults.map(({ message }) => message).join('\n'), expected)
    })
  }

  it('finds the same fault in the environment, and names the variable', () => {
    const found = read('', { DOCKGATE_LISTEN: '999.0.0.1:1', DOCKGATE_GRACE: '900h' })
    assert.ok('faults' in found)
    assert.deepEqual(
      found.faults.map(({ where }) => where),
      ['DOCKGATE_LISTEN', 'DOCKGATE_GRACE'],
    )
  })

  const listens = [
    ['"[::]:2376"', '::'],
    ['"[::ffff:127.0.0.1]:1"', '::ffff:127.0.0.1'],
    ['127.0.0.1:0', '127.0.0.1'],
    ['":2376"', '0.0.0.0'],
    ['localhost:1', 'localhost'],
    ['my_gate.example-1.com:1', 'my_gate.example-1.com'],
  ] as const
  for (const [listen, host] of listens) {
    it(`listens on ${listen}`, () => {
      const found = read(`listen: ${listen}`)
      assert.ok('settings' in found, JSON.stringify(found))
      assert.equal(found.settings.listen.host, host)
    })
  }

  it('keeps transcripts beside the audit, and as long, unless it says where', () => {
    const found = read('audit: { file: /var/log/audit.log, keep: { days: 9 } }')
    assert.ok('settings' in found)
    const mebibyte = 1024 * 1024
    const usual = { folder: '/var/log/transcripts', bytes: 64 * mebibyte, keepDays: 9 }
    assert.deepEqual(found.settings.transcripts, usual)
    const said = read('transcripts: { folder: seen, size: 1MiB }')
    assert.ok('settings' in said)
    const other = { folder: '/x/seen', bytes: mebibyte, keepDays: undefined }
    assert.deepEqual(said.settings.transcripts, other)
  })

  it('lets streams go on for as long as a timer lasts', () => {
    const found = read('grace: 596h')
    assert.ok('settings' in found)
    assert.ok(found.settings.graceMs < 2 ** 31)
  })

  it('takes the audit as a file alone or with what else is to be said of it', () => {
    const plain = read('audit: log/gate.log')
    assert.ok('settings' in plain)
    assert.deepEqual(plain.settings.audit, {
      path: '/x/log/gate.log',
      keyPath: '/x/audit-key.pem',
      rotate: { bytes: 64 * 1024 * 1024, daily: true },
      keep: { days: undefined, files: undefined },
      onFailure: 'refuse',
      sink: undefined,
    })
    const whole = read(
      'audit: { file: a.log, key: k.pem, rotate: { size: 1MiB, daily: false }, keep: { days: 7, files: 9 }, onFailure: allow-reads }',
      { DOCKGATE_AUDIT: '/var/b.log', DOCKGATE_AUDIT_KEY: '/var/b.pem' },
    )
    assert.ok('settings' in whole, JSON.stringify(whole))
    assert.deepEqual(whole.settings.audit, {
      path: '/var/b.log',
      keyPath: '/var/b.pem',
      rotate: { bytes: 1024 * 1024, daily: false },
      keep: { days: 7, files: 9 },
      onFailure: 'allow-reads',
      sink: undefined,
    })
  })

  it('sends a copy of the audit where it is told to', () => {
    const rows: readonly (readonly [string, object])[] = [
      ['stdout', { kind: 'stdout' }],
      ['tcp://logs.example.org:601', { kind: 'tcp', host: 'logs.example.org', port: 601 }],
      ['udp://[::1]:514', { kind: 'udp', host: '::1', port: 514 }],
      ['unix:///run/logs.sock', { kind: 'unix', path: '/run/logs.sock' }],
    ]
    for (const [text, sink] of rows) {
      for (const found of [
        read(`audit: { sink: "${text}" }`),
        read('', { DOCKGATE_AUDIT_SINK: text }),
      ]) {
        assert.ok('settings' in found, text)
        assert.deepEqual(found.settings.audit.sink, sink)
      }
    }
  })

  it('lifts a limit by the word none, and lets the others be', () => {
    const found = read('limits: { client: { requests: none, streams: 7 } }')
    assert.ok('settings' in found)
    const { client } = found.settings.load
    assert.equal(client.requests, unlimited)
    assert.deepEqual([client.streams, client.inFlight], [7, 1000])
  })
})
