// The audit of a gateway that runs: under load, killed, on a full disk, and with clients that would
// rather write the log themselves.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Report } from '../../src/audit/verify.ts'
import { logFiles } from '../../src/audit/files.ts'
import type { Identity } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import { projectRoot } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection } from '../helpers/raw-http.ts'

const roles = `grants:
  - to: { name: alice }
    roles: [admin]
  - to: { name: bob }
    roles: [viewer]
`
const folder = mkdtempSync(join(tmpdir(), 'dockgate-audited-'))
const enginePath = join(folder, 'engine.sock')
let engine: Server
/** What reached the engine and changes something. */
let changes = 0

before(async () => {
  engine = createServer((asked, answer) => {
    if (asked.method === 'POST') changes += 1
    asked.resume()
    answer.setHeader('Api-Version', '1.41')
    answer.setHeader('Content-Type', 'application/json')
    answer.end('[]')
  }).listen(enginePath)
  await once(engine, 'listening')
})
after(() => {
  engine.close()
  engine.closeAllConnections()
  rmSync(folder, { recursive: true })
})

interface Told {
  readonly status: number
  readonly body: string
}

class Client {
  readonly #agent: Agent
  readonly #port: number

  constructor(gateway: GatewayProcess, identity: Identity, connections: number) {
    this.#port = gateway.port
    const { ca } = gateway.authority
    const how = { keepAlive: true, maxSockets: connections, ca, servername: 'localhost' }
    this.#agent = new Agent({ ...how, ...identity })
  }

  /** Undefined when the gateway went away meanwhile. */
  async ask(method: string, path: string): Promise<Told | undefined> {
    const where = { host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path }
    const asked = request(where).end()
    try {
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      let body = ''
      for await (const part of answer.setEncoding('utf8')) body += String(part)
      return { status: answer.statusCode ?? 0, body }
    } catch {
      return undefined
    }
  }

  close(): void {
    this.#agent.destroy()
  }
}

function dockgate(home: string, ...args: string[]) {
  const main = join(projectRoot, 'dist/main.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    env: { ...process.env, DOCKGATE_HOME: home },
    maxBuffer: 1 << 28,
  })
  return { status, stdout, stderr }
}

function verify(home: string): Report {
  return JSON.parse(dockgate(home, 'audit', 'verify', '--json').stdout)
}

type Fields = Readonly<Record<string, unknown>>

function shown(home: string, ...args: string[]): Fields[] {
  const { stdout } = dockgate(home, 'audit', 'show', '--json', ...args)
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line): Fields => JSON.parse(line))
}

