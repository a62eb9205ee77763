// What becomes of whom under which fault, as a table: of those who ask while it lasts, of a stream that
// was under way when it came, and of those who ask when it is over, without a restart.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { after, before, describe, it } from 'node:test'
import { onEngine, privateEngine, projectRoot, type PrivateEngine } from '../helpers/engine.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, RawConnection, requestBytes, type RawAsk } from '../helpers/raw-http.ts'

const roles = 'grants: [{to: {name: admin}, roles: [admin]}]\n'
const name = 'faults'
const dayMs = 86_400_000

let engine: PrivateEngine
const socketPath = (): string => engine.engine.slice('unix://'.length)

async function startEngine(): Promise<void> {
  engine = await privateEngine(name)
  const talks = ['sh', '-c', 'while :; do echo tick; sleep 0.2; done']
  const body = { Image: 'busybox:local', Cmd: talks }
  const ask = { method: 'POST', socketPath: socketPath() }
  await onEngine('/containers/create?name=talker', { ...ask, body })
  await onEngine('/containers/talker/start', ask)
}

interface Fault {
  readonly name: string
  readonly settings?: string
  readonly env?: (home: string) => Readonly<Record<string, string>>
  readonly halfOpen?: true
  readonly begin: (gateway: GatewayProcess) => unknown
  readonly mend: (gateway: GatewayProcess) => unknown
  /** Who asks meanwhile: for a list, and for a change. */
  readonly list: number
  readonly change: number
  /** A stream that was under way. */
  readonly stream: 'stays' | 'cut'
}

const file = (path: string, text: string) => (gateway: GatewayProcess) =>
  writeFileSync(join(gateway.home, path), text)
const kept = new Map<string, string>()
const breakFile = (path: string) => (gateway: GatewayProcess) => {
  kept.set(path, readFileSync(join(gateway.home, path), 'utf8'))
  file(path, 'this is broken\n')(gateway)
}
const mendFile = (path: string) => (gateway: GatewayProcess) =>
  file(path, kept.get(path) ?? '')(gateway)
const dockerd = (signal: NodeJS.Signals) => () => process.kill(pidOf('dockerd', engine.pid), signal)
const auditOnSmallDisk = (home: string): Record<string, string> => {
  const disk = join(home, 'disk')
  mkdirSync(disk)
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk])
  return { DOCKGATE_AUDIT: join(disk, 'audit.log') }
}
/** Until requests are refused: some records still have room in the last page of the log. */
const fillDisk = async (gateway: GatewayProcess, path = '/_ping'): Promise<void> => {
  const disk = join(gateway.home, 'disk')
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize))
  const door = gateway.door(gateway.identity('admin'))
  const ask = { method: path === '/_ping' ? 'GET' : 'POST', path }
  for (let index = 0, refused = 0; index < 100 && refused < 5; index++) {
    if ((await askDoor(door, ask)).status === 503) refused++
  }
}
const freeDisk = ({ home }: GatewayProcess): void => rmSync(join(home, 'disk/filler'))
const shifted = (shiftMs: number) => () => ({
  NODE_OPTIONS: `--import ${join(projectRoot, 'test/helpers/shifted-clock.mjs')}`,
  CLOCK_SHIFT_MS: String(shiftMs),
})
const shift = ({ pid }: GatewayProcess): void => void process.kill(pid, 'SIGUSR2')
/** Each of them is replaced by the time that it begins. */
const endWorkers = (signal: NodeJS.Signals) => async (gateway: GatewayProcess) => {
  const pids = await workersOf(gateway)
  for (const pid of pids) process.kill(pid, signal)
  while ((await workersOf(gateway)).filter((pid) => !pids.includes(pid)).length < 2);
}

