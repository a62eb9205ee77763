// Learning from and replaying an audit: what its records tell, held against other roles, both ways.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Decided } from '../../src/audit/record.ts'
import { auditFolder, decided } from '../helpers/audit-log.ts'
import { runDockgate, type Ran } from '../helpers/dockgate-process.ts'

const folder = auditFolder()
after(() => folder.remove())
const home = dirname(folder.path)

function record(more: Partial<Decided>, id = 'R1'): Decided {
  return decided(id, { reach: 'own', ...more })
}
const create = (needs: object, more: Partial<Decided> = {}): Decided =>
  record({
    operation: 'container.create',
    method: 'POST',
    target: '/v1.41/containers/create?name=web',
    needs,
    role: 'admin',
    ...more,
  })
const list = record({ operation: 'container.ls', method: 'GET', target: '/containers/json' })

/** Runs a verb over a log of just these records. */
async function over(records: readonly Decided[], ...args: string[]): Promise<Ran> {
  const own = auditFolder()
  try {
    const audit = own.open()
    for (const one of records) await audit.decided(one)
    audit.close()
    return await runDockgate([...args, own.path], { DOCKGATE_HOME: home })
  } finally {
    own.remove()
  }
}

async function replayed(roles: string, ...records: readonly Decided[]): Promise<Ran> {
  const candidate = join(home, 'candidate.yaml')
  writeFileSync(candidate, roles)
  return over(records, 'replay', '--roles', candidate)
}

const to = (roles: string, more = ''): string =>
  `${more}grants: [{ to: { name: alice }, roles: [${roles}] }]`
const limited = (limits: string, on = 'all'): string =>
  to('r', `roles: { r: { allow: ["*"], on: ${on}, limits: ${limits} } }\n`)

const rows: readonly (readonly [
  what: string,
  roles: string,
  one: Decided,
  says: RegExp,
  status: 0 | 1,
])[] = [
  ['what stays allowed', to('viewer'), list, /^1 requests: nothing would change\n$/, 0],
  ['what would be lost', to('builder'), list, /^WOULD BE DENIED {2}alice {2}container\.ls .*\n.*does not allow it/, 1],
  ['what nobody grants', 'grants: []', list, /WOULD BE DENIED[^]*no grant gives them a role/, 1],
  ['what would be gained', to('viewer'), { ...list, decision: 'deny', reason: 'no-role', detail: 'x' }, /WOULD BE ALLOWED.*\n.*role "viewer" allows it/, 1],
  ['what stays refused', to('builder'), { ...list, decision: 'deny', reason: 'no-role', detail: 'x' }, /nothing would change/, 0],
  ['what had no reading', to('viewer'), { ...list, decision: 'refuse', operation: 'unknown', reason: 'bad-target' }, /^0 requests: nothing/, 0],
  ['a limit that is kept', limited('{ images: [nginx] }'), create({ Image: 'nginx' }), /nothing would change/, 0],
  ['a limit that is not', limited('{ images: [nginx] }'), create({ Image: 'redis' }), /WOULD BE DENIED[^]*limits\.images/, 1],
  ['a body that nobody read', limited('{}'), create({}, { needs: undefined as never }), /cannot be told.*\n.*its body was not read/, 1],
  ['a body that was too long', limited('{}'), create({}, { needs: 'too long' }), /cannot be told.*\n.*too long/, 1],
  ['the same without limits', to('admin'), create({}, { needs: 'too long' }), /nothing would change/, 0],
  ['an image by its id', limited('{ images: [nginx] }'), create({ Image: 'f'.repeat(64) }), /cannot be told.*\n.*by its id/, 1],
  ['an image by its id, and more', limited('{ images: [nginx] }'), create({ Image: 'f'.repeat(64), HostConfig: { Privileged: true } }), /WOULD BE DENIED[^]*limits\.privileged/, 1],
  ['variables', limited('{ forbidEnv: [A] }'), create({ Image: 'a' }), /cannot be told.*\n.*limits\.forbidEnv/, 1],
  ['values of labels', limited('{ labels: { stage: dev } }'), create({ Image: 'a', Labels: { stage: '***' } }), /cannot be told.*\n.*limits\.labels/, 1],
  ['a label that is missing', limited('{ labels: [stage] }'), create({ Image: 'a' }), /WOULD BE DENIED[^]*limits\.labels/, 1],
  ['somebody else’s thing', limited('{}', 'own'), record({ reach: 'all', beyond: ['container abc'] }), /WOULD BE DENIED[^]*on own does not reach container abc/, 1],
  ['a thing of their team', limited('{}', 'team'), record({ reach: 'team', beyond: ['container abc'] }), /nothing would change/, 0],
  ['a thing of nobody knows whom', limited('{}', 'own'), record({ reach: undefined as never }), /cannot be told.*\n.*whose the things are/, 1],
  ['another grant by what the certificate says', 'grants: [{ to: { unit: dev }, roles: [viewer] }]', { ...list, facts: { unit: ['dev'] } }, /nothing would change/, 0],
  ['a grant that had ended', 'grants: [{ to: { name: alice }, until: 2026-11-24T02:00:00Z, roles: [viewer] }]', list, /WOULD BE DENIED/, 1],
  ['a grant for other addresses', 'grants: [{ to: { name: alice }, from: [198.51.100.0/24], roles: [viewer] }]', list, /WOULD BE DENIED/, 1],
  ['a role on trial', to('t', 'roles: { t: { mode: trial, allow: ["*"], on: all } }\n'), list, /WOULD BE DENIED[^]*is not|WOULD BE DENIED[^]*no grant/, 1],
  ['a masked build argument', limited('{ build: { args: [A] } }'), record({ operation: 'image.build', method: 'POST', target: '/build?buildargs=%7B%22B%22:%22***%22%7D' }), /WOULD BE DENIED[^]*limits\.build\.args/, 1],
] // prettier-ignore

