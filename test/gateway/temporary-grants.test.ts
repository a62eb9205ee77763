// A right for a while, from `dockgate grant` to its end: seen by the docker command line on a real
// engine, by whoever looks at the gateway, and in the audit.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openStdin, runDocker, throughTls, type RunResult, type Target } from '../helpers/docker-cli.ts' // prettier-ignore
import { runDockgate, serveDockgate, type Ran, type Serving } from '../helpers/dockgate-process.ts'
import { engineUrl, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess } from '../helpers/gateway-process.ts'
import { sendGrant, signGrant } from '../helpers/signed-grant.ts'

const word = uniqueName('lent')
const talker = `${word}-talker`
const roles = `roles:
  lead:
    includes: [viewer]
    allow: [dockgate.grant, dockgate.grants, dockgate.ungrant]
    on: all
    mayGrant: { operator: 1h, runner: 30m }
  runner: { allow: ['exec.*', container.inspect], on: all }
grants:
  - { to: { name: olga }, roles: [lead] }
  - { to: { name: root }, roles: [admin] }
  - { to: { name: alice }, roles: [viewer] }
`
const home = mkdtempSync(join(tmpdir(), 'dockgate-lent-'))
const env = {
  DOCKGATE_HOME: home,
  DOCKGATE_LISTEN: '127.0.0.1:0',
  DOCKGATE_ENGINE: engineUrl(),
  DOCKGATE_GRACE: '1s',
}
let gateway: Serving
const bundle = (name: string): string => join(home, 'certs/clients', name)
const who = (name: string): Target => throughTls(`tcp://localhost:${gateway.port}`, bundle(name))
const here = (...args: string[]): Promise<Ran> => runDockgate(args, env)
const as = (name: string, ...args: string[]): Promise<Ran> =>
  runDockgate(args, {
    DOCKER_HOST: `tcp://localhost:${gateway.port}`,
    DOCKER_CERT_PATH: bundle(name),
  })
const audit = (): string => readFileSync(join(home, 'audit.log'), 'utf8')

before(async () => {
  const { Id } = await onEngine<{ Id: string }>(`/containers/create?name=${talker}`, {
    method: 'POST',
    body: { Image: 'busybox:local', Cmd: ['sleep', '1000'] },
  })
  await onEngine(`/containers/${Id}/start`, { method: 'POST' })
  for (const args of [
    ['init'],
    ['server', '--name', 'localhost'],
    ['issue', 'olga'],
    ['issue', 'alice'],
    ['issue', 'root', '--key', 'rsa:3072'],
  ]) {
    // prettier-ignore
    const { status, stderr } = await here('ca', ...args)
    assert.equal(status, 0, stderr)
  }
  writeFileSync(join(home, 'roles.yaml'), roles)
  gateway = await serveDockgate(['serve'], env)
})
after(async () => {
  await gateway.stop()
  rmSync(home, { recursive: true })
  await removeAll(word)
})

const exec = ['exec', '-i', talker, 'sh', '-c', 'while :; do echo tick; sleep 0.1; done']

/** Resolves when it has printed something. */
async function begin(name: string): Promise<{ ended: Promise<RunResult> }> {
  let begun = (): void => undefined
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const ended = runDocker(who(name), exec, {
    stdin: openStdin,
    when: [{ printed: 'tick', act: () => begun() }],
  })
  await Promise.race([hasBegun, ended])
  return { ended }
}

async function give(name: string, ...args: string[]): Promise<{ id: string; until: number }> {
  const { stdout, stderr } = await as(name, 'grant', ...args, '--json')
  assert.equal(stderr, '')
  return JSON.parse(stdout)
}

