// The docker command lines through `dockgate connect`, a gateway and a real engine: what they print and
// how they end is what it is on the engine's socket.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { dockerPrograms, onSocket, runDocker, type Target } from '../helpers/docker-cli.ts'
import { serveDockgate, type Serving } from '../helpers/dockgate-process.ts'
import { removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'

const roles =
  'grants:\n  - {to: {name: app}, roles: [admin]}\n  - {to: {name: looker}, roles: [viewer]}\n'
const folder = mkdtempSync(join(tmpdir(), 'dockgate-connect-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const name = uniqueName('connect')
after(() => removeAll(name))

let gateway: GatewayProcess
const helpers: Serving[] = []
before(async () => {
  gateway = await startGatewayProcess({ roles })
  for (const who of ['app', 'looker']) {
    const to = `tcp://127.0.0.1:${gateway.port}`
    const args = ['connect', '--socket', socketOf(who), '--to', to, '--cert', gateway.certPath(who)]
    helpers.push(await serveDockgate(args, {}))
  }
})
after(async () => {
  for (const helper of helpers) await helper.stop()
  await gateway.stop()
})
const socketOf = (who: string): string => join(folder, `${who}.sock`)
const through = (who: string): Target => ({ DOCKER_HOST: `unix://${socketOf(who)}` })

describe('a unix socket of dockgate connect', () => {
  for (const program of dockerPrograms) {
    const both = async (
      args: readonly string[],
      options: Parameters<typeof runDocker>[2] = {},
    ): Promise<void> => {
      const direct = await runDocker(onSocket(), args, { ...options, program })
      const carried = await runDocker(through('app'), args, { ...options, program })
      assert.deepEqual(carried, direct)
    }

    it(`runs what ${program} runs, with its output, its errors and its exit code`, async () => {
      await both(['run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7'])
    })

    it(`ends the input of a container where ${program} ends its own, and reads on`, async () => {
      const script = 'cat; echo the end; exit 3'
      await both(['run', '--rm', '-i', 'busybox', 'sh', '-c', script], { stdin: 'some data\n' })
    })

    it(`gives ${program} a terminal`, async () => {
      const args = ['run', '--rm', '-it', 'busybox', 'sh']
      const terminal = [
        { expect: '# ', send: 'stty size\n', resize: { rows: 31, columns: 99 } },
        { expect: '# ', send: 'exit 5\n' },
      ]
      const { exit, stdout } = await runDocker(through('app'), args, { program, terminal })
      assert.equal(exit, 5, stdout)
    })

    it(`carries cp, exec -i and logs -f of ${program}`, async () => {
      const own = `${name}-${dockerPrograms.indexOf(program)}`
      const app = through('app')
      const script = 'echo first; while [ ! -e /go ]; do sleep 0.1; done; echo last'
      const started = await runDocker(app, ['run', '-d', '--name', own, 'busybox', 'sh', '-c', script], { program }) // prettier-ignore
      assert.equal(started.exit, 0, started.stderr)

      const bytes = Buffer.alloc(3_000_000, 'dockgate')
      writeFileSync(join(folder, own), bytes)
      await runDocker(app, ['cp', join(folder, own), `${own}:/tmp/there`], { program })
      await runDocker(app, ['cp', `${own}:/tmp/there`, join(folder, `${own}-back`)], { program })
      assert.ok(readFileSync(join(folder, `${own}-back`)).equals(bytes))

      const summed = await runDocker(app, ['exec', '-i', own, 'sh', '-c', 'wc -c; exit 4'], {
        program,
        stdin: bytes,
      })
      assert.deepEqual(summed, { stdout: '3000000\n', stderr: '', exit: 4 })

      const following = runDocker(app, ['logs', '-f', own], {
        program,
        when: [
          {
            printed: 'first',
            act: () => void runDocker(app, ['exec', own, 'touch', '/go'], { program }),
          },
        ],
      })
      assert.deepEqual(await following, { stdout: 'first\nlast\n', stderr: '', exit: 0 })
    })

    it(`has the rights of its certificate, and says so to ${program}`, async () => {
      const args = ['run', '--rm', 'busybox', 'true']
      const { stderr, exit } = await runDocker(through('looker'), args, { program })
      assert.match(stderr, /looker may not container\.create here: their role "viewer" does not/)
      assert.equal(exit, 125)
    })
  }

  it('lets go of a silent stream soon after its client was killed', async () => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, ...through('app') }
    const child = spawn('/usr/bin/docker', ['events'], { env, stdio: 'ignore' })
    const seen = async (what: RegExp): Promise<void> => {
      while (!what.test(gateway.logs())) await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await seen(/"event":"decided".*"who":"app".*"operation":"system.events"/)
    child.kill('SIGKILL')
    await once(child, 'close')
    await seen(/"event":"ended".*"operation":"system.events".*"how":"client-left"/)
  })
})
