// `dockgate doctor` in dockgate's own house: files, certificates, roles and audit, planted as they should
// not be, and an engine that is not there.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { issueClient } from '../../src/ca/issue-client.ts'
import { issueServer } from '../../src/ca/issue-server.ts'
import { createStore, dayMs, temporaryFolder } from '../helpers/ca-store.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'

interface Finding {
  readonly id: string
  readonly severity: string
  readonly seen: readonly { readonly on?: string; readonly seen: string }[]
  readonly mend: string
}
interface Report {
  readonly findings: readonly Finding[]
  readonly accepted: readonly Finding[]
  readonly fine: readonly { readonly id: string }[]
  readonly notSeen: readonly { readonly id: string; readonly why: string }[]
}

const nowhere = 'unix:///nonexistent/docker.sock'
const roles = `roles:
  strong: { allow: [container.create], limits: { privileged: true } }
  spare: { allow: [image.ls] }
  tried: { allow: [container.create], limits: { privileged: true }, mode: trial }
grants:
  - { to: { unit: dev }, roles: [strong] }
  - { to: { name: alice }, roles: [viewer, operator] }
  - { to: { name: nobody }, roles: [viewer] }
  - { to: { unit: ops }, roles: [viewer] }
  - { to: { name: alice }, roles: [tried] }
  - { to: { name: alice }, roles: [admin], until: 2020-01-01T00:00:00Z }
`

async function ask(
  home: string,
  ...args: readonly string[]
): Promise<{ status: number | null; report: Report }> {
  const env = { DOCKGATE_HOME: home, DOCKGATE_ENGINE: nowhere }
  const { status, stdout, stderr } = await runDockgate(['doctor', '--json', ...args], env)
  assert.match(stderr, /could not be asked: .*ENOENT/)
  return { status, report: JSON.parse(stdout) }
}
const idsOf = (rows: readonly { readonly id: string }[]): ReadonlySet<string> =>
  new Set(rows.map(({ id }) => id))

describe('dockgate doctor in a house where', () => {
  const home = temporaryFolder()
  const certs = join(home, 'certs')
  let report: Report
  const find = (id: string): Finding => {
    const found = report.findings.find((one) => one.id === id)
    assert.ok(found !== undefined, `${id}: ${JSON.stringify(report.notSeen)}`)
    return found
  }
  before(async () => {
    const store = await createStore({ folder: certs, now: new Date(Date.now() - 30 * dayMs) })
    await issueServer(store, { names: ['localhost'], lifetimeHours: 31 * 24 })
    const alice = await issueClient(store, { name: 'alice', org: 'Example', unit: 'dev' })
    writeFileSync(join(home, 'roles.yaml'), roles)
    writeFileSync(join(home, 'dockgate.yaml'), 'crl: warn\naudit: { onFailure: allow-reads }\n')
    chmodSync(join(home, 'roles.yaml'), 0o666)
    chmodSync(join(certs, 'server/key.pem'), 0o644)
    const line = (seq: number, days: number, fields: object): string => {
      const time = new Date(Date.now() - days * dayMs).toISOString()
      return `${JSON.stringify({ seq, prev: '0'.repeat(64), time, event: 'decided', ...fields })}\n`
    }
    const who = { who: 'alice', fingerprint: alice.issued.fingerprint, decision: 'allow' }
    const intent = 'prepare a command in container web as user root, privileged'
    const past = [
      line(1, 9, { ...who, role: 'viewer', operation: 'container.ls' }),
      line(2, 2, { ...who, role: 'operator', operation: 'exec.create', intent }),
    ]
    writeFileSync(join(home, 'audit.log'), past.join(''))
    const { status, report: read } = await ask(home)
    assert.equal(status, 2)
    report = read
  })

  const said: readonly (readonly [
    what: string,
    id: string,
    on: string | undefined,
    seen: RegExp,
  ])[] = [
    ['others may read the key', 'gate.keys', 'server/key.pem', /its mode is 0644/],
    ['everybody may write the roles', 'gate.writable', 'roles.yaml', /everybody may write/],
    ["the CA's key lies about", 'gate.ca-key', 'ca.key', /no passphrase/],
    ['bundles lie about', 'gate.client-keys', 'clients/alice/key.pem', /is that client/],
    ['the certificate runs out', 'gate.expiring', 'server/cert.pem', /is good until/],
    ['an expired list is only warned of', 'gate.crl-warn', undefined, /crl: warn/],
    ['reads may go unrecorded', 'gate.audit-reads', undefined, /allow-reads/],
    [
      'limits give root away',
      'roles.root-by-limits',
      'strong',
      /limits.privileged.*unit=dev has it/,
    ],
    ['a whole unit is root', 'roles.root-for-many', 'strong', /is given to unit=dev \(line 6\)/],
    ['a role is used by nobody', 'roles.unused', 'strong', /nothing through since/],
    ['a role is given to nobody', 'roles.ungranted', 'spare', /line 3/],
    ['a grant has ended', 'grants.over', 'alice', /gave admin/],
    ['commands ran privileged', '5.23', 'alice', /, privileged/],
    ['commands ran as root', '5.24', 'alice', /as user root/],
  ]
  for (const [what, id, on, seen] of said) {
    it(`${what}: ${id}`, () => {
      const { seen: items, mend } = find(id)
      const one = items.find((item) => (item.on ?? '').includes(on ?? '') && seen.test(item.seen))
      assert.ok(one !== undefined, JSON.stringify(items))
      assert.ok(mend.length > 5)
    })
  }

  it('grants matched nobody: those, and no others', () => {
    assert.deepEqual(
      find('grants.unmatched').seen.map(({ on }) => on),
      ['nobody', 'unit=ops'],
    )
    assert.deepEqual(
      find('roles.unused').seen.map(({ on }) => on),
      ['strong'],
    )
  })

  it('a role on trial is nobody’s way to root', () => {
    const roots = report.findings.filter(({ id }) => id.startsWith('roles.root'))
    assert.ok(roots.length > 0 && !JSON.stringify(roots).includes('tried'))
  })

  it('the revocation list has run out', () => {
    const { seen, severity } = find('gate.expired')
    assert.equal(severity, 'high')
    assert.match(seen[0]?.on ?? '', /crl\.pem/)
  })

  it('nothing of the engine is taken for well', () => {
    const engine = [...report.fine, ...report.findings].filter(({ id }) => /^[24567]\./.test(id))
    assert.deepEqual([...idsOf(engine)].toSorted(), ['5.23', '5.24'])
    assert.ok(idsOf(report.notSeen).has('5.5'))
  })

  it('no key and no value of one is printed', () => {
    const key = readFileSync(join(certs, 'server/key.pem'), 'utf8').split('\n')[1] ?? '?'
    assert.ok(!JSON.stringify(report).includes(key))
  })

  it('what one lives with is accepted, whole or one by one', async () => {
    const { report: lived } = await ask(
      home,
      '--accept',
      'gate.ca-key',
      '--accept',
      'grants.unmatched=nobody',
    )
    assert.ok(!idsOf(lived.findings).has('gate.ca-key'))
    assert.deepEqual(idsOf(lived.accepted), new Set(['gate.ca-key', 'grants.unmatched']))
    const left = lived.findings.find(({ id }) => id === 'grants.unmatched')
    assert.deepEqual(
      left?.seen.map(({ on }) => on),
      ['unit=ops'],
    )
  })

  it('it says so in words, too', async () => {
    const env = { DOCKGATE_HOME: home, DOCKGATE_ENGINE: nowhere }
    const { stdout } = await runDockgate(['doctor', '--all'], env)
    assert.match(
      stdout,
      /^high {4}gate\.keys {2}others may read keys of dockgate\n {8}\S+server\/key\.pem: its mode is 0644\n {8}mend: chmod 600/m,
    )
    assert.match(stdout, /^not seen {2}5\.5 +.*could not be asked/m)
    assert.match(
      stdout,
      /^\d+ high, \d+ medium, \d+ low, \d+ info; 0 accepted, \d+ fine, \d+ not seen\n$/m,
    )
  })
})

