// What an operator sees and does while the gateway runs, by the verbs of the command line.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openStdin, runDocker, throughTls, type Target } from '../helpers/docker-cli.ts'
import { runDockgate, serveDockgate, type Ran } from '../helpers/dockgate-process.ts'
import { onEngine, projectRoot, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'

const word = uniqueName('operate')
const talker = `${word}-talker`
const roles = ['alice', 'bob'].map((name) => `  - {to: {name: ${name}}, roles: [viewer]}\n`)
const rolesYaml = `grants:\n${roles.join('')}`

let gateway: GatewayProcess
const who = (name: string): Target =>
  throughTls(`tcp://localhost:${gateway.port}`, gateway.certPath(name))
const dockgate = (...args: string[]): Promise<Ran> =>
  runDockgate(args, { DOCKGATE_HOME: gateway.home })

interface Row {
  readonly id: string
  readonly who: string
  readonly operation: string
  readonly on: string
  readonly bytesOut: number
}

async function rows(): Promise<readonly Row[]> {
  const { stdout } = await dockgate('sessions', '--json')
  return JSON.parse(stdout)
}

/** A stream that has printed something. */
async function logsOf(name: string): Promise<Promise<{ stderr: string; exit: unknown }>[]> {
  let begun = (): void => undefined
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const ended = runDocker(who(name), ['logs', '-f', talker], {
    stdin: openStdin,
    when: [{ printed: 'tick', act: () => begun() }],
  })
  await hasBegun
  return [ended]
}

before(async () => {
  const { Id } = await onEngine<{ Id: string }>(`/containers/create?name=${talker}`, {
    method: 'POST',
    body: { Image: 'busybox:local', Cmd: ['sh', '-c', 'while :; do echo tick; sleep 0.1; done'] },
  })
  await onEngine(`/containers/${Id}/start`, { method: 'POST' })
  gateway = await startGatewayProcess({ roles: rolesYaml })
})
after(async () => {
  await gateway.stop()
  await removeAll(word)
})

describe('the sessions', () => {
  it('are listed with who does what on which container, and end one by one or by person', async () => {
    const [first] = await logsOf('alice')
    const [second] = await logsOf('alice')
    const [third] = await logsOf('bob')
    const listed = await rows()
    assert.deepEqual(
      listed.map((row) => [row.who, row.operation, row.on]),
      ['alice', 'alice', 'bob'].map((name) => [name, 'container.logs', talker]),
    )
    assert.ok(listed.every(({ bytesOut }) => bytesOut > 0))
    const table = await dockgate('sessions')
    assert.match(table.stdout, /^ID +WHO +OPERATION +ROLE +ON +FOR +IN +OUT +FROM\n/)

    const one = await dockgate('end', listed[0]?.id ?? '', '--reason', 'too many')
    assert.equal(one.status, 0, one.stderr)
    const { stderr, exit } = (await first) ?? { stderr: '', exit: 0 }
    assert.match(stderr, /^dockgate: this was ended: by the operator: too many$/m)
    assert.notEqual(exit, 0)
    assert.equal((await rows()).length, 2)

    assert.equal((await dockgate('end', '--who', 'alice')).status, 0)
    await second
    assert.deepEqual(
      (await rows()).map((row) => row.who),
      ['bob'],
    )
    assert.match(gateway.logs(), /"how":"ended","why":"by the operator: too many"/)
    await dockgate('end', '--who', 'bob')
    await third
  })

  it('that are not there are not ended', async () => {
    const none = await dockgate('end', '01M85X0WH2DTH11A9VZJFT6V5R')
    assert.equal(none.status, 1)
    assert.match(none.stderr, /no session has the id/)
    assert.equal((await dockgate('end')).status, 2)
    assert.equal((await dockgate('end', 'X', '--who', 'alice')).status, 2)
    const nasty = await dockgate('end', '--who', 'alice', '--reason', 'a\u001b[31mb')
    assert.equal(nasty.status, 1)
  })
})

describe('the status', () => {
  it('says how it is, for people and as JSON', async () => {
    const denied = await runDocker(who('alice'), ['rm', '-f', talker])
    assert.match(denied.stderr, /may not container\.rm/)
    const { stdout, status } = await dockgate('status', '--json')
    assert.equal(status, 0)
    const found = JSON.parse(stdout)
    assert.match(found.version, /^\d+\.\d+\.\d+/)
    assert.match(found.policy.digest, /^[0-9a-f]{64}$/)
    assert.deepEqual(
      found.periods.map(({ of }: { of: string }) => of),
      ['ca', 'crl', 'server'],
    )
    assert.equal(found.engine.fault, null)
    assert.ok(found.denials.total >= 1)
    assert.ok(
      found.denials.most.some(
        (row: { who: string; operation: string; reason: string }) =>
          row.who === 'alice' && row.operation === 'container.rm' && row.reason === 'not-permitted',
      ),
    )
    const words = await dockgate('status')
    assert.match(words.stdout, /^revocation list +good until 20\d\d-/m)
    assert.match(words.stdout, /× alice, container\.rm, not-permitted$/m)
  })

  it('and a reload tell of a file that is not in force', async () => {
    writeFileSync(join(gateway.home, 'roles.yaml'), 'nonsense: 1\n')
    const reloaded = await dockgate('reload')
    assert.equal(reloaded.status, 1)
    assert.match(reloaded.stderr, /^roles\.yaml:1:1: unknown key "nonsense"/m)
    const bad = await dockgate('status')
    assert.equal(bad.status, 1)
    assert.match(bad.stdout, /^not in force: roles\.yaml:1:1/m)
    writeFileSync(join(gateway.home, 'roles.yaml'), `${rolesYaml}# again\n`)
    const good = await dockgate('reload', '--json')
    assert.equal(good.status, 0)
    const { changed } = JSON.parse(good.stdout)
    // Unless it was quicker by itself.
    if (changed.length > 0) assert.deepEqual(changed, ['roles.yaml'])
    assert.equal((await dockgate('status')).status, 0)
  })
})

describe('the control socket', () => {
  it('is for its owner alone', () => {
    const { mode } = statSync(join(gateway.home, 'control.sock'))
    assert.equal((mode & 0o777).toString(8), '600')
  })

  it('is not taken from a gateway that runs, and is from one that was killed', async () => {
    const home = mkdtempSync(join(tmpdir(), 'dockgate-control-'))
    const env = {
      DOCKGATE_HOME: home,
      DOCKGATE_LISTEN: '127.0.0.1:0',
      DOCKGATE_ENGINE: 'unix:///nowhere',
    }
    try {
      const missing = await runDockgate(['status'], env)
      assert.equal(missing.status, 1)
      assert.match(missing.stderr, /no gateway runs here .*\nhint: set DOCKGATE_HOME/)
      gateway.authority.write(join(home, 'certs'))
      writeFileSync(join(home, 'roles.yaml'), 'grants: []\n')
      const first = await serveDockgate(['serve'], env)
      const second = await serveDockgate(['serve'], {
        ...env,
        DOCKGATE_AUDIT: join(home, 'second.log'),
      })
      const port = async (): Promise<string> => {
        const { stdout } = await runDockgate(['status', '--json'], env)
        return JSON.parse(stdout).listen
      }
      assert.equal(await port(), `127.0.0.1:${first.port}`)
      assert.match(second.log(), /no control socket/)
      await second.stop()
      await first.stop('SIGKILL')
      const third = await serveDockgate(['serve'], env)
      assert.equal(await port(), `127.0.0.1:${third.port}`)
      await third.stop()
    } finally {
      rmSync(home, { recursive: true })
    }
  })

  it('goes on being watched by `sessions --watch` until that is stopped', async () => {
    const args = [join(projectRoot, 'dist/main.js'), 'sessions', '--watch', '--json']
    const child = spawn(process.execPath, args, {
      env: { ...process.env, DOCKGATE_HOME: gateway.home },
    })
    let lines = ''
    for await (const part of child.stdout.setEncoding('utf8')) {
      lines += String(part)
      if (lines.split('\n').length > 2) child.kill('SIGINT')
    }
    assert.match(lines, /^(\[.*\]\n){2,}$/)
  })
})