describe('dockgate grant', () => {
  it('gives a role at once, which is seen everywhere, and ends it with its streams', async () => {
    const refused = await runDocker(who('alice'), exec)
    assert.match(refused.stderr, /may not exec\.create here/)
    const { id, until } = await give('olga', 'alice', 'runner', '--for', '20m', '--reason', 'INC-7')
    assert.ok(Math.abs(until - Date.now() - 20 * 60_000) < 10_000)
    const stream = await begin('alice')

    const listed = await as('olga', 'grant', '--list')
    assert.match(listed.stdout, new RegExp(`^${id}  alice  runner  olga  19m \\d+s  INC-7$`, 'm'))
    assert.match((await here('status')).stdout, new RegExp(`^${id}  alice  runner  olga `, 'm'))
    assert.match((await here('sessions')).stdout, /exec\.start +runner\* .*\n\* given for a while/)
    const rows = JSON.parse((await here('sessions', '--json')).stdout)
    assert.deepEqual([rows[0].role, rows[0].grant], ['runner', id])
    assert.match(
      (await here('audit', 'show')).stdout,
      new RegExp(`olga .* allowed  give runner to alice until [-\\d]+T[:\\d]+Z because "INC-7" \\(lead, 201 .*${id}`), // prettier-ignore
    )
    const used = audit().split('\n').filter((line) => line.includes(`"role":"runner","grant":"${id}"`)) // prettier-ignore
    assert.ok(used.some((line) => line.includes('"operation":"exec.start"')))

    const askedAt = Date.now()
    const ended = await as('olga', 'grant', '--end', id, '--reason', 'over')
    assert.equal(ended.stdout, `alice no longer has runner by grant ${id}\n`)
    const { stderr } = await stream.ended
    assert.ok(Date.now() - askedAt < 5_000)
    assert.match(stderr, /this was ended: the temporary right that it was by \(runner\) is over/)
    assert.match((await runDocker(who('alice'), exec)).stderr, /may not exec\.create here/)
    assert.match((await as('olga', 'grant', '--list')).stdout, /nothing is given for a while/)
    assert.match((await as('olga', 'grant', '--end', id)).stderr, /no temporary grant has the id/)
  })

  it('is for an administrator of any role, with a key of RSA too', async () => {
    const { id } = await give('root', 'alice', 'operator', '--for', '1d', '--reason', 'holidays')
    assert.equal((await runDocker(who('alice'), ['kill', '-s', 'CONT', talker])).exit, 0)
    const ended = await here('end', '--grant', id, '--reason', 'enough')
    assert.equal(ended.stdout, `alice no longer has operator by grant ${id}\n`)
    const record = audit().split('\n').find((line) => line.includes('"event":"grant"')) ?? '{}' // prettier-ignore
    const { grant, did, to, role, givenBy, why } = JSON.parse(record)
    assert.deepEqual(
      { grant, did, to, role, givenBy, why },
      { grant: id, did: 'ended', to: 'alice', role: 'operator', givenBy: 'root', why: 'the operator: enough' }, // prettier-ignore
    )
    assert.match((await here('audit', 'show')).stdout, /the log itself: grant .*"did":"ended"/)
    const endedAt = Date.now()
    while ((await runDocker(who('alice'), ['kill', '-s', 'CONT', talker])).exit === 0) {
      assert.ok(Date.now() - endedAt < 5_000)
    }
  })

  it('survives kill -9 of the gateway, and so does the end of it', async () => {
    const kept = await give('olga', 'alice', 'runner', '--for', '10m', '--reason', 'INC-8')
    const gone = await give('olga', 'alice', 'operator', '--for', '10m', '--reason', 'INC-9')
    await as('olga', 'grant', '--end', gone.id)
    const files = readdirSync(join(home, 'grants')).map((name) => join(home, 'grants', name))
    for (const file of files) assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(statSync(join(home, 'grants')).mode & 0o777, 0o700)
    await gateway.stop('SIGKILL')
    gateway = await serveDockgate(['serve'], env)
    const listed = JSON.parse((await as('olga', 'grant', '--list', '--json')).stdout)
    assert.deepEqual(listed.map(({ id }: { id: string }) => id), [kept.id]) // prettier-ignore
    assert.equal((await runDocker(who('alice'), ['exec', talker, 'echo', 'hi'])).stdout, 'hi\n')
    assert.notEqual((await runDocker(who('alice'), ['restart', talker])).exit, 0)
    await as('olga', 'grant', '--end', kept.id)
  })

  it('is not longer than the certificate of who gives it, and says so', async () => {
    assert.equal((await here('ca', 'renew', 'root', '--hours', '1')).status, 0)
    const { stderr, stdout } = await as('root', 'grant', 'alice', 'viewer', '--for', '3h', '--reason', 'x', '--json') // prettier-ignore
    assert.match(stderr, /^dockgate: your own certificate ends before, and the grant with it$/m)
    const { id, until } = JSON.parse(stdout)
    assert.ok(until - Date.now() <= 3_600_000)
    await here('end', '--grant', id)
  })

  it('says what is wrong before it asks anybody', async () => {
    for (const [args, why] of [
      [['alice', 'runner', '--reason', 'x'], /say for how long: --for 30m/],
      [['alice', 'runner', '--for', '30m'], /--reason TEXT is missing/],
      [['alice', '--for', '30m', '--reason', 'x'], /ROLE is missing/],
      [['alice', 'runner', '--for', 'ever', '--reason', 'x'], /--for takes a span/],
      [['alice', 'runner', '--list'], /usage: /],
      [[], /usage: /],
    ] as const) {
      const { status, stderr } = await as('olga', 'grant', ...args)
      assert.equal(status, 2)
      assert.match(stderr, why)
    }
  })

  it('gives nothing that cannot be kept', async () => {
    await gateway.stop()
    const nowhere = { ...env, DOCKGATE_GRANTS: join(home, 'roles.yaml', 'grants') }
    gateway = await serveDockgate(['serve'], nowhere)
    const refused = await as('olga', 'grant', 'alice', 'runner', '--for', '10m', '--reason', 'x')
    assert.match(refused.stderr, /cannot be kept here, so it is not given/)
    assert.match((await as('olga', 'grant', '--list')).stdout, /nothing is given/)
    assert.match((await runDocker(who('alice'), exec)).stderr, /may not exec\.create here/)
    await gateway.stop()
    gateway = await serveDockgate(['serve'], env)
  })
})