describe('dockgate doctor', () => {
  it('has no fault to find with a folder that is kept well', async () => {
    const home = temporaryFolder()
    const store = await createStore({ folder: join(home, 'certs') })
    await issueServer(store, { names: ['localhost'] })
    writeFileSync(join(home, 'roles.yaml'), 'grants:\n  - {to: {name: admin}, roles: [admin]}\n')
    const { report } = await ask(home)
    const own = report.findings.filter(({ id }) => /^(gate|roles|grants)\./.test(id))
    assert.deepEqual([...idsOf(own)].toSorted(), ['gate.ca-key', 'roles.root'])
  })

  it('tells of names that would move a cursor, and moves none', async () => {
    const home = temporaryFolder()
    mkdirSync(join(home, 'certs/clients/a\u001b[2Jb'), { recursive: true })
    writeFileSync(join(home, 'certs/clients/a\u001b[2Jb/key.pem'), '', { mode: 0o644 })
    for (const json of [[], ['--json']]) {
      const env = { DOCKGATE_HOME: home, DOCKGATE_ENGINE: nowhere }
      const { stdout } = await runDockgate(['doctor', ...json], env)
      assert.ok(stdout.includes('key.pem'))
      assert.ok(!stdout.includes('\u001b'))
    }
  })

  const refused: readonly (readonly [args: readonly string[], words: RegExp])[] = [
    [['--fail-on', 'severe'], /--fail-on takes info, low, medium, high or never/],
    [['--accept', 'gate.kyes'], /no check "gate.kyes"\nhint: did you mean gate.keys\?/],
    [['everything'], /usage: dockgate doctor/],
  ]
  for (const [args, words] of refused) {
    it(`refuses ${args.join(' ')}`, async () => {
      const { status, stderr } = await runDockgate(['doctor', ...args], {})
      assert.equal(status, 2)
      assert.match(stderr, words)
    })
  }

  it('cannot look by settings that cannot be read', async () => {
    const home = temporaryFolder()
    writeFileSync(join(home, 'dockgate.yaml'), 'listn: 1\n')
    const { status, stderr } = await runDockgate(['doctor'], { DOCKGATE_HOME: home })
    assert.equal(status, 2)
    assert.match(stderr, /unknown key "listn"/)
  })
})
