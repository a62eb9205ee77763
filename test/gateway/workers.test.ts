// Several processes at one port are one gateway: what is counted, revoked, ended and recorded is so for
// all of them, and one that dies is replaced.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { after, before, describe, it } from 'node:test'
import { randomSerial } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, RawConnection, requestBytes, type RawAnswer } from '../helpers/raw-http.ts'

const word = uniqueName('workers')
const talker = `${word}-talker`
const bob = `bob-${word}`
const roles = `roles:
  small: { includes: [developer], limits: { containers: 3 } }
  seen: { includes: [admin], on: all, limits: none, transcript: true }
grants:
  - { to: { name: sam }, roles: [seen] }
  - { to: { name: alice }, roles: [admin] }
  - { to: { name: ${bob} }, roles: [small] }
`
const count = 3

let gateway: GatewayProcess
before(async () => {
  const { Id } = await onEngine<{ Id: string }>(`/containers/create?name=${talker}`, {
    method: 'POST',
    body: { Image: 'busybox:local', Cmd: ['sh', '-c', 'while :; do echo tick; sleep 0.2; done'] },
  })
  await onEngine(`/containers/${Id}/start`, { method: 'POST' })
  gateway = await startGatewayProcess({ roles, env: { DOCKGATE_WORKERS: String(count) } })
})
after(async () => {
  await gateway.stop()
  await removeAll(word)
})

const dockgate = (...args: string[]): ReturnType<typeof runDockgate> =>
  runDockgate(args, { DOCKGATE_HOME: gateway.home })

async function reload(): Promise<void> {
  const { status, stderr } = await dockgate('reload')
  assert.equal(status, 0, `${stderr}${gateway.log()}`)
}

