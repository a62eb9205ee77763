// Whoever loses the right loses the session, within a second, and nobody else notices: seen by the
// docker command line on live streams of a real engine.
import assert from 'node:assert/strict'
import { constants } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { randomSerial, validity, type Identity } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import {
  openStdin,
  runDocker,
  throughTls,
  type RunResult,
  type Target,
} from '../helpers/docker-cli.ts'
import { runDockgate, serveDockgate, type Serving } from '../helpers/dockgate-process.ts'
import { engineUrl, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection, requestBytes } from '../helpers/raw-http.ts'

const word = uniqueName('live')
const talker = `${word}-talker`

before(async () => {
  const { Id } = await onEngine<{ Id: string }>(`/containers/create?name=${talker}`, {
    method: 'POST',
    body: { Image: 'busybox:local', Cmd: ['sh', '-c', 'while :; do echo tick; sleep 0.2; done'] },
  })
  await onEngine(`/containers/${Id}/start`, { method: 'POST' })
})
after(() => removeAll(word))

/** A docker command that goes on for ever, and prints something once it is under way. */
interface Live {
  readonly ended: Promise<RunResult>
  /** Milliseconds since the epoch; undefined while it goes on. */
  endedAt: number | undefined
  stop(): void
}

async function live(target: Target, args: readonly string[]): Promise<Live> {
  let stop = (): void => undefined
  let started = (): void => undefined
  const isStarted = new Promise<void>((resolve) => (started = resolve))
  const act = (child: { kill(signal: 'SIGKILL'): unknown }): void => {
    stop = () => void child.kill('SIGKILL')
    started()
  }
  const ended = runDocker(target, args, { stdin: openStdin, when: [{ printed: 'tick', act }] })
  const running: Live = { ended, endedAt: undefined, stop: () => stop() }
  void ended.then(() => (running.endedAt = Date.now()))
  const early = ended.then((result) => {
    throw new Error(`it ended early: ${JSON.stringify(result)}`)
  })
  early.catch(() => {})
  await Promise.race([isStarted, early])
  return running
}

const ticks = 'while :; do echo tick; sleep 0.2; done'
const streams: readonly (readonly [what: string, args: readonly string[]])[] = [
  ['logs -f', ['logs', '-f', talker]],
  ['exec -i', ['exec', '-i', talker, 'sh', '-c', ticks]],
  ['attach', ['attach', '--no-stdin', talker]],
]

/** Runs each stream for `loser` and for `other`, takes the right away, and says how long it lasted. */
async function lose(
  t: TestContext,
  loser: Target,
  other: Target,
  take: () => Promise<number>,
): Promise<RunResult[]> {
  const theirs = await Promise.all(streams.map(([, args]) => live(loser, args)))
  const others = await Promise.all(streams.map(([, args]) => live(other, args)))
  const takenAt = await take()
  const results = await Promise.all(theirs.map(({ ended }) => ended))
  for (const [index, { endedAt = 0 }] of theirs.entries()) {
    const [what] = streams[index] ?? []
    t.diagnostic(`${what} ended after ${endedAt - takenAt} ms`)
    assert.ok(endedAt - takenAt < 1_000, `${what} lasted ${endedAt - takenAt} ms`)
  }
  for (const { endedAt } of others) assert.equal(endedAt, undefined)
  for (const one of others) one.stop()
  await Promise.all(others.map(({ ended }) => ended))
  return results
}