const faults: readonly Fault[] = [
  {
    name: 'the engine is stopped',
    begin: dockerd('SIGSTOP'),
    mend: dockerd('SIGCONT'),
    list: 504,
    change: 504,
    stream: 'stays',
  },
  {
    name: 'the engine is killed, and another one comes in its place',
    begin: async () => {
      process.kill(engine.pid, 'SIGKILL')
      await engine.down()
    },
    mend: startEngine,
    list: 502,
    change: 502,
    stream: 'cut',
  },
  {
    name: 'the disk of the audit is full',
    env: auditOnSmallDisk,
    begin: (gateway) => fillDisk(gateway),
    mend: freeDisk,
    list: 503,
    change: 503,
    stream: 'stays',
  },
  {
    name: 'the disk of the audit of two workers is full',
    env: (home) => ({ ...auditOnSmallDisk(home), DOCKGATE_WORKERS: '2' }),
    begin: (gateway) => fillDisk(gateway),
    mend: freeDisk,
    list: 503,
    change: 503,
    stream: 'stays',
  },
  {
    name: 'the disk of the audit is full, and what reads may go on',
    settings: 'audit: { onFailure: allow-reads }\n',
    env: auditOnSmallDisk,
    begin: (gateway) => fillDisk(gateway, '/containers/none/restart'),
    mend: freeDisk,
    list: 200,
    change: 503,
    stream: 'stays',
  },
  {
    name: 'the roles are broken',
    begin: breakFile('roles.yaml'),
    mend: mendFile('roles.yaml'),
    list: 200,
    change: 201,
    stream: 'stays',
  },
  {
    name: 'the certificate is broken',
    begin: breakFile('certs/server/cert.pem'),
    mend: mendFile('certs/server/cert.pem'),
    list: 200,
    change: 201,
    stream: 'stays',
  },
  {
    name: 'the authority is broken',
    begin: breakFile('certs/ca.pem'),
    mend: mendFile('certs/ca.pem'),
    list: 200,
    change: 201,
    stream: 'stays',
  },
  {
    name: 'the revocation list is broken',
    begin: breakFile('certs/crl.pem'),
    mend: mendFile('certs/crl.pem'),
    list: 200,
    change: 201,
    stream: 'stays',
  },
  {
    name: 'the settings are broken',
    settings: 'patience: 1s\n',
    begin: breakFile('dockgate.yaml'),
    mend: mendFile('dockgate.yaml'),
    list: 200,
    change: 201,
    stream: 'stays',
  },
  {
    name: 'the clock goes past the end of the certificate',
    env: shifted(2 * dayMs),
    begin: shift,
    mend: shift,
    list: 403,
    change: 403,
    stream: 'cut',
  },
  {
    name: 'the clock goes back before the certificate',
    env: shifted(-2 * dayMs),
    begin: shift,
    mend: shift,
    list: 403,
    change: 403,
    stream: 'stays',
  },
  {
    name: 'the gateway itself was stopped for a while',
    env: () => ({ DOCKGATE_WORKERS: '2' }),
    begin: async ({ pid }) => {
      process.kill(pid, 'SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      process.kill(pid, 'SIGCONT')
    },
    mend: () => undefined,
    list: 200,
    change: 201,
    stream: 'stays',
  },
  {
    name: 'each worker is killed',
    env: () => ({ DOCKGATE_WORKERS: '2' }),
    begin: endWorkers('SIGKILL'),
    mend: () => undefined,
    list: 200,
    change: 201,
    stream: 'cut',
  },
  {
    name: 'each worker says nothing any more',
    env: () => ({ DOCKGATE_WORKERS: '2' }),
    begin: endWorkers('SIGSTOP'),
    mend: () => undefined,
    list: 200,
    change: 201,
    stream: 'cut',
  },
  {
    name: 'clients end their side as soon as they have asked',
    halfOpen: true,
    begin: () => undefined,
    mend: () => undefined,
    list: 200,
    change: 201,
    stream: 'cut',
  },
]

before(startEngine)
after(() => engine.down())

for (const fault of faults) {
  describe(`while ${fault.name}`, () => {
    let gateway: GatewayProcess
    let stream: TLSSocket
    let received = 0
    before(async () => {
      gateway = await startGatewayProcess({
        roles,
        enginePath: socketPath(),
        env: { DOCKGATE_PATIENCE: '1s' },
        ...(fault.settings && { settings: fault.settings }),
        ...(fault.env && { prepare: fault.env }),
      })
      stream = await gateway.connect(gateway.identity('admin'))
      stream.on('error', () => {})
      stream.on('data', (part: Buffer) => (received += part.length))
      stream.on('end', () => stream.destroy())
      const path = '/containers/talker/logs?follow=1&stdout=1'
      stream.write(requestBytes({ method: 'GET', path }))
      await once(stream, 'data')
      if (fault.halfOpen === true) stream.end()
      await fault.begin(gateway)
    })
    after(async () => {
      stream.destroy()
      spawnSync('umount', ['-l', join(gateway.home, 'disk')], { stdio: 'ignore' })
      await gateway.stop()
    })

    const ask = async (asked: RawAsk): Promise<number> => {
      const connection = new RawConnection(await gateway.connect(gateway.identity('admin')))
      connection.send(requestBytes(asked))
      if (fault.halfOpen === true) connection.finish()
      const { status } = (await connection.answer(asked.method)) ?? { status: 0 }
      connection.close()
      return status
    }
    const list = { method: 'GET', path: '/containers/json' }
    const change = {
      method: 'POST',
      path: '/containers/create',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ Image: 'busybox:local', Cmd: ['true'] }),
    }

    it(`a stream under way ${fault.stream === 'cut' ? 'is cut' : 'stays'}`, async () => {
      const isCut = await Promise.race([
        stream.closed || once(stream, 'close').then(() => true),
        new Promise((resolve) => setTimeout(() => resolve(false), 3_000)),
      ])
      assert.equal(isCut === true ? 'cut' : 'stays', fault.stream)
    })
    it(`a list is answered with ${fault.list}`, async () => {
      assert.equal(await ask(list), fault.list)
    })
    it(`a change is answered with ${fault.change}`, async () => {
      assert.equal(await ask(change), fault.change)
    })
    it('and when it is over all is as before', async () => {
      const earlier = received
      await fault.mend(gateway)
      const until = Date.now() + 10_000
      while ((await ask(list)) !== 200) assert.ok(Date.now() < until, gateway.log())
      assert.equal(await ask(change), 201)
      if (fault.stream === 'cut') return
      const goesOn = (): boolean => received > earlier
      while (!goesOn()) {
        assert.ok(Date.now() < until, 'the stream is silent')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })
  })
}

async function workersOf({ home }: GatewayProcess): Promise<readonly number[]> {
  const { stdout } = await runDockgate(['status', '--json'], { DOCKGATE_HOME: home })
  return JSON.parse(stdout).workers.map(({ pid }: { readonly pid: number }) => pid)
}

/** A process below another one, by the name of its program. */
function pidOf(program: string, ancestor: number): number {
  const parents = new Map<number, number>()
  const named: number[] = []
  for (const entry of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
      if (stat.includes(`(${program})`)) named.push(Number(entry))
    } catch {
      // It has ended meanwhile.
    }
  }
  const isBelow = (pid: number): boolean =>
    pid === ancestor || (parents.has(pid) && isBelow(parents.get(pid) ?? 0))
  const found = named.find(isBelow)
  assert.ok(found, `no ${program} below ${ancestor}`)
  return found
}
