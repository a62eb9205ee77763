// The units for systemd: they are sound, shut what they say they shut, and the gateway takes the socket
// that systemd's own program hands over.
import assert from 'node:assert/strict'
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import { createAuthority } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import { projectRoot } from '../helpers/engine.ts'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { askDoor } from '../helpers/raw-http.ts'

const isHere = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
const analyze = (...args: string[]): SpawnSyncReturns<string> =>
  spawnSync('systemd-analyze', args, { encoding: 'utf8' })

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dockgate-unit-'))
})
after(() => rmSync(folder, { recursive: true }))

describe('the units for systemd', { skip: !isHere('systemd-analyze') && 'no systemd' }, () => {
  before(() => {
    for (const name of ['dockgate.service', 'dockgate.socket']) {
      const text = readFileSync(join(projectRoot, 'scripts/deploy', name), 'utf8')
      // Node need not be where the unit expects it for the unit to be sound.
      writeFileSync(join(folder, name), text.replaceAll('/usr/bin/node', process.execPath))
    }
  })

  it('stand systemd-analyze verify without a word', () => {
    const { status, stdout, stderr } = analyze(
      'verify',
      join(folder, 'dockgate.socket'),
      join(folder, 'dockgate.service'),
    )
    assert.deepEqual([status, stdout, stderr], [0, '', ''])
  })

  it('leave the service less exposed than 2.5, as systemd measures it', () => {
    const unit = join(folder, 'dockgate.service')
    const { status, stdout } = analyze('security', '--offline=true', '--threshold=25', unit)
    assert.equal(status, 0, stdout)
  })
})

const program = 'systemd-socket-activate'
describe(program, { skip: !isHere(program) && `${program} is not here` }, () => {
  let engine: FakeEngine
  before(async () => {
    engine = await startFakeEngine('nobody')
  })
  after(() => engine.close())

  for (const workers of [1, 2]) {
    it(`starts the gateway by the first connection, which it serves, with ${workers} at work`, async () => {
      const home = mkdtempSync(join(folder, 'home-'))
      const authority = createAuthority('test authority')
      authority.write(join(home, 'certs'))
      writeFileSync(join(home, 'roles.yaml'), 'grants: [{to: {name: admin}, roles: [admin]}]\n')
      const free = createServer().listen(0, '127.0.0.1')
      await once(free, 'listening')
      const { port } = free.address() as AddressInfo
      await new Promise((resolve) => free.close(resolve))
      const env = {
        DOCKGATE_HOME: home,
        DOCKGATE_ENGINE: `unix://${engine.path}`,
        DOCKGATE_WORKERS: String(workers),
        DOCKGATE_GRACE: '1s',
      }
      const main = join(projectRoot, 'dist/main.js')
      const gateway = spawn(
        program,
        [
          ...Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`),
          `--listen=127.0.0.1:${port}`,
          process.execPath,
          main,
          'serve',
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      )
      let said = ''
      gateway.stderr.setEncoding('utf8').on('data', (part: string) => (said += part))
      const ended = once(gateway, 'close')
      try {
        while (!said.includes('Listening on')) await once(gateway.stderr, 'data')
        const identity = authority.issue({ subject: sequence(rdn(CN, 'admin')) })
        const how = { host: '127.0.0.1', port, servername: 'localhost', ca: authority.ca }
        const door = async (): Promise<ReturnType<typeof connect>> =>
          connect({ ...how, ...identity })
        for (let turn = 0; turn < 4; turn++) {
          const { status } = await askDoor(door, { method: 'GET', path: '/info' })
          assert.equal(status, 200, said)
        }
      } finally {
        gateway.kill('SIGTERM')
        const [code] = await ended
        assert.equal(code, 0, said)
      }
    })
  }
})
