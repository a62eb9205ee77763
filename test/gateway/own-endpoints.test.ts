// dockgate's own endpoints, seen by people with different roles.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, RawConnection, requestBytes, type RawAnswer } from '../helpers/raw-http.ts'
import { standIn, type StandIn } from '../helpers/stand-in.ts'

const roles = `roles:
  watcher: { allow: [system.events, dockgate.sessions, dockgate.end], on: own }
  scraper: { allow: [dockgate.metrics], deny: [dockgate.healthz], on: own }
grants:
  - { to: { name: admin }, roles: [admin] }
  - { to: { name: monitor }, roles: [monitor] }
  - { to: { name: viewer }, roles: [viewer] }
  - { to: { name: scraper }, roles: [scraper] }
  - { to: { name: alice }, roles: [watcher, viewer] }
`
/** Answers everything, and events without an end. */
const engine = createServer((request, response) => {
  response.setHeader('Content-Type', 'application/json')
  if (request.url?.includes('/events') === true) response.write('{}\n')
  else response.end('{"Version":"20.10.24","ApiVersion":"1.41","Id":"x"}')
})
let inPlace: StandIn
let gateway: GatewayProcess
before(async () => {
  inPlace = await standIn(engine)
  gateway = await startGatewayProcess({ roles, enginePath: inPlace.path })
})
after(async () => {
  await gateway.stop()
  inPlace.close()
})

const ask = (name: string, path: string, method = 'GET'): Promise<RawAnswer> =>
  askDoor(gateway.door(gateway.identity(name)), { method, path })

const own = '/_dockgate'
const rights: readonly (readonly [path: string, who: Readonly<Record<string, number>>])[] = [
  ['whoami', { admin: 200, monitor: 200, viewer: 200, scraper: 200, nobody: 200 }],
  ['healthz', { admin: 200, monitor: 200, viewer: 403, scraper: 403, nobody: 403 }],
  ['metrics', { admin: 200, monitor: 200, viewer: 403, scraper: 200, nobody: 403 }],
  ['sessions', { admin: 200, monitor: 403, viewer: 403, scraper: 403, alice: 200, nobody: 403 }],
]
for (const [path, people] of rights) {
  describe(`${own}/${path}`, () => {
    for (const [name, status] of Object.entries(people)) {
      it(`answers ${status} to ${name}`, async () => {
        const answer = await ask(name, `${own}/${path}`)
        assert.equal(answer.status, status, answer.body.toString())
        if (status === 403) {
          assert.match(
            answer.body.toString(),
            new RegExp(`${name} may not dockgate\\.${path} here`),
          )
        }
      })
    }
  })
}

describe('whoami', () => {
  it('says who one is and what one may', async () => {
    const said = JSON.parse((await ask('monitor', `${own}/whoami`)).body.toString())
    assert.equal(said.name, 'monitor')
    assert.deepEqual(said.roles, ['monitor'])
    assert.ok(said.permissions.includes('dockgate.metrics'))
    assert.ok(!said.permissions.includes('container.rm'))
    assert.match(said.fingerprint, /^[0-9a-f]{64}$/)
  })
})

describe('a path of no endpoint', () => {
  for (const path of [
    own,
    `${own}/console`,
    `${own}/console/`,
    `/v1.41${own}/`,
    `${own}/whoami/`,
    `${own}/reload`,
    `${own}//whoami`,
  ]) {
    it(`${path} is refused`, async () => {
      assert.notEqual((await ask('admin', path)).status, 200)
    })
  }
  it('and an upgrade of one is too', async () => {
    const headers = { Connection: 'Upgrade', Upgrade: 'tcp' }
    const door = gateway.door(gateway.identity('admin'))
    const answer = await askDoor(door, { method: 'GET', path: `${own}/whoami`, headers })
    assert.equal(answer.status, 400)
  })
})