describe('with the authority of `dockgate ca`', () => {
  const home = mkdtempSync(join(tmpdir(), 'dockgate-live-'))
  const env = {
    DOCKGATE_HOME: home,
    DOCKGATE_LISTEN: '127.0.0.1:0',
    DOCKGATE_ENGINE: engineUrl(),
    DOCKGATE_GRACE: '1s',
  }
  let gateway: Serving
  const who = (name: string): Target =>
    throughTls(`tcp://localhost:${gateway.port}`, join(home, 'certs/clients', name))
  const dockgate = async (...args: string[]): Promise<void> => {
    const { status, stderr } = await runDockgate(args, env)
    assert.equal(status, 0, stderr)
  }
  before(async () => {
    await dockgate('ca', 'init')
    await dockgate('ca', 'server', '--name', 'localhost')
    for (const name of ['alice', 'bob', 'carol', 'dora']) await dockgate('ca', 'issue', name)
    const role = 'roles: {tester: {includes: [viewer], allow: [exec.*, container.attach], on: all}}'
    const grants = ['alice', 'bob', 'carol', 'dora'].map(
      (name) => `  - {to: {name: ${name}}, roles: [tester]}`,
    )
    writeFileSync(join(home, 'roles.yaml'), [role, 'grants:', ...grants, ''].join('\n'))
    gateway = await serveDockgate(['serve'], env)
  })
  after(async () => {
    await gateway.stop()
    rmSync(home, { recursive: true })
  })

  it('revocation ends the streams of that person, and refuses them by name', async (t) => {
    const results = await lose(t, who('alice'), who('bob'), async () => {
      await dockgate('ca', 'revoke', 'alice', '--reason', 'keyCompromise')
      return Date.now()
    })
    for (const { stderr } of results) {
      if (stderr !== '') assert.match(stderr, /certificate was revoked|EOF|reset|closed|unexpected/)
    }
    const again = await runDocker(who('alice'), ['ps'])
    assert.match(again.stderr, /dockgate: your certificate was revoked: ask your operator/)
    assert.match(
      gateway.log(),
      /"cause":"your certificate was revoked.*\(alice, serial [0-9a-f]+\)/,
    )
    const audit = readFileSync(join(home, 'audit.log'), 'utf8')
    assert.match(audit, /"who":"alice".*"how":"ended","why":"your certificate was revoked/)
  })

  it('a grant that is taken away ends the streams of that person', async (t) => {
    await lose(t, who('carol'), who('bob'), async () => {
      await dockgate('roles', 'revoke', 'carol', 'tester')
      return Date.now()
    })
    const again = await runDocker(who('carol'), ['ps'])
    assert.match(again.stderr, /no grant gives them a role/)
  })

  it('a certificate that is issued anew is served beside those that are there', async () => {
    const stream = await live(who('bob'), ['logs', '-f', talker])
    await dockgate('ca', 'server', '--name', 'localhost')
    while (!/"changed":\[[^\]]*"server"/.test(gateway.log())) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.equal((await runDocker(who('bob'), ['ps'])).exit, 0)
    assert.equal(stream.endedAt, undefined)
    stream.stop()
    await stream.ended
  })
})

describe('when time is over', () => {
  let gateway: GatewayProcess
  const who = (name: string, identity?: Identity): Target =>
    throughTls(`tcp://localhost:${gateway.port}`, gateway.certPath(name, identity))
  const rolesUntil = (until: string): string =>
    [
      'roles: {tester: {includes: [viewer], allow: [exec.*, container.attach], on: all}}',
      'grants:',
      `  - {to: {name: guest}, roles: [tester], until: ${until}}`,
      '  - {to: {name: brief}, roles: [tester]}',
      '  - {to: {name: bob}, roles: [tester]}',
      '',
    ].join('\n')
  before(async () => {
    gateway = await startGatewayProcess({ roles: rolesUntil('2099-01-01T00:00:00Z') })
  })
  after(() => gateway.stop())

  it('of a certificate, its streams end', async (t) => {
    const untilMs = Math.ceil((Date.now() + 4_000) / 1_000) * 1_000
    const subject = sequence(rdn(CN, 'brief'))
    const lifetime = validity(-1_000, untilMs - Date.now())
    const identity = gateway.authority.issue({ subject, validity: lifetime })
    await lose(t, who('brief', identity), who('bob'), async () => untilMs)
  })

  it('of a grant, its streams end', async (t) => {
    const untilMs = Math.ceil((Date.now() + 4_000) / 1_000) * 1_000
    const iso = new Date(untilMs).toISOString()
    writeFileSync(join(gateway.home, 'roles.yaml'), rolesUntil(iso))
    await lose(t, who('guest'), who('bob'), async () => untilMs)
  })

  it('of the revocation list, nobody is let in and nothing goes on, until there is a new one', async () => {
    const crl = join(gateway.home, 'certs/crl.pem')
    const stream = await live(who('bob'), ['logs', '-f', talker])
    const untilMs = Math.ceil((Date.now() + 1_500) / 1_000) * 1_000
    const short = { number: 2, untilMs: untilMs - Date.now() }
    writeFileSync(crl, gateway.authority.revocationList(short))
    await stream.ended
    assert.ok((stream.endedAt ?? 0) - untilMs < 1_000)
    const refused = await runDocker(who('bob'), ['ps'])
    assert.match(
      refused.stderr,
      /the revocation list here expired on 20.* your operator signs it anew/,
    )
    writeFileSync(crl, gateway.authority.revocationList({ number: 3 }))
    while ((await runDocker(who('bob'), ['ps'])).exit !== 0) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })
})

describe('a revoked certificate', () => {
  const tls12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
  for (const { by, only, resumes } of [
    { by: 'a ticket of TLS 1.2', only: tls12, resumes: true },
    // The listener keeps no sessions: there is nothing that an id could bring back.
    {
      by: 'a session id of TLS 1.2',
      only: { ...tls12, secureOptions: constants.SSL_OP_NO_TICKET },
      resumes: false,
    },
    {
      by: 'a ticket of TLS 1.3',
      only: { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const,
      resumes: true,
    },
  ]) {
    it(`loses its idle connection, and its session is not resumed by ${by}`, async () => {
      const roles = 'grants: [{to: {anyone: true}, roles: [viewer]}]\n'
      const gateway = await startGatewayProcess({ roles })
      try {
        const serial = randomSerial()
        const subject = sequence(rdn(CN, 'alice'))
        const identity = gateway.authority.issue({ subject, serial })
        const info = requestBytes({ method: 'GET', path: '/info' })
        const open = async (session?: Buffer) => {
          const socket = await gateway.connect(identity, {
            ...only,
            ...(session === undefined ? {} : { session }),
          })
          const connection = new RawConnection(socket)
          connection.send(info)
          return { socket, connection, answer: await connection.answer() }
        }
        const first = await open()
        assert.equal(first.answer?.status, 200)
        const session = first.socket.getSession()
        assert.ok(session)
        const resumed = await open(session)
        assert.equal(resumed.socket.isSessionReused(), resumes)
        assert.equal(resumed.answer?.status, 200)

        const list = gateway.authority.revocationList({ number: 2, serials: [serial] })
        writeFileSync(join(gateway.home, 'certs/crl.pem'), list)
        const revokedAt = Date.now()
        // Both are idle now: they end without a word.
        for (const { connection } of [first, resumed]) {
          assert.equal((await connection.bytes()).length, 0)
        }
        assert.ok(Date.now() - revokedAt < 1_000, `${Date.now() - revokedAt} ms`)
        const newest = resumed.socket.getSession() ?? session
        for (const old of [session, newest]) {
          const again = await open(old)
          assert.equal(again.socket.isSessionReused(), false)
          assert.equal(again.answer?.status, 403)
          assert.match(String(again.answer?.body), /your certificate was revoked/)
          again.connection.close()
        }
      } finally {
        await gateway.stop()
      }
    })
  }
})

describe('fifty streams of one person and fifty of another', () => {
  it('part within a second when the one is revoked', async (t) => {
    const roles = 'grants: [{to: {anyone: true}, roles: [viewer]}]\n'
    const gateway = await startGatewayProcess({ roles })
    try {
      const serial = randomSerial()
      const alice = gateway.authority.issue({ subject: sequence(rdn(CN, 'alice')), serial })
      const bob = gateway.identity('bob')
      const path = `/containers/${talker}/logs?follow=1&stdout=1&tail=1`
      const open = async (identity: Identity) => {
        const socket = await gateway.connect(identity)
        const stream = { endedAt: 0, bytes: 0 }
        socket.on('data', (part: Buffer) => (stream.bytes += part.length))
        socket.on('error', () => {})
        socket.once('end', () => (stream.endedAt = Date.now()))
        socket.write(requestBytes({ method: 'GET', path }))
        while (stream.bytes < 200) await new Promise((resolve) => setTimeout(resolve, 10))
        return { socket, stream }
      }
      const count = Array.from({ length: 50 })
      const theirs = await Promise.all(count.map(() => open(alice)))
      const others = await Promise.all(count.map(() => open(bob)))
      const list = gateway.authority.revocationList({ number: 2, serials: [serial] })
      writeFileSync(join(gateway.home, 'certs/crl.pem'), list)
      const revokedAt = Date.now()
      while (theirs.some(({ stream }) => stream.endedAt === 0)) {
        assert.ok(Date.now() - revokedAt < 5_000)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      const longest = Math.max(...theirs.map(({ stream }) => stream.endedAt - revokedAt))
      t.diagnostic(`the last of them ended after ${longest} ms`)
      assert.ok(longest < 1_000, `${longest} ms`)
      const bytesThen = others.map(({ stream }) => stream.bytes)
      await new Promise((resolve) => setTimeout(resolve, 500))
      for (const [index, { stream }] of others.entries()) {
        assert.equal(stream.endedAt, 0)
        assert.ok(stream.bytes > (bytesThen[index] ?? 0))
      }
      for (const { socket } of [...theirs, ...others]) socket.destroy()
    } finally {
      await gateway.stop()
    }
  })
})
