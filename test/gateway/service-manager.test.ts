// What a service manager sees of the gateway: readiness, signs of life, signals, and a socket that it
// hands over; spoken to over a socket as systemd's own.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { connect } from 'node:tls'
import { createAuthority, type Authority } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'
import { projectRoot } from '../helpers/engine.ts'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { RawConnection, requestBytes } from '../helpers/raw-http.ts'

const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", " "), flush=True)
`

let home: string
let authority: Authority
let engine: FakeEngine
let heard: string[]
let listener: ChildProcess
let port: Server
let number: number
let gateway: ChildProcess | undefined
let log: string

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'dockgate-managed-'))
  authority = createAuthority('test authority')
  authority.write(join(home, 'certs'))
  writeFileSync(join(home, 'roles.yaml'), 'grants: [{to: {name: admin}, roles: [admin]}]\n')
  engine = await startFakeEngine('nobody')
  heard = []
  log = ''
  listener = spawn('python3', ['-c', receiver, join(home, 'notify')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  assert.ok(listener.stdout)
  const lines = createInterface(listener.stdout)
  await once(lines, 'line')
  lines.on('line', (line) => heard.push(line))
  port = createServer()
  port.listen(0, '127.0.0.1')
  await once(port, 'listening')
  number = (port.address() as AddressInfo).port
})
afterEach(async () => {
  gateway?.kill('SIGKILL')
  listener.kill()
  await engine.close()
  rmSync(home, { recursive: true, force: true })
})

/** As systemd starts it, with a port of its own handed over as descriptor 3. */
function start(env: Readonly<Record<string, string>> = {}): ChildProcess {
  // Node tells the descriptor of a socket that listens nowhere else.
  // oxlint-disable-next-line no-underscore-dangle
  const { fd } = (port as unknown as { readonly _handle: { readonly fd: number } })._handle
  const main = join(projectRoot, 'dist/main.js')
  const script = `export LISTEN_PID=$$ WATCHDOG_PID=$$; exec ${process.execPath} ${main} serve`
  const child = spawn('sh', ['-c', script], {
    env: {
      PATH: process.env['PATH'],
      DOCKGATE_HOME: home,
      DOCKGATE_ENGINE: `unix://${engine.path}`,
      DOCKGATE_LISTEN: '127.0.0.1:1',
      LISTEN_FDS: '1',
      NOTIFY_SOCKET: join(home, 'notify'),
      WATCHDOG_USEC: '1000000',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe', fd],
  })
  child.stderr?.setEncoding('utf8').on('data', (part: string) => (log += part))
  gateway = child
  // From here on nobody but the gateway takes connections from it.
  port.close()
  return child
}

async function until(expected: () => boolean): Promise<void> {
  const begun = Date.now()
  while (!expected()) {
    assert.ok(Date.now() - begun < 15_000, `not in time:\n${heard.join('\n')}\n${log}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const says = (words: string) => (): boolean => heard.some((line) => line.includes(words))

async function info(): Promise<number> {
  const identity = authority.issue({ subject: sequence(rdn(CN, 'admin')) })
  const ca = authority.ca
  const how = { host: '127.0.0.1', port: number, servername: 'localhost', ca, ...identity }
  const connection = new RawConnection(connect(how))
  connection.send(requestBytes({ method: 'GET', path: '/info' }))
  const { status } = (await connection.answer()) ?? { status: 0 }
  connection.close()
  return status
}

describe('under a service manager', () => {
  for (const workers of ['1', '2']) {
    it(`serves on the socket that it is handed, with ${workers} at work`, async () => {
      const child = start({ DOCKGATE_WORKERS: workers })
      await until(says('READY=1'))
      assert.equal(await info(), 200)
      await until(() => heard.filter((line) => line === 'WATCHDOG=1').length >= 2)
      child.kill('SIGTERM')
      const [code] = await once(child, 'close')
      assert.equal(code, 0)
      await until(says('STOPPING=1'))
    })
  }

  it('is ready only when the engine answers', async () => {
    const away = join(home, 'engine.sock')
    start({ DOCKGATE_ENGINE: `unix://${away}` })
    await until(says('STATUS=not ready: the engine does not answer: ENOENT'))
    assert.ok(says('EXTEND_TIMEOUT_USEC=')())
    const env = { DOCKGATE_HOME: home, DOCKGATE_LISTEN: `127.0.0.1:${number}` }
    const early = await runDockgate(['health', '--ready'], env)
    assert.deepEqual([early.status, (await runDockgate(['health'], env)).status], [1, 0])
    assert.match(early.stderr, /is not ready: the engine does not answer/)
    assert.ok(!says('READY=1')())
    const late = await startFakeEngine('nobody', away)
    try {
      await until(says('READY=1'))
      const ready = await runDockgate(['health', '--ready', '--wait', '5'], env)
      assert.equal(ready.status, 0, ready.stderr)
    } finally {
      await late.close()
    }
  })

  for (const workers of ['1', '2']) {
    it(`lets a stream go on after a first signal and not after a second, with ${workers} at work`, async () => {
      const child = start({ DOCKGATE_GRACE: '1m', DOCKGATE_WORKERS: workers })
      await until(says('READY=1'))
      const identity = authority.issue({ subject: sequence(rdn(CN, 'admin')) })
      const how = { host: '127.0.0.1', port: number, servername: 'localhost' }
      const socket = connect({ ...how, ca: authority.ca, ...identity })
      // A request whose body never ends.
      socket.write('POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx')
      let isClosed = false
      socket.on('error', () => {})
      socket.on('close', () => (isClosed = true))
      const audits = workers === '1' ? ['audit.log'] : ['audit.w1.log', 'audit.w2.log']
      await until(() =>
        audits.some((name) => readFileSync(join(home, name), 'utf8').includes('image.load')),
      )
      child.kill('SIGTERM')
      await until(says('STOPPING=1'))
      assert.equal(isClosed, false)
      child.kill('SIGTERM')
      const [code] = await once(child, 'close')
      assert.equal(code, 1)
      await until(() => isClosed)
    })
  }
})
