// Limits count for all processes together: no more than they allow, wherever the connections land, and no
// less, even where all of it comes to one of them.
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, it } from 'node:test'
import { runDockgate } from '../helpers/dockgate-process.ts'
import { startCrowdedGateway, until, type CrowdedGateway } from '../helpers/crowded-gateway.ts'
import { requestBytes, type RawConnection } from '../helpers/raw-http.ts'

// Each test and turn has a name of its own, so that none has what another spent.
const names = ['monitor', ...Array.from({ length: 12 }, (_, index) => `one${index}`)]
const nicks = ['nick0', 'nick1', 'nick2']
const roles = `roles:
  narrow: { includes: [viewer], streams: { atOnce: 2 }, on: all }
grants:
${names.map((name) => `  - { to: { name: ${name} }, roles: [admin] }`).join('\n')}
${nicks.map((name) => `  - { to: { name: ${name} }, roles: [narrow] }`).join('\n')}
`
const settings = `limits:
  client: { requests: 20/s, inFlight: 6, streams: 4, connections: 24 }
  address: { handshakes: 50/s }
`
const count = 3

let site: CrowdedGateway
before(async () => {
  site = await startCrowdedGateway(roles, settings, count)
})
after(() => site.stop())

/** One after the other, so that the workers get them in turn. */
async function openMany(name: string, many: number): Promise<readonly RawConnection[]> {
  const opened: RawConnection[] = []
  for (let index = 0; index < many; index++) opened.push(await site.open(name))
  return opened
}

const list = requestBytes({ method: 'GET', path: '/containers/json' })
const info = requestBytes({ method: 'GET', path: '/info' })

function closeAll(connections: readonly RawConnection[]): void {
  for (const one of connections) one.close()
}

async function workers(): Promise<readonly { readonly pid: number; readonly streams: number }[]> {
  const env = { DOCKGATE_HOME: site.gateway.home }
  return JSON.parse((await runDockgate(['status', '--json'], env)).stdout).workers
}

/** By streams. */
async function busiest(): Promise<{ readonly pid: number; readonly streams: number } | undefined> {
  return (await workers()).toSorted((one, other) => other.streams - one.streams)[0]
}

/** All at once; the statuses, and the connections on which it goes on. */
async function stream(name: string, many: number): Promise<readonly RawConnection[]> {
  const asked = await openMany(name, many)
  for (const one of asked) one.send(requestBytes({ method: 'GET', path: '/events' }))
  const heads = await Promise.all(asked.map((one) => one.until('\r\n\r\n')))
  return asked.filter((one, index) => {
    const head = String(heads[index])
    if (head.startsWith('HTTP/1.1 200')) return true
    assert.match(head, /^HTTP\/1\.1 429 /)
    one.close()
    return false
  })
}

const noStreams = async (): Promise<boolean> =>
  (await site.metric('dockgate_load{of="streams"}')) === 0

