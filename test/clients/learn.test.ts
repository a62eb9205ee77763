// A round trip with real clients: what they do under an unlimited role is recorded, a role is learned from
// it, and under that role alone the same run does the same while one step beyond is refused.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { dockerPrograms, runDocker, throughTls, type RunResult } from '../helpers/docker-cli.ts'
import { runDockgate, type Ran } from '../helpers/dockgate-process.ts'
import { removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'

const name = uniqueName('learn')
after(() => removeAll(name))
const folder = mkdtempSync(join(tmpdir(), 'dockgate-learn-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Everything is allowed by `admin`; a role that allows nothing is on trial beside it. */
const watching = `roles:
  watched: { mode: trial }
grants:
  - { to: { anyone: true }, roles: [admin, watched] }
`
/** The learned role on trial, beside the one that decides. */
function onTrial(who: string, roles: string): string {
  return roles
    .replace(/^ {4}on: /m, '    mode: trial\n    on: ')
    .replace(/roles: \[.*\]$/m, `roles: [ admin, ${who} ]`)
}

let gateway: GatewayProcess
before(async () => (gateway = await startGatewayProcess({ roles: watching })))
after(() => gateway.stop())

type Step = readonly [program: string, args: readonly string[], cwd?: string]

async function run(who: string, steps: readonly Step[]): Promise<RunResult[]> {
  const target = throughTls(`tcp://localhost:${gateway.port}`, gateway.certPath(who))
  const results: RunResult[] = []
  for (const [program, args, cwd = folder] of steps) {
    results.push(await runDocker(target, args, { program, cwd }))
  }
  return results
}

function dockgate(...args: string[]): Promise<Ran> {
  return runDockgate(args, { DOCKGATE_HOME: gateway.home })
}

/** The text of roles.yaml that was learned, put in force. */
async function learned(who: string): Promise<string> {
  const { stdout, stderr, status } = await dockgate('learn', who)
  assert.equal(status, 0, `${stdout}${stderr}`)
  return stdout
}

async function serveWith(roles: string): Promise<void> {
  writeFileSync(join(gateway.home, 'roles.yaml'), roles)
  const { stdout, stderr, status } = await dockgate('reload')
  assert.equal(status, 0, `${stdout}${stderr}${roles}`)
}

async function tried(who: string): Promise<string> {
  return (await dockgate('audit', 'show', '--who', who, '--would-deny')).stdout
}

const plainOf = (results: readonly RunResult[]) =>
  results.map(({ stdout, stderr, exit }) => ({
    exit,
    stdout: stdout.replaceAll(/[0-9a-f]{12,64}/g, 'ID').replaceAll(/\d+ \w+ ago|Up .*?s\b/g, 'AGO'),
    stderr: stderr.replaceAll(/[0-9a-f]{12,64}/g, 'ID'),
  }))

for (const program of dockerPrograms) {
  describe(`a role learned from ${program}`, () => {
    const who = `app-${dockerPrograms.indexOf(program)}`
    const own = `${name}-${who}`
    const port = 18_123 + 2 * dockerPrograms.indexOf(program)
    const docker = (...args: string[]): Step => [program, args]
    const steps: readonly Step[] = [
      docker('volume', 'create', `${own}-data`),
      docker('run', '--rm', '-v', `${own}-data:/data`, 'busybox', 'sh', '-c', 'echo hi; exit 3'),
      docker('run', '-d', '--name', own, '-p', `127.0.0.1:${port}:80`, '-e', 'TOKEN=s3cret', '-l', 'key=s3cret', 'busybox', 'sleep', '6000'), // prettier-ignore
      docker('exec', '-e', 'TOKEN=s3cret', own, 'sh', '-c', 'exit 4'),
      docker('logs', own),
      docker('rm', '-f', own),
      docker('volume', 'rm', `${own}-data`),
    ]
    const beyond: readonly (readonly [Step, RegExp])[] = [
      [docker('run', '--rm', '-v', '/etc:/x', 'busybox', 'true'), /--volume \/etc .*limits\.binds/],
      [docker('run', '--rm', '-p', `${port + 1}:80`, 'busybox', 'true'), /--publish .*limits\.publish/],
      [docker('run', '--rm', '--privileged', 'busybox', 'true'), /--privileged is not allowed/],
      [docker('run', '--rm', 'busybox:local', 'true'), /busybox:local is not allowed .*limits\.images/],
      [docker('network', 'ls'), /may not network\.ls here/],
    ] // prettier-ignore
    let first: RunResult[]
    let roles: string

    it('is learned without a secret of what was asked on record', async () => {
      await serveWith(watching)
      first = await run(who, steps)
      const exits = first.map(({ exit }) => exit)
      assert.deepEqual(exits, [0, 3, 0, 4, 0, 0, 0], JSON.stringify(first))
      assert.doesNotMatch(gateway.logs(), /s3cret|TOKEN|sleep|exit 4/)
      roles = await learned(who)
      assert.match(roles, /^ {4}on: own$/m)
      assert.ok(roles.includes(`publish: [127.0.0.1:${port}]`), roles)
      assert.doesNotMatch(roles, /\*|none/)
    })

    it('would have changed nothing, and on trial denies nothing', async () => {
      writeFileSync(join(folder, 'candidate.yaml'), roles)
      const replayed = await dockgate('replay', '--roles', join(folder, 'candidate.yaml'), '--who', who) // prettier-ignore
      assert.match(replayed.stdout, /requests: nothing would change\n$/)
      assert.equal(replayed.status, 0)
      await serveWith(onTrial(who, roles))
      assert.deepEqual(plainOf(await run(who, steps)), plainOf(first))
      assert.doesNotMatch(await tried(who), new RegExp(`role "${who}"`))
    })

    it('on trial has something against one step beyond, which is allowed as before', async () => {
      for (const [step, refusal] of beyond) {
        const [result] = await run(who, [step])
        assert.doesNotMatch(result?.stderr ?? '', /dockgate/)
        assert.match((await tried(who)).split('\n').at(-2) ?? '', refusal)
      }
    })

    it('lets the same run do the same, and refuses one step beyond', async () => {
      await serveWith(roles)
      assert.deepEqual(plainOf(await run(who, steps)), plainOf(first))
      for (const [step, refusal] of beyond) {
        const [result] = await run(who, [step])
        assert.match(result?.stderr ?? '', refusal, step[1].join(' '))
      }
    })
  })
}

describe('a role learned from somebody who only looks', () => {
  it('reaches what others made, and changes nothing', async () => {
    const [docker = ''] = dockerPrograms
    await serveWith(watching)
    await run('root', [
      [docker, ['run', '-d', '--name', `${name}-other`, 'busybox', 'sleep', '60']],
    ])
    const steps: readonly Step[] = [
      [docker, ['ps', '--no-trunc', '-q', '--filter', `name=${name}-other`]],
      [docker, ['inspect', '-f', '{{.Name}}', `${name}-other`]],
    ]
    const first = await run('looker', steps)
    const roles = await learned('looker')
    assert.match(roles, /container\.inspect +# .*\n.*container\.ls +# .*\n {4}on: all\n/)
    await serveWith(roles)
    assert.deepEqual(await run('looker', steps), first)
    const [refused] = await run('looker', [[docker, ['stop', `${name}-other`]]])
    assert.match(refused?.stderr ?? '', /looker may not container\.stop here/)
  })
})

const compose = '/usr/bin/docker-compose'
describe('a role learned from docker-compose', { skip: !existsSync(compose) }, () => {
  const project = `${name}-project`
  const steps: readonly Step[] = [
    [compose, ['-p', project, 'up', '-d', '--no-color']],
    [compose, ['-p', project, 'ps']],
    [compose, ['-p', project, 'exec', '-T', 'web', 'cat', '/data/x']],
    [compose, ['-p', project, 'down', '-v']],
  ]
  it('brings the same project up and down, and no other image', async () => {
    writeFileSync(join(folder, 'docker-compose.yml'), projectOf('busybox'))
    await serveWith(watching)
    const first = await run('composer', steps)
    assert.deepEqual(first.map(({ exit }) => exit), [0, 0, 0, 0], JSON.stringify(first)) // prettier-ignore
    await serveWith(await learned('composer'))
    const again = await run('composer', steps)
    assert.deepEqual(again.map(({ exit }) => exit), [0, 0, 0, 0], JSON.stringify(again)) // prettier-ignore
    assert.equal(again[2]?.stdout, first[2]?.stdout)
    writeFileSync(join(folder, 'docker-compose.yml'), projectOf('busybox:local'))
    const [refused] = await run('composer', [[compose, ['-p', project, 'up', '-d']]])
    assert.match(refused?.stderr ?? '', /busybox:local is not allowed .*limits\.images/)
    await run('composer', [[compose, ['-p', project, 'down', '-v']]])
  })
})

function projectOf(image: string): string {
  const command = "sh -c 'echo kept > /data/x; sleep 60'"
  return `version: "3.7"\nservices:\n  web:\n    image: ${image}\n    command: ${command}\n    stop_grace_period: 0s\n    volumes: ["data:/data"]\nvolumes: { data: {} }\n` // prettier-ignore
}
