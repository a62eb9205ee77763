import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { permissions } from '../../src/docker/catalog.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'

const home = mkdtempSync(join(tmpdir(), 'dockgate-matrix-'))
after(() => rmSync(home, { recursive: true, force: true }))
writeFileSync(
  join(home, 'roles.yaml'),
  `roles:
  own: { includes: [developer], deny: [container.export], limits: { memory: 2GiB } }
  team: { allow: [container.ls], on: team, hide: [env] }
grants:
  - { to: { name: alice }, roles: [own, viewer], from: [192.0.2.0/24], until: 2027-01-31T18:00:00Z }
`,
)
const env = { DOCKGATE_HOME: home }

describe('roles matrix', () => {
  it('prints roles beside each other, their limits, and who has them', async () => {
    const { stdout, status } = await runDockgate(['roles', 'matrix'], env)
    assert.equal(status, 0)
    const lines = stdout.split('\n')
    assert.match(lines[0] ?? '', /^ +viewer +own +team$/)
    const line = (start: string) => lines.find((one) => one.startsWith(start)) ?? ''
    assert.match(line('container.ls '), /^container\.ls +all +own +team$/)
    assert.match(line('container.export '), /^container\.export +\. +DENY +\.$/)
    assert.match(line('own:'), /^own: limits memory 2 GiB$/)
    assert.match(line('team:'), /; hides env$/)
    assert.match(line('name=alice'), /: own, viewer, from 192\.0\.2\.0\/24, until 2027-01-31T18:00/)
  })

  it('says the same as JSON, with the calls that each permission stands for', async () => {
    const { stdout } = await runDockgate(['roles', 'matrix', '--json', '--all'], env)
    const { roles, permissions: rows, grants, everybody } = JSON.parse(stdout)
    assert.equal(rows.length, permissions.size)
    assert.ok(roles.some(({ name }: { name: string }) => name === 'admin'))
    const row = rows.find(({ permission }: { permission: string }) => permission === 'container.export') // prettier-ignore
    assert.deepEqual(row.calls, ['GET /containers/{id}/export'])
    assert.deepEqual([row.roles.own, row.roles.admin, row.roles.viewer], ['deny', 'all', undefined])
    assert.deepEqual(grants, [{ to: 'name=alice', roles: ['own', 'viewer'], from: ['192.0.2.0/24'], until: '2027-01-31T18:00:00.000Z', line: 5 }]) // prettier-ignore
    assert.ok(everybody.includes('system.ping'))
  })
})
