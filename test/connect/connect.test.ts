// `dockgate connect` as a process of its own, before gateways that do what a test wants of them.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect as connectTo, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, describe, it } from 'node:test'
import { createServer as createTls, type Server, type TLSSocket } from 'node:tls'
import { createAuthority, type Authority } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import { runDockgate, serveDockgate, type Serving } from '../helpers/dockgate-process.ts'
import { askDoor, RawConnection, requestBytes, type Door } from '../helpers/raw-http.ts'

const root = mkdtempSync(join(tmpdir(), 'dockgate-connect-'))
after(() => rmSync(root, { recursive: true, force: true }))
const authority = createAuthority('test authority')
authority.write(join(root, 'certs'))

function bundle(name: string, of: Authority = authority): string {
  const path = join(root, 'clients', name)
  mkdirSync(path, { recursive: true })
  const { cert, key } = of.issue({ subject: sequence(rdn(CN, name)) })
  for (const [file, pem] of Object.entries({ ca: authority.ca, cert, key })) {
    writeFileSync(join(path, `${file}.pem`), pem, { mode: 0o600 })
  }
  return path
}

/** A gateway that asks for a certificate and leaves the rest to the test. */
async function listen(use: (socket: TLSSocket) => void, port = 0): Promise<Server> {
  const server = createTls(
    {
      cert: readFileSync(join(root, 'certs/server/cert.pem')),
      key: readFileSync(join(root, 'certs/server/key.pem')),
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: true,
      allowHalfOpen: true,
    },
    (socket) => {
      socket.on('error', () => {})
      use(socket)
    },
  )
  server.on('tlsClientError', () => {})
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return server
}
const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port