describe('the sessions', () => {
  it('are those that one reaches, and only those can be ended', async () => {
    const stream = async (name: string): Promise<RawConnection> => {
      const connection = new RawConnection(await gateway.connect(gateway.identity(name)))
      connection.send(requestBytes({ method: 'GET', path: '/events' }))
      await connection.bytes(12)
      return connection
    }
    const admins = await stream('admin')
    const alices = await stream('alice')
    const rows = async (name: string): Promise<readonly { id: string; who: string }[]> =>
      JSON.parse((await ask(name, `${own}/sessions`)).body.toString())
    assert.deepEqual(
      (await rows('admin')).map(({ who }) => who),
      ['admin', 'alice'],
    )
    assert.deepEqual(
      (await rows('alice')).map(({ who }) => who),
      ['alice'],
    )
    const [foreign, mine] = await rows('admin')
    const path = (id = '', reason = ''): string => `${own}/sessions/${id}${reason}`
    assert.equal((await ask('alice', path(foreign?.id), 'DELETE')).status, 404)
    assert.equal((await ask('viewer', path(mine?.id), 'DELETE')).status, 403)
    assert.equal((await ask('admin', path(mine?.id, '?reason=a%E2%80%A8b'), 'DELETE')).status, 400)
    assert.equal((await rows('admin')).length, 2)
    assert.equal((await ask('admin', path(mine?.id, '?reason=enough'), 'DELETE')).status, 200)
    await alices.bytes()
    while (!gateway.logs().includes('"how":"ended","why":"by admin: enough"')) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.deepEqual(
      (await rows('admin')).map(({ who }) => who),
      ['admin'],
    )
    admins.close()
  })
})

describe('the metrics', () => {
  const value = (text: string, name: string, labels: Readonly<Record<string, string>> = {}) => {
    const inside = Object.entries(labels).map(([key, one]) => `${key}="${one}"`)
    const line = text
      .split('\n')
      .find(
        (one) =>
          (one.startsWith(`${name}{`) || one.startsWith(`${name} `)) &&
          inside.every((part) => one.includes(part)),
      )
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')))
  }
  const read = async (): Promise<string> => (await ask('monitor', `${own}/metrics`)).body.toString()

  it('count what was decided, how long it took and what runs out', async () => {
    const earlier = await read()
    await ask('viewer', '/info')
    await ask('viewer', '/containers/x/json')
    await ask('viewer', '/containers/x', 'DELETE')
    await ask('viewer', '/no/such/thing')
    const text = await read()
    const grown = (name: string, labels: Readonly<Record<string, string>>): number =>
      (value(text, name, labels) ?? 0) - (value(earlier, name, labels) ?? 0)
    const decisions = 'dockgate_decisions_total'
    const viewer = { decision: 'allow', role: 'viewer' }
    assert.equal(grown(decisions, { operation: 'system.info', ...viewer }), 1)
    assert.equal(
      grown(decisions, { operation: 'container.rm', decision: 'deny', reason: 'not-permitted' }),
      1,
    )
    assert.equal(grown(decisions, { operation: 'unknown', reason: 'unknown-operation' }), 1)
    assert.equal(grown('dockgate_requests_total', { operation: 'system.info', status: '200' }), 1)
    assert.equal(grown('dockgate_request_engine_seconds_count', { operation: 'system.info' }), 1)
    assert.equal(grown('dockgate_request_own_seconds_count', {}), 2)
    assert.ok(grown('dockgate_handshakes_total', { resumed: 'false' }) >= 5)
    assert.ok((value(text, 'dockgate_expiry_timestamp_seconds', { of: 'crl' }) ?? 0) > 1.7e9)
    assert.equal(value(text, 'dockgate_policy_info'), 1)
    assert.ok((value(text, 'dockgate_nodejs_eventloop_lag_seconds') ?? -1) >= 0)
    assert.ok((value(text, 'dockgate_process_resident_memory_bytes') ?? 0) > 1e7)
  })

  it('tell of a file that is not in force, and of connections refused by cause', async () => {
    const stranger = new RawConnection(await gateway.connect(undefined))
    await stranger.bytes()
    stranger.close()
    writeFileSync(join(gateway.home, 'roles.yaml'), `${roles}nonsense: 1\n`)
    for (;;) {
      const text = await read()
      if (value(text, 'dockgate_files_faulty') === 1) {
        assert.equal(value(text, 'dockgate_reloads_total', { result: 'faulty' }), 1)
        assert.ok((value(text, 'dockgate_connections_refused_total') ?? 0) >= 1)
        break
      }
    }
    writeFileSync(join(gateway.home, 'roles.yaml'), roles)
  })

  it('have no label that a client writes', async () => {
    const linesBefore = (await read()).split('\n').length
    for (let count = 0; count < 40; count += 1) {
      await ask(`person-${count}`, `/x${count}/_dockgate?y${count}=1`)
      await ask('viewer', `/containers/c${count}/json`)
    }
    const linesAfter = (await read()).split('\n').length
    // One operation that was not seen before has its own histogram.
    assert.ok(linesAfter - linesBefore < 25, `${linesAfter - linesBefore} lines more`)
  })
})
