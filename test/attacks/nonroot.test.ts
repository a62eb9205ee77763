// Who is told not to be root is root nowhere: not by an exec, not by a program that makes root of
// anybody, not on the way to an image.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { runDocker, throughTls, type RunResult, type Target } from '../helpers/docker-cli.ts'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'

const word = uniqueName('nonroot')
const roles = `roles:
  plain: { includes: [developer], limits: { user: nonroot } }
grants: [{ to: { name: alice }, roles: [plain] }]
`
let gateway: GatewayProcess
let alice: Target
before(async () => {
  gateway = await startGatewayProcess({ roles })
  alice = throughTls(`tcp://127.0.0.1:${gateway.port}`, gateway.certPath('alice'))
})
after(async () => {
  await removeAll(word)
  await gateway.stop()
})

async function docker(
  args: readonly string[],
  stdin?: string,
): Promise<{ readonly exit: RunResult['exit']; readonly output: string }> {
  const options = { env: { DOCKER_BUILDKIT: '0' }, ...(stdin === undefined ? {} : { stdin }) }
  const { exit, stdout, stderr } = await runDocker(alice, args, options)
  return { exit, output: `${stdout}${stderr}` }
}

describe('a container', () => {
  it('of theirs gains nothing by a setuid program, nor does an exec in it', async () => {
    const name = `${word}-web`
    const status = ['grep', 'NoNewPrivs', '/proc/self/status']
    const run = await docker([
      'run',
      '-d',
      '--name',
      name,
      '-u',
      '1000',
      'busybox:local',
      'sleep',
      '60',
    ])
    assert.equal(run.exit, 0, run.output)
    assert.match((await docker(['exec', name, ...status])).output, /NoNewPrivs:\s+1/)
    const other = await docker(['run', '--rm', '-u', '1000', 'busybox:local', ...status])
    assert.match(other.output, /NoNewPrivs:\s+1/)
    for (const user of ['0', 'root', '0:0', '+0', '1000:0']) {
      assert.match((await docker(['exec', '-u', user, name, 'id'])).output, /limits\.user/, user)
    }
  })

  it('that runs as root, made by other means, is no way in', async () => {
    const name = `${word}-old`
    const Labels = { 'dockgate.owner': 'alice', 'dockgate.team': '' }
    const body = { Image: 'busybox:local', Cmd: ['sleep', '60'], Labels }
    await onEngine(`/containers/create?name=${name}`, { method: 'POST', body })
    assert.equal((await docker(['start', name])).exit, 0)
    assert.match((await docker(['exec', name, 'id'])).output, /limits\.user/)
    assert.match((await docker(['exec', '-u', '1000', name, 'id', '-u'])).output, /^1000$/m)
  })
})

describe('a build', () => {
  const refused: Readonly<Record<string, string>> = {
    'as the base image says': 'FROM busybox:local\nRUN id\n',
    'as root': 'FROM busybox:local\nUSER 1000\nUSER root\nRUN id\n',
    'as somebody by name': 'FROM busybox:local\nUSER nobody\nRUN id\n',
    'as a variable says': 'FROM busybox:local\nARG u=0\nUSER $u\nRUN id\n',
    'in the group of root': 'FROM busybox:local\nUSER 1000:0\nRUN id\n',
    'on nothing': 'FROM scratch\nRUN id\n',
    'in a second stage': 'FROM busybox:local AS a\nUSER 1000\nFROM busybox:local\nRUN id\n',
    'upon a stage of root’s': 'FROM busybox:local AS a\nFROM a\nrun id\n',
    'as a trigger of the stage below says':
      'FROM busybox:local AS a\nUSER 1000\nONBUILD USER 0\nFROM a\nRUN id\n',
    'in a trigger of the stage below': 'FROM busybox:local AS a\nONBUILD RUN id\nFROM a\n',
    'in odd spelling': 'FROM busybox:local\nUSER 1000\nuSeR \\\n0\nrUn id\n',
  }
  it('upon a stage that has the id of an image for its name is refused', async () => {
    const base = `${word}-base`
    const from = `FROM busybox:local\nUSER 1000\nLABEL x=`
    for (let tries = 0; ; tries++) {
      const made = await docker(['build', '-t', base, '-'], `${from}${tries}\n`)
      assert.equal(made.exit, 0, made.output)
      const { Id } = await onEngine<{ Id: string }>(`/images/${base}/json`)
      const id = Id.replace('sha256:', '')
      // The name of a stage begins with a letter.
      if (!/^[a-f]/.test(id)) continue
      const text = `FROM busybox:local AS ${id}\nFROM ${base}\nRUN id -u\n`
      const { exit, output } = await docker(['build', '--no-cache', '-'], text)
      assert.notEqual(exit, 0, output)
      assert.match(output, /the name of the stage is an id/)
      break
    }
  })
  for (const [how, dockerfile] of Object.entries(refused)) {
    it(`runs nothing ${how}`, async () => {
      const { exit, output } = await docker(
        ['build', '--no-cache', '-t', `${word}-no`, '-'],
        dockerfile,
      )
      assert.notEqual(exit, 0)
      assert.match(output, /RUN in line \d+ as .* is not allowed .*limits\.user/, output)
    })
  }

  it('runs as a number, in this stage and upon it', async () => {
    const dockerfile =
      'FROM busybox:local AS a\nUSER 1000\nRUN test "$(id -u)" = 1000\nFROM a\nRUN test "$(id -u)" = 1000\n'
    const built = await docker(['build', '-t', `${word}-base`, '-'], dockerfile)
    assert.equal(built.exit, 0, built.output)
    const upon = `FROM ${word}-base\nRUN test "$(id -u)" = 1000\n`
    const second = await docker(['build', '-t', `${word}-upon`, '-'], upon)
    assert.equal(second.exit, 0, second.output)
  })

  it('is made nobody else by the triggers of its base', async () => {
    const base = 'FROM busybox:local\nUSER 1000\nONBUILD USER 0\n'
    const made = await docker(['build', '-t', `${word}-trigger`, '-'], base)
    assert.equal(made.exit, 0, made.output)
    const { exit, output } = await docker(['build', '-'], `FROM ${word}-trigger\nRUN id\n`)
    assert.notEqual(exit, 0)
    assert.match(output, /ONBUILD USER .*limits\.user/)
  })
})