const answerOk = (socket: TLSSocket): void => {
  socket.on('data', () => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK'))
  socket.on('end', () => socket.end())
}

let count = 0
interface Helper {
  readonly path: string
  readonly serving: Serving
  readonly door: Door
}
async function offer(port: number, cert = bundle('app'), ...more: string[]): Promise<Helper> {
  const path = join(root, `${++count}.sock`)
  const to = `tcp://127.0.0.1:${port}`
  const serving = await serveDockgate(['connect', '--socket', path, '--to', to, '--cert', cert, ...more], {}) // prettier-ignore
  return { path, serving, door: () => localConnection(path) }
}
async function localConnection(path: string): Promise<Socket> {
  const socket = connectTo({ path, allowHalfOpen: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

const ping = { method: 'GET', path: '/_ping' }
const messageOf = (body: Buffer): string => JSON.parse(body.toString()).message

/** A port where nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

describe('the socket of dockgate connect', () => {
  it('is open to its owner alone, and gone after SIGTERM', async () => {
    const { path, serving } = await offer(1)
    assert.equal(serving.line, `dockgate: ${path} is CN=app at tcp://127.0.0.1:1`)
    assert.equal(lstatSync(path).mode & 0o777, 0o600)
    await serving.stop()
    assert.equal(existsSync(path), false)
  })

  it('has the mode that is asked for', async () => {
    const { path, serving } = await offer(1, bundle('app'), '--mode', '0660', '--json')
    assert.deepEqual(JSON.parse(serving.line), {
      socket: path,
      to: 'tcp://127.0.0.1:1',
      subject: 'CN=app',
    })
    assert.equal(lstatSync(path).mode & 0o777, 0o660)
    await serving.stop()
  })

  it('takes the place of one whose process died, never of one that is listened on', async () => {
    const first = await offer(1)
    const again = ['connect', '--socket', first.path, '--to', 'tcp://127.0.0.1:1', '--cert', bundle('app')] // prettier-ignore
    const refused = await runDockgate(again, {})
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /somebody listens on ".*\.sock" already/)
    await first.serving.stop('SIGKILL')
    assert.equal(existsSync(first.path), true)
    const second = await serveDockgate(again, {})
    await second.stop()
  })

  it('never replaces a file that is no socket', async () => {
    const path = join(root, 'precious')
    writeFileSync(path, 'kept')
    const args = ['connect', '--socket', path, '--to', 'tcp://h:1', '--cert', bundle('app')]
    const { status, stderr } = await runDockgate(args, {})
    assert.equal(status, 1)
    assert.match(stderr, /"\/.*\/precious" is there already and is no socket/)
    assert.equal(readFileSync(path, 'utf8'), 'kept')
  })

  const refused: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ['no socket', ['--to', 'tcp://h:1', '--cert', 'x'], 2, /--socket PATH is missing/],
    ['no gateway', ['--socket', 's', '--cert', 'x'], 2, /--to tcp:\/\/HOST:2376 is missing/],
    ['a gateway without TLS', ['--socket', 's', '--to', 'http://h:1', '--cert', 'x'], 2, /no way to it without mutual TLS/], // prettier-ignore
    ['a mode nobody can use', ['--socket', 's', '--to', 'tcp://h:1', '--cert', 'x', '--mode', '0066'], 2, /--mode takes 0600, 0660 or 0666/], // prettier-ignore
    ['no bundle', ['--socket', 's', '--to', 'tcp://h:1', '--cert', '/nowhere'], 1, /\/nowhere/],
    ['a path that the kernel would cut', ['--socket', `/tmp/${'s'.repeat(120)}`, '--to', 'tcp://h:1', '--cert', bundle('app')], 1, /too long for a unix socket/], // prettier-ignore
    ['a folder that is not there', ['--socket', '/nowhere/s', '--to', 'tcp://h:1', '--cert', bundle('app')], 1, /cannot listen on "\/nowhere\/s": E/], // prettier-ignore
  ]
  for (const [what, args, code, expected] of refused) {
    it(`refuses ${what}`, async () => {
      const { status, stderr } = await runDockgate(['connect', ...args], {})
      assert.equal(status, code, stderr)
      assert.match(stderr, expected)
    })
  }
})

describe('a gateway that dockgate connect cannot use', () => {
  it('is answered for with 502 and the reason, and used again once it is there', async () => {
    const port = await freePort()
    const { serving, door } = await offer(port)
    const answer = await askDoor(door, ping)
    assert.equal(answer.status, 502)
    assert.equal(
      messageOf(answer.body),
      `dockgate connect: the gateway tcp://127.0.0.1:${port} does not listen (connection refused)`,
    )
    const head = await askDoor(door, { method: 'HEAD', path: '/_ping' })
    assert.deepEqual([head.status, head.body.length], [502, 0])
    const server = await listen(answerOk, port)
    assert.equal((await askDoor(door, ping)).status, 200)
    await serving.stop()
    server.close()
    // One line for the trouble, however often it was met, and one for its end.
    assert.match(serving.log(), /^dockgate: \S+ does not listen .*\ndockgate: \S+ answers again\n$/)
  })

  it('is answered for though a whole upload is on its way', async () => {
    const { serving, door } = await offer(await freePort())
    const connection = await RawConnection.open(door)
    connection.send('POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 9000000\r\n\r\n')
    connection.send(Buffer.alloc(9_000_000))
    assert.equal((await connection.answer())?.status, 502)
    await serving.stop()
  })

  it('is answered for when its certificate is of another CA', async () => {
    const server = await listen(answerOk)
    const cert = bundle('lost')
    writeFileSync(join(cert, 'ca.pem'), createAuthority('another').ca)
    const { serving, door } = await offer(portOf(server), cert)
    const answer = await askDoor(door, ping)
    assert.equal(answer.status, 502)
    assert.match(messageOf(answer.body), /showed a certificate that is not from the bundle's CA/)
    await serving.stop()
    server.close()
  })

  it('is answered for when it does not take the certificate', async () => {
    const server = await listen(answerOk)
    const { serving, door } = await offer(
      portOf(server),
      bundle('stranger', createAuthority('another')),
    )
    const answer = await askDoor(door, ping)
    assert.equal(answer.status, 502)
    assert.match(messageOf(answer.body), /broke the connection off|before it answered/)
    await serving.stop()
    server.close()
  })

  it('is answered for when it goes while it is asked', async () => {
    const server = await listen((socket) => socket.once('data', () => socket.destroy()))
    const { serving, door } = await offer(portOf(server))
    const answer = await askDoor(door, ping)
    assert.equal(answer.status, 502)
    assert.match(messageOf(answer.body), /closed the connection before it answered/)
    await serving.stop()
    server.close()
  })
})

describe('a connection through dockgate connect', () => {
  it('ends with the gateway, in the middle of an answer too, and is never given a second one', async () => {
    const server = await listen((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
        setTimeout(() => socket.destroy(), 20)
      })
    })
    const { serving, door } = await offer(portOf(server))
    const connection = await RawConnection.open(door)
    connection.send(requestBytes(ping))
    assert.match(
      (await connection.bytes()).toString(),
      /^HTTP\/1\.1 200 OK(?!.*HTTP)[^]*hello\r\n$/,
    )
    await serving.stop()
    server.close()
  })

  it('that was idle ends with the gateway, without a word', async () => {
    const server = await listen((socket) => setTimeout(() => socket.end(), 20))
    const { serving, door } = await offer(portOf(server))
    const connection = await RawConnection.open(door)
    assert.equal((await connection.bytes()).length, 0)
    await serving.stop()
    server.close()
  })

  it('stays for a client that only ended its input, and is let go with one that died', async () => {
    const server = await listen((socket) => {
      // Long after a client that died would have been found dead.
      socket.resume().on('end', () => setTimeout(() => socket.end('late'), 4_000))
    })
    const { serving, door } = await offer(portOf(server))
    const descriptors = (): number => readdirSync(`/proc/${serving.pid}/fd`).length
    const until = async (expected: number): Promise<void> => {
      while (descriptors() !== expected) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const atRest = descriptors()
    const alive = await door()
    alive.end(requestBytes(ping))
    const dying = await door()
    dying.end(requestBytes(ping))
    let isLate = false
    const said = new RawConnection(alive).bytes().finally(() => (isLate = true))
    // A local socket and one to the gateway for each of the two.
    await until(atRest + 4)
    dying.destroy()
    await until(atRest + 2)
    assert.equal(isLate, false)
    assert.equal((await said).toString(), 'late')
    await serving.stop()
    server.close()
  })

  it('is cut 5 seconds after SIGTERM at the latest, and by a second one at once', async () => {
    const server = await listen(answerOk)
    const { serving, door } = await offer(portOf(server))
    const connection = await RawConnection.open(door)
    connection.send(requestBytes(ping))
    assert.equal((await connection.answer())?.status, 200)
    const begun = process.hrtime.bigint()
    await serving.stop()
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9
    assert.ok(seconds > 4 && seconds < 9, `${seconds} s`)
    assert.equal((await connection.bytes()).length, 0)

    const second = await offer(portOf(server))
    const held = await RawConnection.open(second.door)
    held.send(requestBytes(ping))
    await held.answer()
    const stopped = second.serving.stop()
    // The first signal has been taken once the file is gone.
    while (existsSync(second.path)) await new Promise((resolve) => setTimeout(resolve, 20))
    const late = process.hrtime.bigint()
    process.kill(second.serving.pid, 'SIGTERM')
    await stopped
    assert.ok(Number(process.hrtime.bigint() - late) / 1e9 < 3)
    server.close()
  })

  it('shows the certificate that the bundle holds now', async () => {
    const seen: string[] = []
    const server = await listen((socket) => {
      seen.push(socket.getPeerCertificate().serialNumber)
      answerOk(socket)
    })
    const cert = bundle('renewing')
    const { serving, door } = await offer(portOf(server), cert)
    await askDoor(door, ping)
    rmSync(join(cert, 'key.pem'))
    await askDoor(door, ping)
    cpSync(bundle('renewed'), cert, { recursive: true })
    await askDoor(door, ping)
    assert.equal(seen[1], seen[0])
    assert.notEqual(seen[2], seen[0])
    await serving.stop()
    server.close()
  })

  it('carries a gigabyte each way with the memory of a few buffers', async () => {
    const amount = 1024 * 1024 * 1024
    const part = Buffer.alloc(1024 * 1024)
    const pour = (): Readable => {
      let left = amount / part.length
      return new Readable({ read: function () { this.push(left-- > 0 ? part : null) } }) // prettier-ignore
    }
    let swallowed = 0
    const server = await listen((socket) => {
      socket.on('data', (chunk: Buffer) => void (swallowed += chunk.length))
      socket.on('end', () => void pour().pipe(socket))
    })
    const { serving, door } = await offer(portOf(server))
    const peak = (): number =>
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${serving.pid}/status`, 'utf8'))?.[1]) / 1024
    const atRest = peak()
    const client = await door()
    let received = 0
    const whole = once(client, 'end')
    client.on('data', (chunk: Buffer) => void (received += chunk.length))
    await pipeline(pour(), client, { end: false })
    client.end()
    await whole
    assert.deepEqual([swallowed, received], [amount, amount])
    assert.ok(peak() - atRest < 96, `${peak() - atRest} MiB more`)
    await serving.stop()
    server.close()
  })

  it('waits for a client that reads slowly, and holds nothing for it meanwhile', async () => {
    let sent = 0
    const server = await listen((socket) => {
      const more = (): void => {
        for (let room = true; room;) {
          room = socket.write(Buffer.alloc(65_536))
          sent += 65_536
        }
      }
      socket.once('data', more)
      socket.on('drain', more)
    })
    const { serving, door } = await offer(portOf(server))
    const client = await door()
    client.write(requestBytes(ping))
    let before = -1
    const isStill = (): boolean => sent > 0 && sent === before
    while (!isStill()) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes for nobody`)
    client.destroy()
    await serving.stop()
    server.close()
  })
})

describe('dockgate connect --help', () => {
  it('teaches', () => {
    const options = { encoding: 'utf8' } as const
    const { stdout, status } = spawnSync(process.execPath, ['dist/main.js', 'connect', '--help'], options) // prettier-ignore
    assert.equal(status, 0)
    assert.match(stdout, /^usage: dockgate connect --socket PATH/)
  })
})
