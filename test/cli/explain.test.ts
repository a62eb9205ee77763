import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { dockerPrograms } from '../helpers/docker-cli.ts'

const home = mkdtempSync(join(tmpdir(), 'dockgate-explain-'))
after(() => rmSync(home, { recursive: true, force: true }))
writeFileSync(
  join(home, 'roles.yaml'),
  `roles:
  small: { includes: [developer], limits: { memory: 64MiB } }
grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: bob }, roles: [small] }
  - { to: { name: root }, roles: [admin] }
`,
)

function explain(input: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['dist/main.js', 'explain', '--json', ...args],
    { encoding: 'utf8', input, env: { ...process.env, DOCKGATE_HOME: home } },
  )
  assert.ok(stdout !== '', stderr)
  return { status, answer: JSON.parse(stdout) }
}

const bodies: readonly (readonly [string, string, string, RegExp])[] = [
  ['alice', '{"Image":"busybox"}', 'ask', /if theirs: image busybox/],
  ['alice', '{"HostConfig":{"Privileged":true}}', 'deny', /--privileged is not allowed/],
  ['alice', '{"Privileged":true}', 'refuse', /"Privileged": unknown field/],
  ['alice', '{"HostConfig":{},"HostConfig":{}}', 'refuse', /"HostConfig" stands twice/],
  ['alice', '{"HostConfig":{"Memory":100000000}}', 'allow', /within its limits/],
  ['bob', '{"HostConfig":{"Memory":100000000}}', 'deny', /--memory 100000000 .*67108864/],
  ['root', '{"HostConfig":{"Privileged":true}}', 'allow', /no limits/],
]

describe('explain with a body', () => {
  for (const [who, body, decision, reason] of bodies) {
    it(`says ${decision} to ${body} of ${who}`, () => {
      const { status, answer } = explain(
        body,
        '--as',
        who,
        '--body',
        '-',
        'POST',
        '/containers/create',
      )
      assert.equal(answer.decision, decision)
      assert.match(answer.reason, reason)
      assert.equal(status, decision === 'allow' || decision === 'ask' ? 0 : 1)
    })
  }

  it('names every limit that objects, with what was found and what is allowed', () => {
    const body = '{"HostConfig":{"Privileged":true,"Binds":["/:/h"]}}'
    const { answer } = explain(body, '--as', 'alice', '--body', '-', 'POST', '/containers/create')
    type Objection = { limit: string; field: string; found: string; allowed: string }
    const said = (answer.objections as Objection[]).map((one) => [one.limit, one.field, one.found])
    assert.deepEqual(said, [
      ['limits.privileged', 'HostConfig.Privileged', 'true'],
      ['limits.binds', 'HostConfig.Binds', '/'],
    ])
  })
})

describe('explain with a docker command', { skip: dockerPrograms.length === 0 }, () => {
  it('asks the command for its request, and runs nothing', () => {
    const { status, answer } = explain(
      '',
      '--as',
      'alice',
      '--',
      'docker',
      'run',
      '-v',
      '/:/h',
      'busybox',
    )
    assert.equal(status, 1)
    assert.equal(answer.length, 1)
    assert.match(answer[0].request, /^POST \/v1\.\d+\/containers\/create/)
    assert.equal(answer[0].objections[0].limit, 'limits.binds')
  })

  it('explains each request of a command that makes more than one', () => {
    const { answer } = explain('', '--as', 'alice', '--', 'docker', 'exec', 'web', 'ls')
    const operations = (answer as { operation: string }[]).map((one) => one.operation)
    assert.deepEqual(operations, ['container.inspect', 'exec.create'])
  })
})
