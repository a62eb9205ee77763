import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { dockerPrograms } from '../helpers/docker-cli.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'

const home = mkdtempSync(join(tmpdir(), 'dockgate-roles-test-'))
after(() => rmSync(home, { recursive: true, force: true }))
writeFileSync(
  join(home, 'roles.yaml'),
  `roles:
  small: { includes: [developer], limits: { memory: 64MiB } }
  tried: { mode: trial, allow: ["*"], limits: none, on: all }
grants:
  - { to: { unit: dev, org: Example }, roles: [small] }
  - { to: { name: bob }, roles: [operator], from: [192.0.2.0/24], until: 2027-01-31T18:00:00Z }
  - { to: { name: root }, roles: [admin] }
  - { to: { name: eve }, roles: [tried] }
`,
)
const file = join(home, 'cases.yaml')

async function test(cases: string, ...more: string[]) {
  writeFileSync(file, cases)
  return runDockgate(['roles', 'test', file, ...more], { DOCKGATE_HOME: home })
}

const dev = '"unit=dev,org=Example"'
/** One case, whether it holds, and for one that does not what was got. */
const rows: readonly (readonly [one: string, ok: boolean, got?: RegExp])[] = [
  [`who: ${dev}, permission: container.create, expect: allow, role: small`, true],
  [`who: ${dev}, permission: image.push, expect: allow`, false, /deny .*does not allow it/],
  [`who: eve, permission: container.ls, expect: deny`, true],
  [`who: root, permission: swarm.leave, expect: allow, role: admin`, true],
  [`who: root, permission: swarm.leave, expect: allow, role: small`, false, /by role "admin"/],
  [`who: bob, from: 192.0.2.7, at: "2027-01-01T00:00:00Z", permission: container.stop, expect: allow`, true],
  [`who: bob, from: 192.0.2.7, at: "2027-02-01T00:00:00Z", permission: container.stop, expect: allow`, false, /no grant gives them a role/],
  [`who: bob, permission: container.stop, expect: deny`, true],
  [`who: ${dev}, request: POST /containers/create, body: {Image: a, HostConfig: {Memory: 67108864}}, expect: allow`, true],
  [`who: ${dev}, request: POST /containers/create, body: {Image: a, HostConfig: {Memory: 67108865}}, expect: deny, because: limits.memory`, true],
  [`who: ${dev}, request: POST /containers/create, body: {Image: a, HostConfig: {Privileged: true}}, expect: deny, because: limits.memory`, false, /--privileged is not allowed/],
  [`who: ${dev}, request: POST /containers/create, body: '{"Image":"a","Image":"b"}', expect: deny, because: stands twice`, true],
  [`who: ${dev}, request: GET /containers/json, expect: allow`, true],
  [`who: ${dev}, request: GET /../etc, expect: deny`, true],
] // prettier-ignore

const onDocker: typeof rows = [
  [`who: ${dev}, run: docker run -v /:/host busybox, expect: deny, because: limits.binds`, true],
  [`who: ${dev}, run: docker run busybox, expect: allow`, true],
  [`who: ${dev}, run: [docker, exec, web, sh, -c, "echo hi"], expect: allow`, true],
] // prettier-ignore

describe('roles test', () => {
  for (const [one, ok, got] of [...rows, ...(dockerPrograms.length === 0 ? [] : onDocker)]) {
    it(`${ok ? 'passes' : 'fails'} ${one}`, async () => {
      const { stdout, stderr, status } = await test(`cases: [{ ${one} }]`)
      assert.equal(status, ok ? 0 : 1, stdout + stderr)
      assert.match(stdout, ok ? /^ok {4}.*\n1 case, 0 failed\n$/ : /^FAIL {2}.*\n {6}- expected/)
      if (got !== undefined) assert.match(/\+ got +(.*)/.exec(stdout)?.[1] ?? '', got)
    })
  }

  it('says as JSON what it expected and what it got, with the line', async () => {
    const cases = `cases:\n  - { who: root, permission: container.ls, expect: allow }\n  - { who: bob, permission: container.ls, expect: allow }\n`
    const { stdout, status } = await test(cases, '--json')
    const { count, failed, cases: results } = JSON.parse(stdout)
    assert.deepEqual([status, count, failed], [1, 2, 1])
    assert.deepEqual([results[0].ok, results[1].ok, results[1].line], [true, false, 3])
    assert.equal(results[1].got.decision, 'deny')
  })

  it('holds the cases against another file', async () => {
    const other = join(home, 'candidate.yaml')
    writeFileSync(other, 'grants: [{ to: { name: bob }, roles: [viewer] }]')
    const cases = 'cases: [{ who: bob, permission: container.ls, expect: allow }]'
    assert.equal((await test(cases, '--roles', other)).status, 0)
    assert.equal((await test(cases)).status, 1)
  })

  const faulty: readonly (readonly [text: string, fault: RegExp])[] = [
    ['', /it holds no case/],
    ['cases: []', /it holds no case/],
    ['cases: [{ permission: container.ls, expect: allow }]', /does not say who asks/],
    ['cases: [{ who: a, permission: container.sl, expect: allow }]', /did you mean container\.ls\?/],
    ['cases: [{ who: a, permission: container.ls, expect: maybe }]', /allow or deny/],
    ['cases: [{ who: a, expect: allow }]', /it asks one thing/],
    ['cases: [{ who: a, run: rm -rf x, expect: deny }]', /a docker command/],
    ['cases: [{ who: a, run: docker run "x y", expect: deny }]', /quotes/],
    ['cases: [{ who: a, request: containers, expect: deny }]', /is no request/],
    ['cases: [{ who: a, permission: container.ls, body: {}, expect: deny }]', /a body belongs to/],
    ['cases: [{ who: a, permision: container.ls, expect: deny }]', /did you mean permission\?/],
    [`cases: [{ who: ${dev}, request: POST /containers/create, expect: allow }]`, /depends on its body/],
  ] // prettier-ignore
  for (const [text, fault] of faulty) {
    it(`finds fault with ${text || 'an empty file'}`, async () => {
      const { stderr, status } = await test(text)
      assert.match(stderr, fault)
      assert.equal(status, 1)
    })
  }
})
