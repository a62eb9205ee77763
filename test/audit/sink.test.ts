// The audit's second sink: all that the file has comes to a collector as well, and a collector that is
// slow, gone or back is no request's concern.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { chainFiles } from '../../src/audit/chains.ts'
import { createSink } from '../../src/audit/sink/sink.ts'
import { createAuthority } from '../helpers/authority.ts'
import { projectRoot } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { receiveLogs, type LogReceiver, type ReceiverKind } from '../helpers/log-receiver.ts'
import { askDoor } from '../helpers/raw-http.ts'

const roles = `grants:
  - { to: { name: alice }, roles: [admin] }
  - { to: { name: bob }, roles: [viewer] }
`
const folder = mkdtempSync(join(tmpdir(), 'dockgate-sink-'))
const enginePath = join(folder, 'engine.sock')
let engine: Server
before(async () => {
  engine = createServer((asked, answer) => {
    asked.resume()
    answer.end('[]')
  }).listen(enginePath)
  await once(engine, 'listening')
})
after(() => {
  engine.close()
  engine.closeAllConnections()
  rmSync(folder, { recursive: true })
})

async function until(expected: () => boolean | Promise<boolean>, what: () => string) {
  const start = Date.now()
  while (!(await expected())) {
    assert.ok(Date.now() - start < 30_000, `not in time: ${what()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const start = (place: string, workers = '1'): Promise<GatewayProcess> =>
  startGatewayProcess({
    roles,
    enginePath,
    settings: `audit: { sink: "${place}" }\nworkers: ${workers}\n`,
  })

async function ask(gateway: GatewayProcess, name: string, path: string): Promise<number> {
  const door = gateway.door(gateway.identity(name))
  return (await askDoor(door, { method: path.includes('/json') ? 'GET' : 'POST', path })).status
}

/** All lines of all chains. */
const recorded = (home: string): readonly string[] =>
  chainFiles(join(home, 'audit.log')).flatMap((file) =>
    readFileSync(file, 'utf8').split('\n').slice(0, -1),
  )

const shape =
  /^<(\d+)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [\x21-\x7e]+ dockgate (\d+) ([a-z]+) - (\{.*\})$/

const textsOf = ({ messages }: LogReceiver): readonly string[] =>
  messages.map((message) => {
    const [, , , , line = ''] = shape.exec(message) ?? []
    assert.notEqual(line, '', message)
    return line
  })

async function arrived(gateway: GatewayProcess, receiver: LogReceiver): Promise<void> {
  const missing = (): readonly string[] => {
    const got = new Set(textsOf(receiver))
    return recorded(gateway.home).filter((line) => !got.has(line))
  }
  await until(
    () => missing().length === 0,
    () => `${missing().join('\n')}\n${gateway.log()}`,
  )
}

const kinds: readonly ReceiverKind[] = ['tcp', 'udp', 'unix']

describe('a second sink of the audit', () => {
  for (const kind of kinds) {
    it(`gets every record over ${kind}, as a message of syslog`, async () => {
      const receiver = await receiveLogs(kind, folder)
      const gateway = await start(receiver.place)
      try {
        assert.equal(await ask(gateway, 'alice', '/containers/json'), 200)
        assert.equal(await ask(gateway, 'bob', '/containers/x%0a<14>1/start'), 400)
        await arrived(gateway, receiver)
        assert.deepEqual(textsOf(receiver).slice(0, 4), recorded(gateway.home).slice(0, 4))
        const denial = receiver.messages.find((message) => message.includes('"bob"')) ?? ''
        const [, priority, pid, id] = shape.exec(denial) ?? []
        assert.deepEqual([priority, pid, id], ['108', String(gateway.pid), 'decided'])
        const other = receiver.messages.find((message) => message.includes('"alice"')) ?? ''
        assert.equal(shape.exec(other)?.[1], '110')
      } finally {
        await gateway.stop()
        await receiver.close()
      }
      assert.match(receiver.messages.at(-1) ?? '', /"why":"closed"/, 'the last record too')
    })
  }

  for (const kind of kinds) {
    it(`keeps for a collector over ${kind} what it missed while it was gone`, async () => {
      const first = await receiveLogs(kind, folder)
      const gateway = await start(first.place)
      try {
        await arrived(gateway, first)
        await first.close()
        // Of datagrams the one that nobody was there for is lost; the next waits for somebody.
        for (let count = 0; count < 5; count++) {
          assert.equal(await ask(gateway, 'alice', `/images/json?${count}`), 200)
        }
        const fails = /the second sink of the audit fails/g
        await until(
          () => fails.test(gateway.log()),
          () => gateway.log(),
        )
        assert.equal(await ask(gateway, 'alice', '/volumes/json'), 200)
        const second = await receiveLogs(kind, folder, first.place)
        await until(
          async () => {
            await ask(gateway, 'alice', '/containers/json')
            return /takes records again/.test(gateway.log())
          },
          () => gateway.log(),
        )
        if (kind === 'udp') assert.ok(second.messages.length > 0)
        else {
          const got = new Set([...textsOf(first), ...textsOf(second)])
          await until(
            () => second.messages.length > 0,
            () => gateway.log(),
          )
          assert.deepEqual(
            recorded(gateway.home)
              .slice(0, 10)
              .filter((line) => !got.has(line)),
            [],
          )
        }
        assert.equal(gateway.log().match(fails)?.length, 1, 'told once')
        await second.close()
      } finally {
        await gateway.stop()
      }
    })
  }

  it('serves while its collector is not there at all, and stops in time', async () => {
    const gateway = await start('tcp://127.0.0.1:1')
    assert.equal(await ask(gateway, 'alice', '/containers/json'), 200)
    await until(
      () => gateway.log().includes('the second sink of the audit fails'),
      () => gateway.log(),
    )
    await gateway.stop()
    assert.match(gateway.log(), /"left":[1-9]\d*,"msg":"not all records went to the second sink"/)
  })

  it('has the records of all workers', async () => {
    const receiver = await receiveLogs('tcp', folder)
    const gateway = await start(receiver.place, '2')
    try {
      for (let count = 0; count < 6; count++) await ask(gateway, 'alice', '/containers/json')
      await arrived(gateway, receiver)
      const pids = new Set(receiver.messages.map((message) => shape.exec(message)?.[2]))
      assert.equal(pids.size, 3, 'the process that holds the files has a chain too')
    } finally {
      await gateway.stop()
      await receiver.close()
    }
  })

  for (const workers of ['1', '2']) {
    it(
      `writes the same lines to stdout, with ${workers} serving, outlives its reader, and stops at once`,
      { timeout: 120_000 },
      async () => {
        const home = mkdtempSync(join(tmpdir(), 'dockgate-stdout-'))
        createAuthority('test authority').write(join(home, 'certs'))
        writeFileSync(join(home, 'roles.yaml'), roles)
        const main = join(projectRoot, 'dist/main.js')
        const child = spawn(process.execPath, [main, 'serve'], {
          env: {
            ...process.env,
            DOCKGATE_HOME: home,
            DOCKGATE_LISTEN: '127.0.0.1:0',
            DOCKGATE_ENGINE: `unix://${enginePath}`,
            DOCKGATE_AUDIT_SINK: 'stdout',
            DOCKGATE_WORKERS: workers,
            // With nothing under way it is not waited for.
            DOCKGATE_GRACE: '10m',
          },
          stdio: ['ignore', 'pipe', 'pipe'],
        })
        let log = ''
        child.stderr.setEncoding('utf8').on('data', (part: string) => (log += part))
        const closed = once(child, 'close')
        const lines: string[] = []
        createInterface(child.stdout).on('line', (line) => lines.push(line))
        await until(
          () => log.includes('"msg":"listening"'),
          () => log,
        )
        const all = (): boolean => recorded(home).every((line) => lines.includes(line))
        await until(
          () => lines.length > 0 && all(),
          () => lines.join('\n'),
        )
        child.stdout.destroy()
        // The next checkpoint, or record of a worker, meets a pipe without a reader.
        child.kill('SIGTERM')
        assert.deepEqual(await closed, [0, null])
        assert.ok(recorded(home).some((line) => line.includes('"why":"closed"')))
        rmSync(home, { recursive: true })
      },
    )
  }

  it('stops though nobody reads the pipe that is its stdout', { timeout: 60_000 }, async () => {
    const home = mkdtempSync(join(tmpdir(), 'dockgate-full-'))
    createAuthority('test authority').write(join(home, 'certs'))
    writeFileSync(join(home, 'roles.yaml'), roles)
    execFileSync('mkfifo', [join(home, 'pipe')])
    const pipe = openSync(join(home, 'pipe'), 'r+')
    writeSync(pipe, Buffer.alloc(65_536))
    const child = spawn(process.execPath, [join(projectRoot, 'dist/main.js'), 'serve'], {
      env: {
        ...process.env,
        DOCKGATE_HOME: home,
        DOCKGATE_LISTEN: '127.0.0.1:0',
        DOCKGATE_ENGINE: `unix://${enginePath}`,
        DOCKGATE_AUDIT_SINK: 'stdout',
      },
      stdio: ['ignore', pipe, 'pipe'],
    })
    let log = ''
    child.stderr?.setEncoding('utf8').on('data', (part: string) => (log += part))
    const closed = once(child, 'close')
    await until(
      () => log.includes('"msg":"listening"'),
      () => log,
    )
    // Whoever minds the signal does so right after that line.
    await new Promise((resolve) => setTimeout(resolve, 500))
    child.kill('SIGTERM')
    assert.deepEqual(await closed, [0, null])
    assert.match(log, /"left":\d+,"msg":"not all records went to the second sink"/)
    closeSync(pipe)
    rmSync(home, { recursive: true })
  })

  it('drops and counts what a deaf collector does not take, beyond a bound', async () => {
    const receiver = await receiveLogs('tcp', folder)
    receiver.deaf()
    const told: string[] = []
    let dropped = 0
    const sink = createSink({
      target: { kind: 'tcp', host: '127.0.0.1', port: Number(receiver.place.split(':').at(-1)) },
      dropped: (count) => (dropped += count),
      failing: (why) => told.push(why),
      recovered: () => told.push('recovered'),
      left: () => told.push('left'),
    })
    const many = Array.from({ length: 1_000 }, () => 'x'.repeat(1_000))
    for (let count = 0; count < 40; count++) {
      sink.take(many, 1)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(dropped > 10_000 && dropped < 36_000, String(dropped))
    assert.deepEqual(told, ['it does not take what is recorded'])
    await sink.close(50)
    assert.equal(told.at(-1), 'left')
    await receiver.close()
  })
})