describe('a right for some seconds', () => {
  it('is gone by itself, within a second, with its streams and with nobody else', async (t) => {
    const process = await startGatewayProcess({ roles })
    try {
      const olga = process.identity('olga')
      const exp = Math.floor(Date.now() / 1000) + 5
      for (const [sub, end] of [
        ['alice', exp],
        ['bob', exp + 600],
      ] as const) {
        // prettier-ignore
        const jws = await signGrant(olga, { claims: { sub, role: 'runner', exp: end } })
        assert.equal((await sendGrant(process, olga, jws)).status, 201)
      }
      const at = (name: string): Target =>
        throughTls(`tcp://localhost:${process.port}`, process.certPath(name))
      let isOver = false
      const run = (name: string): Promise<RunResult> =>
        runDocker(at(name), exec, { stdin: openStdin, when: [] })
      const alice = run('alice')
      let stopBob = (): void => undefined
      const bob = runDocker(at('bob'), exec, {
        stdin: openStdin,
        when: [{ printed: 'tick', act: (child) => (stopBob = () => void child.kill('SIGKILL')) }],
      })
      void bob.then(() => (isOver = true))
      await alice
      const late = Date.now() - exp * 1000
      t.diagnostic(`it ended ${late} ms after its time`)
      assert.ok(late >= 0 && late < 1_000, `${late} ms`)
      assert.equal(isOver, false)
      stopBob()
      await bob
      assert.match((await runDocker(at('alice'), exec)).stderr, /alice may not exec\.create here/)
    } finally {
      await process.stop()
    }
  })
})