describe('three workers', () => {
  for (const [kind, most] of [
    ['one', 4],
    ['nick', 2],
  ] as const) {
    it(`let ${kind} have ${most} streams of twelve that are asked for at once, again and again`, async () => {
      for (let turn = 0; turn < 3; turn++) {
        const name = `${kind}${turn}`
        const open = await stream(name, 12)
        assert.equal(open.length, most)
        await until(async () => (await site.ask(name, '/info')).status === 200)
        closeAll(open)
        await until(noStreams)
      }
    })
  }

  it('let one have as many requests under way as one process would', async () => {
    const asked = await openMany('one3', 12)
    for (const one of asked) one.send(list)
    await until(() => site.engine.held === 6)
    const others = await Promise.all([
      site.ask('one3', '/info'),
      site.ask('one3', '/info'),
      site.ask('one3', '/info'),
    ])
    for (const { status } of others) assert.equal(status, 429)
    assert.equal(site.engine.held, 6)
    await until(async () => (await site.ask('one0', '/info')).status === 200)
    site.engine.goOn()
    const statuses = await Promise.all(asked.map(async (one) => (await one.answer())?.status))
    assert.deepEqual(statuses.toSorted(), [...Array(6).fill(200), ...Array(6).fill(429)])
    closeAll(asked)
  })

  it('let one have them all at one process', async () => {
    const asked = await openMany('one4', 6 * count)
    const ofOne = asked.filter((_, index) => index % count === 0)
    for (const one of ofOne) one.send(list)
    await until(() => site.engine.held === 6)
    assert.equal((await site.ask('one4', '/info')).status, 429)
    site.engine.goOn()
    for (const one of ofOne) assert.equal((await one.answer())?.status, 200)
    closeAll(asked)
  })

  it('make nothing of what follows a request that may become a stream and waits for its place', async () => {
    const asked = await openMany('one5', 3 * count)
    const ofOne = asked.filter((_, index) => index % count === 0)
    const [first, second, third] = ofOne
    first?.send(list)
    second?.send(list)
    await until(() => site.engine.held === 2)
    const attach = requestBytes({ method: 'POST', path: '/containers/x/attach?stream=1' })
    third?.send(attach + info)
    await third?.bytes()
    assert.doesNotMatch(site.gateway.allLogs(), /"who":"one5".*"operation":"system\.info"/)
    site.engine.goOn()
    closeAll(asked)
  })

  it('let one make no more requests than one process would, and no fewer', async () => {
    // No more connections than it may have requests under way, which would be refused too.
    for (const [name, many] of [
      ['one6', count],
      ['one7', 1],
    ] as const) {
      const asked = await openMany(name, many)
      const statuses = { 200: 0, 429: 0 }
      const began = performance.now()
      await Promise.all(
        asked.map(async (one) => {
          while (statuses[429] < 40 && performance.now() - began < 30_000) {
            one.send(info)
            statuses[(await one.answer())?.status as 200] += 1
          }
        }),
      )
      const seconds = (performance.now() - began) / 1_000
      closeAll(asked)
      const words = `${name}: ${JSON.stringify(statuses)} in ${seconds} s`
      assert.ok(statuses[429] >= 40, words)
      assert.ok(statuses[200] <= 200 + 20 * seconds, words)
      assert.ok(statuses[200] >= 200 - 2 * count, words)
    }
  })

  it('let one have as many connections as one process would', async () => {
    const asked = await openMany('one8', 30)
    for (const one of asked) one.send(requestBytes({ method: 'GET', path: '/_ping' }))
    const statuses = await Promise.all(asked.map(async (one) => (await one.answer())?.status))
    assert.equal(await site.shed('client.connections'), 6)
    assert.ok(statuses.filter((status) => status === 429).length >= 6)
    closeAll(asked)
  })

  it('let one address begin no more handshakes than one process would', async () => {
    const began = performance.now()
    const sockets: Socket[] = []
    const many = 1_600
    for (let index = 0; index < many; index++) {
      const socket = connect({
        host: '127.0.0.1',
        port: site.gateway.port,
        localAddress: '127.0.0.2',
      })
      socket.on('error', () => {})
      socket.resume()
      sockets.push(socket)
    }
    const shed = (): Promise<number> => site.shed('address.handshakes')
    await until(async () => (await shed()) > 0)
    let seen = -1
    await until(async () => {
      const still = (await shed()) === seen
      seen = await shed()
      await sleep(500)
      return still
    })
    const seconds = (performance.now() - began) / 1_000
    const letIn = many - seen
    assert.ok(letIn <= 500 + 50 * seconds && letIn >= 500 - 2 * count, `${letIn} in ${seconds} s`)
    for (const socket of sockets) socket.destroy()
  })

  it('record the end of all that one had that died, once', async () => {
    const asked = await openMany('one9', 2 * count)
    for (const one of asked) one.send(list)
    await until(() => site.engine.held === 6)
    const open = await stream('one0', 4)
    const victim = await busiest()
    process.kill(victim?.pid ?? 0, 'SIGKILL')
    const records = (event: string): readonly { readonly id: string; readonly why?: string }[] =>
      site.gateway
        .allLogs()
        .split('\n')
        .filter((line) => line.startsWith('{"seq":') && line.includes(`"event":"${event}"`))
        .map((line) => JSON.parse(line))
        .filter(({ decision }) => decision !== 'refuse')
    const cut = (): readonly { readonly id: string }[] =>
      records('ended').filter(({ why }) => why === 'the process that served it died')
    await until(() => cut().length > 0)
    site.engine.goOn()
    closeAll([...asked, ...open])
    await until(noStreams)
    await until(() => records('ended').length === records('decided').length)
    const ids = (of: readonly { readonly id: string }[]): readonly string[] =>
      of.map(({ id }) => id).toSorted()
    assert.deepEqual(ids(records('ended')), ids(records('decided')))
    assert.ok(cut().length > 0)
  })

  it('give back what one had that died', async () => {
    const open = await stream('one1', 12)
    assert.equal(open.length, 4)
    const victim = await busiest()
    process.kill(victim?.pid ?? 0, 'SIGKILL')
    await until(async () => {
      const now = await workers()
      return now.length === count && now.every(({ pid }) => pid !== victim?.pid)
    })
    const left = 4 - (victim?.streams ?? 0)
    assert.ok(left < 4)
    const again = await stream('one1', 12)
    assert.equal(again.length, 4 - left)
    closeAll([...open, ...again])
    await until(noStreams)

    const asked = await openMany('one10', 12)
    for (const one of asked) one.send(list)
    await until(() => site.engine.held === 6)
    await sleep(200)
    assert.equal(site.engine.held, 6)
    site.engine.goOn()
    closeAll(asked)
  })
})