describe('replay', () => {
  for (const [what, roles, one, says, status] of rows) {
    it(`tells of ${what}`, async () => {
      const ran = await replayed(roles, one)
      assert.match(ran.stdout, says, ran.stderr)
      assert.equal(ran.status, status)
    })
  }

  it('counts what is alike, and says it as JSON', async () => {
    const candidate = join(home, 'candidate.yaml')
    writeFileSync(candidate, to('builder'))
    const ran = await over([list, { ...list, id: 'R2' }], 'replay', '--json', '--roles', candidate)
    const { requests, changes } = JSON.parse(ran.stdout)
    assert.deepEqual([requests, changes.length], [2, 1])
    const [{ change, who, operation, count, example }] = changes
    assert.deepEqual([change, who, operation, count, example.id], ['denied', 'alice', 'container.ls', 2, 'R2']) // prettier-ignore
  })

  it('reads what every process that serves has written', async () => {
    const own = auditFolder()
    const paths = [own.path, own.path.replace(/\.log$/, '.w1.log')]
    for (const path of paths) {
      const audit = own.open({ path })
      await audit.decided(list)
      audit.close()
    }
    const env = { DOCKGATE_HOME: dirname(own.path) }
    writeFileSync(join(dirname(own.path), 'candidate.yaml'), to('viewer'))
    const args = ['replay', '--roles', join(dirname(own.path), 'candidate.yaml')]
    assert.match((await runDockgate(args, env)).stdout, /^2 requests: nothing would change/)
    assert.match((await runDockgate(['learn', 'alice'], env)).stdout, /container\.ls # 2 times/)
    own.remove()
  })

  it('looks at the span and the person that are asked for', async () => {
    const candidate = join(home, 'candidate.yaml')
    writeFileSync(candidate, to('builder'))
    const args = ['replay', '--roles', candidate]
    assert.match((await over([list], ...args, '--who', 'bob')).stdout, /^0 requests/)
    assert.match((await over([list], ...args, '--since', '2026-11-25')).stdout, /^0 requests/)
    assert.match((await over([list], ...args, '--until', '2026-11-25')).stdout, /1 would be denied/)
  })
})

describe('learn', () => {
  it('proposes permissions with their counts, limits and the narrowest reach', async () => {
    const binds = ['/srv/a:/a:ro', '/srv/b:/b', '/srv/a:/c:ro', 'data:/d']
    const ran = await over(
      [
        create({ Image: 'nginx:1.27', HostConfig: { Binds: binds, NanoCpus: 5e8, Memory: 67108864 } }),
        create({ Image: 'registry.example.com/app', HostConfig: { PidMode: 'host', CapAdd: ['CAP_NET_ADMIN'], NanoCpus: 1e9 } }),
        list,
      ],
      'learn',
      'alice',
    ) // prettier-ignore
    assert.equal(ran.status, 0, ran.stdout)
    const said = ran.stdout.split('\n').map((line) => line.trim())
    for (const line of [
      '- container.create # 2 times, last 2026-11-24 03:00Z',
      '- container.ls     # once, last 2026-11-24 03:00Z',
      'on: own',
      'images: [nginx:1.27, registry.example.com/app:latest]',
      'binds: [{source: /srv/a, readOnly: true}, {source: /srv/b, readOnly: false}]',
      'cpus: 1',
      'capabilities: [NET_ADMIN]',
      'namespaces: [pid]',
      'publish: []',
    ]) {
      assert.ok(said.includes(line), `${line}\n${ran.stdout}`)
    }
    // Only where everybody asked for one does a limit change nothing.
    assert.doesNotMatch(ran.stdout, /memory/)
  })

  it('says what no role with limits could allow, and leaves it out', async () => {
    const session = record({ operation: 'builder.session', method: 'POST', target: '/session' })
    const ran = await over([list, session], 'learn', 'alice')
    assert.equal(ran.status, 1)
    assert.match(ran.stdout, /^# not allowed: builder\.session, once: /m)
    assert.doesNotMatch(ran.stdout, /- builder\.session/)
  })

  it('says what it could not see, and guesses nothing', async () => {
    const ran = await over([create({}, { needs: undefined as never })], 'learn', 'alice')
    assert.equal(ran.status, 1)
    assert.match(ran.stdout, /^# not known whether container\.create, once, is allowed: its body was not read/m) // prettier-ignore
  })

  it('leaves out what was refused, unless it is asked for', async () => {
    const denied = { ...record({ operation: 'image.ls', method: 'GET', target: '/images/json' }), decision: 'deny' as const, reason: 'not-permitted' } // prettier-ignore
    const without = await over([list, denied], 'learn', 'alice')
    assert.match(without.stdout, /^# 1 refused request left out/m)
    assert.doesNotMatch(without.stdout, /image\.ls/)
    assert.match((await over([list, denied], 'learn', 'alice', '--with-denied')).stdout, /- image\.ls/) // prettier-ignore
  })

  it('reaches all for whoever makes nothing, and two ways for whoever does both', async () => {
    assert.match((await over([list], 'learn', 'alice')).stdout, /on: all/)
    const other = record({ reach: 'all', beyond: ['container abc'] })
    const both = await over([create({ Image: 'a' }), other], 'learn', 'alice')
    assert.match(
      both.stdout,
      /^ {2}alice:\n[^]*on: own\n[^]*^ {2}alice-all:\n[^]*restart[^]*on: all\n/m,
    )
  })

  it('writes no line of its own for whoever chose a name with care', async () => {
    const evil = 'x\nroles: { a: { allow: ["*"], limits: none } }'
    const ran = await over([{ ...list, who: evil }], 'learn', evil, '--role', 'careful')
    assert.equal(
      ran.stdout.split('\n').filter((line) => /^ *roles:/.test(line)).length,
      2,
      ran.stdout + ran.stderr,
    )
    assert.doesNotMatch(ran.stdout, /^roles: \{/m)
  })

  it('knows nobody of whom the audit tells nothing', async () => {
    const ran = await over([list], 'learn', 'bob')
    assert.equal(ran.status, 1)
    assert.match(ran.stderr, /the audit tells of nothing that "bob" was allowed to do/)
  })
})