async function until(expected: () => Promise<boolean> | boolean): Promise<void> {
  const start = Date.now()
  while (!(await expected())) {
    assert.ok(Date.now() - start < 30_000, `not in time:\n${gateway.log()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

interface Worker {
  readonly slot: number
  readonly pid: number
  readonly streams: number
}

async function workers(): Promise<readonly Worker[]> {
  return JSON.parse((await dockgate('status', '--json')).stdout).workers
}

function get(name: string, path: string, method = 'GET'): Promise<RawAnswer> {
  return askDoor(gateway.door(gateway.identity(name)), { method, path })
}

/** As many streams as there are workers, which get their connections in turn: one each. */
async function streams(identity = gateway.identity('alice')): Promise<readonly TLSSocket[]> {
  const sockets: TLSSocket[] = []
  for (let index = 0; index < count; index++) {
    const socket = await gateway.connect(identity)
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    socket.write(
      requestBytes({ method: 'GET', path: `/containers/${talker}/logs?follow=1&stdout=1` }),
    )
    await once(socket, 'data')
    socket.resume()
    sockets.push(socket)
  }
  return sockets
}

async function metric(name: string): Promise<number> {
  const text = (await get('alice', '/_dockgate/metrics')).body.toString()
  const values = text.split('\n').filter((line) => line.startsWith(name))
  return values.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

describe('three workers', () => {
  it('serve side by side, and are seen as one', async () => {
    const sockets = await streams()
    assert.deepEqual(
      (await workers()).map((one) => [one.slot, one.streams]),
      [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    )
    const rows = JSON.parse((await get('alice', '/_dockgate/sessions')).body.toString())
    const live = rows.filter((row: { operation: string }) => row.operation === 'container.logs')
    assert.equal(live.length, count)
    assert.ok(live.every((row: { on: string }) => row.on === talker))
    assert.equal(await metric('dockgate_sessions{operation="container.logs"}'), count)
    const earlier = await metric('dockgate_decisions_total{operation="system.info"')
    for (let index = 0; index < 2 * count; index++) await get('alice', '/info')
    assert.equal(
      await metric('dockgate_decisions_total{operation="system.info"'),
      earlier + 2 * count,
    )

    const [first] = live
    const ended = await get('alice', `/_dockgate/sessions/${first.id}?reason=enough`, 'DELETE')
    assert.equal(ended.status, 200)
    await until(() => sockets.filter((socket) => socket.closed).length === 1)
    assert.equal((await dockgate('end', '--who', 'alice')).status, 0)
    await until(() => sockets.every((socket) => socket.closed))
    assert.match(gateway.allLogs(), /"how":"ended","why":"by alice: enough"/)
  })

  it('keep a quota together when more than it allows is asked for at once', async () => {
    const identity = gateway.identity(bob)
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        askDoor(gateway.door(identity), {
          method: 'POST',
          path: `/containers/create?name=${word}-${index}`,
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ Image: 'busybox:local', Cmd: ['true'] }),
        }),
      ),
    )
    const made = answers.filter(({ status }) => status === 201)
    assert.deepEqual([made.length, answers.filter(({ status }) => status === 403).length], [3, 9])
  })

  it('keep one transcript of a terminal, whichever of them its sizes come to', async () => {
    const door = gateway.door(gateway.identity('sam'))
    const post = (path: string, value: object): Promise<RawAnswer> => {
      const headers = { 'Content-Type': 'application/json' }
      return askDoor(door, { method: 'POST', path, headers, body: JSON.stringify(value) })
    }
    const asked = { Cmd: ['cat'], Tty: true, AttachStdin: true, AttachStdout: true }
    const made = await post(`/containers/${talker}/exec`, asked)
    const { Id } = JSON.parse(made.body.toString())
    const terminal = new RawConnection(await gateway.connect(gateway.identity('sam')))
    const headers = { 'Content-Type': 'application/json', Connection: 'Upgrade', Upgrade: 'tcp' }
    const body = JSON.stringify({ Tty: true })
    terminal.send(requestBytes({ method: 'POST', path: `/exec/${Id}/start`, headers, body }))
    assert.equal((await terminal.answer('POST'))?.status, 101)
    for (let index = 0; index < count; index++) {
      const path = `/exec/${Id}/resize?w=${100 + index}&h=30`
      assert.equal((await post(path, {})).status, 200)
    }
    terminal.send('\u0004')
    await terminal.bytes()
    const folder = join(gateway.home, 'transcripts')
    await until(() => gateway.allLogs().includes('"transcript":{'))
    const [name = ''] = readdirSync(folder)
    const text = readFileSync(join(folder, name), 'utf8')
    for (let index = 0; index < count; index++) assert.match(text, new RegExp(`"r","${100 + index}x30"`)) // prettier-ignore
  })

  it('end what a revoked certificate has on any of them, and resume none of its sessions', async () => {
    const serial = randomSerial()
    const identity = gateway.authority.issue({ serial, subject: sequence(rdn(CN, 'alice')) })
    const first = await gateway.connect(identity)
    const asked = new RawConnection(first)
    asked.send(requestBytes({ method: 'GET', path: '/info' }))
    await asked.answer()
    const session = first.getSession()
    assert.ok(session)
    asked.close()
    const reused: boolean[] = []
    for (let index = 0; index < 2 * count; index++) {
      const again = await gateway.connect(identity, { session })
      reused.push(again.isSessionReused())
      again.destroy()
    }
    // Whichever of them gave it, all of them take it: their keys are the same.
    assert.deepEqual(reused, Array(2 * count).fill(true))

    const sockets = await streams(identity)
    const revoked = gateway.authority.revocationList({ number: 2, serials: [serial] })
    writeFileSync(join(gateway.home, 'certs/crl.pem'), revoked)
    const start = Date.now()
    await until(() => sockets.every((socket) => socket.closed))
    assert.ok(Date.now() - start < 1_000, `it took ${Date.now() - start} ms`)
    for (let index = 0; index < 2 * count; index++) {
      const again = await gateway.connect(identity, { session })
      assert.equal(again.isSessionReused(), false)
      const connection = new RawConnection(again)
      connection.send(requestBytes({ method: 'GET', path: '/info' }))
      assert.match(String((await connection.answer())?.body), /your certificate was revoked/)
      connection.close()
    }
  })

  it('take in a change together, and all stay with the last good one', async () => {
    writeFileSync(
      join(gateway.home, 'roles.yaml'),
      roles.replace('roles: [admin]', 'roles: [monitor]'),
    )
    await reload()
    const statuses = await Promise.all(
      Array.from({ length: 2 * count }, () => get('alice', '/containers/prune', 'POST')),
    )
    assert.deepEqual(new Set(statuses.map(({ status }) => status)), new Set([403]))
    writeFileSync(join(gateway.home, 'roles.yaml'), roles)
    await reload()
    writeFileSync(join(gateway.home, 'roles.yaml'), 'nonsense: 1\n')
    assert.equal((await dockgate('reload')).status, 1)
  })

  it('are replaced when they die, with what is in force and not with what is broken', async () => {
    const sockets = await streams()
    const counted = await metric('dockgate_decisions_total')
    const [victim, ...others] = await workers()
    process.kill(victim?.pid ?? 0, 'SIGKILL')
    await until(() => sockets.filter((socket) => socket.closed).length === 1)
    await until(async () => (await workers()).length === count)
    const now = await workers()
    assert.deepEqual(
      now.slice(1).map(({ pid }) => pid),
      others.map(({ pid }) => pid),
    )
    assert.notEqual(now[0]?.pid, victim?.pid)
    // roles.yaml is still the broken one of the test before.
    for (let index = 0; index < 2 * count; index++) {
      assert.equal((await get('alice', '/info')).status, 200)
    }
    assert.ok((await metric('dockgate_decisions_total')) > counted)
    const main = readFileSync(join(gateway.home, 'audit.log'), 'utf8')
    const theirs = readFileSync(join(gateway.home, 'audit.w1.log'), 'utf8')
    assert.match(theirs, /"event":"ended".*"how":"ended","why":"the process that served it died"/)
    assert.match(main, /"event":"worker","slot":1,.*"did":"died",.*"signal":"SIGKILL","lost":1/)
    for (const socket of sockets) socket.destroy()
    writeFileSync(join(gateway.home, 'roles.yaml'), roles)
    await reload()
  })

  it('leave one audit, in which a chain that is taken away is missed', async () => {
    const chains = async (): Promise<{ sound: boolean; chains: unknown[]; words: string }> => {
      const { stdout } = await dockgate('audit', 'verify', '--json')
      const { findings, ...rest } = JSON.parse(stdout)
      return { ...rest, words: JSON.stringify(findings) }
    }
    const report = await chains()
    assert.deepEqual([report.sound, report.words, report.chains.length], [true, '[]', count])
    const shown = (await dockgate('audit', 'show', '--what', 'system.info')).stdout
      .trim()
      .split('\n')
    const times = shown.map((line) => line.slice(0, 20))
    assert.ok(times.length >= 4 * count)
    assert.deepEqual(times, times.toSorted())
    // Each stands with its end, whichever file that is in.
    assert.ok(shown.every((line) => /200 in \d+ ms/.test(line)))

    await until(() => readFileSync(join(gateway.home, 'audit.log'), 'utf8').includes('audit.w2'))
    for (const end of ['log', 'head']) {
      renameSync(join(gateway.home, `audit.w2.${end}`), join(gateway.home, `aside.${end}`))
    }
    const without = await chains()
    assert.equal(without.sound, false)
    assert.match(without.words, /there were \d+ records in audit\.w2\.log, which is gone/)
    for (const end of ['log', 'head']) {
      renameSync(join(gateway.home, `aside.${end}`), join(gateway.home, `audit.w2.${end}`))
    }
    assert.equal((await chains()).sound, true)
  })

  it('go with the one that holds the files, and the next takes up what they left', async () => {
    const pids = (await workers()).map(({ pid }) => pid)
    const sockets = await streams()
    await gateway.kill()
    await until(() => sockets.every((socket) => socket.closed))
    await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)))
    const env = { DOCKGATE_WORKERS: String(count) }
    gateway = await startGatewayProcess({ roles, env, after: gateway })
    assert.equal((await get('alice', '/info')).status, 200)
    const report = JSON.parse((await dockgate('audit', 'verify', '--json')).stdout)
    assert.deepEqual([report.sound, report.findings], [true, []])
    const ends = gateway.allLogs().match(/"why":"the process that served it died"/g)
    // Those of before, and one stream of each.
    assert.ok((ends?.length ?? 0) > count, String(ends?.length))
  })
})