describe('the audit of a running gateway', () => {
  it('is whole under load and across rotations, with one beginning and one end each', async () => {
    const settings = 'audit: { rotate: { size: 64KiB } }\n'
    const gateway = await startGatewayProcess({ roles, enginePath, settings })
    const client = new Client(gateway, gateway.identity('alice'), 16)
    const asks = Array.from({ length: 800 }, (_, index) =>
      client.ask('POST', `/v1.41/containers/c${index}/restart`),
    )
    for (const told of await Promise.all(asks)) assert.equal(told?.status, 200)
    const running = verify(gateway.home)
    assert.deepEqual([running.sound, running.findings], [true, []])
    assert.ok(running.files.length > 5)
    const ended = shown(gateway.home).filter(({ event }) => event === 'ended')
    const decided = shown(gateway.home, '--who', 'alice').filter(({ event }) => event === 'decided')
    assert.deepEqual([decided.length, ended.length], [800, 800])
    assert.equal(new Set(ended.map(({ id }) => id)).size, 800)
    client.close()
    await gateway.stop()
  })

  it('is taken up after kill -9 in the middle of writing, again and again', async () => {
    let gateway = await startGatewayProcess({ roles, enginePath })
    const identity = gateway.identity('alice')
    for (let round = 0; round < 4; round++) {
      changes = 0
      const client = new Client(gateway, identity, 8)
      let answered = 0
      const asks = Array.from({ length: 300 }, async (_, index) => {
        const told = await client.ask('POST', `/v1.41/containers/c${index}/restart`)
        if (told === undefined) return
        answered += 1
        if (answered === 40 * (round + 1)) await gateway.kill()
      })
      await Promise.all(asks)
      client.close()
      const killed = verify(gateway.home)
      assert.deepEqual([killed.sound, killed.findings], [true, []])
      const allowed = shown(gateway.home).filter(({ event }) => event === 'decided').length
      assert.ok(allowed >= changes, 'what reached the engine is on record')
      gateway = await startGatewayProcess({ roles, enginePath, after: gateway })
      changes = 0
    }
    // What was under way at a kill has an end too, and none has two.
    const records = shown(gateway.home)
    const idsOf = (wanted: string): readonly unknown[] =>
      records
        .filter(({ event }) => event === wanted)
        .map(({ id }) => id)
        .toSorted()
    assert.deepEqual(idsOf('ended'), idsOf('decided'))
    assert.ok(records.some(({ why }) => why === 'the process that served it died'))
    const report = verify(gateway.home)
    assert.deepEqual([report.sound, report.findings], [true, []])
    assert.equal(
      report.notes.filter(({ message }) => /had not ended its log/.test(message)).length,
      4,
    )
    await gateway.stop()
  })

  it('does not touch the log of another gateway on the same port', async () => {
    const gateway = await startGatewayProcess({ roles, enginePath })
    const second = spawnSync(process.execPath, [join(projectRoot, 'dist/main.js'), 'serve'], {
      encoding: 'utf8',
      env: {
        ...process.env,
        DOCKGATE_HOME: gateway.home,
        DOCKGATE_LISTEN: `127.0.0.1:${gateway.port}`,
        DOCKGATE_ENGINE: `unix://${enginePath}`,
      },
      timeout: 10_000,
    })
    assert.equal(second.status, 1)
    assert.match(second.stderr, /EADDRINUSE/)
    assert.equal(shown(gateway.home).filter(({ event }) => event === 'opened').length, 1)
    assert.deepEqual(verify(gateway.home).notes, [])
    await gateway.stop()
  })

  it('stops the start when it cannot be opened, and says why', async () => {
    const settings = 'audit: nowhere/audit.log\n'
    await assert.rejects(startGatewayProcess({ roles, enginePath, settings }), (error: Error) => {
      assert.match(error.message, /the audit cannot be opened: .*ENOENT.*nowhere/)
      return true
    })
  })

  it('holds a line to what one request was, whatever the client writes', async () => {
    const gateway = await startGatewayProcess({ roles, enginePath })
    const name = '\u202eecila \u2028\u{e0041}'
    const identities = [
      gateway.identity('bob'),
      gateway.authority.issue({ subject: sequence(rdn(CN, name)) }),
    ]
    const targets = [
      '/v1.41/containers/%E2%80%AEbew/json',
      '/v1.41/containers/%F3%A0%81%81/json',
      '/v1.41/containers/a%0A%7B%22seq%22:1%7D/json',
      '/v1.41/containers/%E2%80%A8/json',
      '/nowhere\u001b[2J',
      '/nowhere%1b[2J?x=\u0007',
      `/${'x'.repeat(5_000)}`,
    ]
    for (const identity of identities) {
      for (const target of targets) {
        const connection = await RawConnection.open(gateway.door(identity)).catch(() => undefined)
        connection?.send(
          `GET ${target} HTTP/1.1\r\nHost: x\r\nUser-Agent: a\u2028{"seq":1}\r\nConnection: close\r\n\r\n`,
        )
        await connection?.answer()
        connection?.close()
      }
    }
    const log = readFileSync(join(gateway.home, 'audit.log'), 'utf8')
    assert.doesNotMatch(log.replaceAll('\n', ''), /[\p{C}\p{Zl}\p{Zp}]/u)
    assert.equal(verify(gateway.home).sound, true)
    const { stdout } = dockgate(gateway.home, 'audit', 'show')
    assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\p{C}\p{Zl}\p{Zp}]/u)
    assert.match(stdout, /\\u202ebew/)
    assert.match(stdout, /x{50}/)
    await gateway.stop()
  })
})

describe('the audit on a full disk', () => {
  const disk = join(folder, 'disk')
  before(() => {
    mkdirSync(disk)
    const flags = ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]
    const { status, stderr } = spawnSync('mount', flags, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  })
  after(() => void spawnSync('umount', [disk]))

  const filler = join(disk, 'filler')
  function fillDisk(): void {
    try {
      for (;;) writeFileSync(filler, 'x'.repeat(64), { flag: 'a' })
    } catch (error) {
      assert.match(String(error), /ENOSPC/)
    }
  }

  for (const onFailure of ['refuse', 'allow-reads'] as const) {
    it(`refuses changes with a message, and reads by the setting ${onFailure}, until there is room`, async () => {
      const settings = `audit: { file: ${disk}/${onFailure}.log, onFailure: ${onFailure} }\n`
      const gateway = await startGatewayProcess({ roles, enginePath, settings })
      const client = new Client(gateway, gateway.identity('alice'), 1)
      const restart = () => client.ask('POST', '/v1.41/containers/web/restart')
      assert.equal((await restart())?.status, 200)
      fillDisk()
      // The page that the file ends in takes a few more.
      for (let more = 0; more < 20; more++) await restart()
      changes = 0
      const refused = await restart()
      assert.equal(refused?.status, 503)
      assert.match(refused?.body ?? '', /dockgate: the audit record cannot be written, so nothing/)
      const reading = await client.ask('GET', '/v1.41/containers/json')
      assert.equal(reading?.status, onFailure === 'refuse' ? 503 : 200)
      const attached = await client.ask('GET', '/v1.41/containers/web/attach/ws?stream=1')
      assert.equal(attached?.status, 503, 'what attaches is no mere reading')
      assert.equal(changes, 0)
      assert.match(gateway.log(), /"msg":"the audit cannot be written"/)
      rmSync(filler)
      assert.equal((await restart())?.status, 200)
      assert.equal(changes, 1)
      client.close()
      const report = verify(gateway.home)
      assert.deepEqual([report.sound, report.findings], [true, []])
      const [note] = report.notes.filter(({ kind }) => kind === 'reported')
      assert.match(note?.message ?? '', /ENOSPC.*decisions.*are not on record/)
      await gateway.stop()
      assert.equal(logFiles(`${disk}/${onFailure}.log`).length, 1)
    })
  }
})
