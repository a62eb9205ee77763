// A role on trial decides nothing: no right comes of it and none goes, not a byte changes on the way to the
// engine, and the record says what it has against a request.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { CN, O, OU, rdn, sequence } from '../helpers/certificate-der.ts'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, RawConnection, type RawAsk } from '../helpers/raw-http.ts'

const roles = `roles:
  tried: { mode: trial, allow: [container.*, image.pull], on: all, limits: { images: [busybox] } }
  denying: { mode: trial, deny: [container.rm], allow: ["*"], on: all, limits: none }
  small: { allow: [container.*], on: all }
grants:
  - { to: { name: admin }, roles: [admin, tried] }
  - { to: { name: limited }, roles: [small, tried] }
  - { to: { name: keeper }, roles: [small, denying] }
  - { to: { name: nobody }, roles: [tried] }
  - { to: { name: other, unit: ops }, roles: [admin] }
`
let engine: FakeEngine
let gateway: GatewayProcess
before(async () => {
  engine = await startFakeEngine('somebody')
  gateway = await startGatewayProcess({ roles, enginePath: engine.path })
})
after(async () => {
  await gateway.stop()
  await engine.close()
})

type Fields = Readonly<Record<string, unknown>>

/** The answer, what reached the engine last, and what is on record. */
async function ask(who: string, asked: RawAsk) {
  engine.take()
  const answer = await askDoor(gateway.door(gateway.identity(who)), asked)
  const reached = engine.take().at(-1)
  return { answer, reached, record: lastRecord() }
}

function lastRecord(): Fields {
  const lines = gateway.logs().split('\n').filter((line) => line.includes('"event":"decided"')) // prettier-ignore
  return JSON.parse(lines.at(-1) ?? '{}') as Fields
}

function create(body: string, headers: Readonly<Record<string, string>> = {}): RawAsk {
  const type = { 'Content-Type': 'application/json' }
  return { method: 'POST', path: '/containers/create?name=web', body, headers: { ...type, ...headers } } // prettier-ignore
}

interface Objection {
  readonly reason?: string
  readonly detail?: string
}
const rows: readonly (readonly [
  what: string,
  who: string,
  asked: RawAsk,
  wouldDeny: Objection | undefined,
])[] = [
  ['what it allows', 'admin', create('{"Image":"busybox"}'), undefined],
  ['another image', 'admin', create('{ "Image" : "nginx" }'), { reason: 'limit', detail: 'image nginx is not allowed by role "tried", which allows busybox (limits.images)' }],
  ['a field that it does not know', 'admin', create('{"Image":"busybox","Unknown":1}'), { reason: 'bad-body', detail: 'the request body: "Unknown": unknown field' }],
  ['what is no JSON', 'admin', create('no json'), { reason: 'bad-body' }],
  ['the same key twice', 'admin', create('{"Image":"busybox","Image":"nginx"}'), { reason: 'bad-body' }],
  ['what it does not permit', 'admin', { method: 'GET', path: '/networks' }, { reason: 'not-permitted', detail: 'admin may not network.ls here: their role "tried" does not allow it' }],
  ['what is not judged call by call', 'admin', { method: 'POST', path: '/containers/x/start?checkpoint=a' }, { reason: 'not-judged' }],
  ['a role with limits', 'limited', create('{"Image":"nginx"}'), { reason: 'limit' }],
  ['its own denial', 'keeper', { method: 'DELETE', path: '/containers/x' }, { reason: 'denied-by-role', detail: 'keeper may not container.rm here: role "denying" denies it' }],
  ['what everybody may', 'admin', { method: 'GET', path: '/version' }, undefined],
] // prettier-ignore

describe('a role on trial', () => {
  for (const [what, who, asked, wouldDeny] of rows) {
    it(`says its word to ${what}, and nothing changes`, async () => {
      const { answer, reached, record } = await ask(who, asked)
      assert.equal(answer.status, 200, answer.body.toString())
      if (who === 'admin') assert.equal(reached?.body, asked.body ?? '')
      assert.equal(record['decision'], 'allow')
      const said = record['wouldDeny'] as (Objection & { role: string }) | undefined
      assert.equal(said?.reason, wouldDeny?.reason)
      if (wouldDeny?.detail !== undefined) {
        assert.ok(said?.detail?.includes(wouldDeny.detail), said?.detail)
      }
    })
  }

  it('sends the body of an unlimited role as its bytes are, with its own headers', async () => {
    const body = ' {"HostConfig" : {"Privileged": true},\n"Image":"\\u0062usybox", "Odd":1e3} '
    const asked = create(body, { 'Content-Type': 'application/json; charset=utf-8', 'X-Own': 'a' })
    const { reached, record } = await ask('admin', asked)
    assert.equal(reached?.body, body)
    assert.ok(reached.headers.includes('application/json; charset=utf-8'))
    assert.ok(reached.headers.includes('X-Own'))
    assert.equal(record['needs'], undefined)
  })

  it('records what a body asks for, and never more than that', async () => {
    const body = '{"Image":"busybox","Env":["PW=x"],"Cmd":["y"],"HostConfig":{"Privileged":true}}'
    const { record } = await ask('admin', create(body))
    assert.deepEqual(record['needs'], { Image: 'busybox', HostConfig: { Privileged: true } })
  })

  it('lets a body pass unread that is too long to be judged, and says so', async () => {
    const body = `{"Image":"busybox","Labels":{"a":"${'x'.repeat(1_100_000)}"}}`
    const { answer, reached, record } = await ask('admin', create(body))
    assert.equal(answer.status, 200)
    assert.equal(reached?.body.length, body.length)
    assert.match(String(record['untried']), /too long/)
    assert.equal(record['wouldDeny'], undefined)
  })

  it('lets a body of no known length pass unread', async () => {
    engine.take()
    const connection = await RawConnection.open(gateway.door(gateway.identity('admin')))
    const head = 'Host: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked'
    const body = '13\r\n{"Image":"busybox"}\r\n0\r\n\r\n'
    connection.send(`POST /containers/create HTTP/1.1\r\n${head}\r\n\r\n${body}`)
    assert.equal((await connection.answer())?.status, 200)
    connection.close()
    const [reached, record] = [engine.take().at(-1), lastRecord()]
    assert.equal(reached?.body, '{"Image":"busybox"}')
    assert.match(String(record['untried']), /no known length/)
  })

  it('gives no right to whoever has nothing else', async () => {
    const { answer, reached, record } = await ask('nobody', { method: 'GET', path: '/containers/json' }) // prettier-ignore
    assert.equal(answer.status, 403)
    assert.match(answer.body.toString(), /their role \\"tried\\" is on trial, which gives no right/)
    assert.deepEqual([reached, record['reason']], [undefined, 'no-role'])
  })

  it('has no say in what was refused', async () => {
    const { answer, record } = await ask('limited', create('{"HostConfig":{"Privileged":true}}'))
    assert.equal(answer.status, 403)
    assert.equal(record['wouldDeny'], undefined)
  })

  it('is told of in whoami, beside the roles that decide', async () => {
    const { answer } = await ask('limited', { method: 'GET', path: '/_dockgate/whoami' })
    const { roles: deciding, onTrial, permissions } = JSON.parse(answer.body.toString())
    assert.deepEqual([deciding, onTrial], [['small'], ['tried']])
    assert.ok(!permissions.includes('image.pull'))
  })
})

describe('the record', () => {
  it('says what else the certificate says, so that other grants can be held against it', async () => {
    const subject = sequence(rdn(O, 'Example'), rdn(OU, 'ops'), rdn(CN, 'other'))
    const door = gateway.door(gateway.authority.issue({ subject }))
    await askDoor(door, { method: 'GET', path: '/containers/json' })
    assert.deepEqual(lastRecord()['facts'], { org: ['Example'], unit: ['ops'] })
    await ask('admin', { method: 'GET', path: '/containers/json' })
    assert.equal(lastRecord()['facts'], undefined)
  })

  it('says how far a role must reach for what was named', async () => {
    const { record } = await ask('limited', { method: 'POST', path: '/containers/x/stop' })
    assert.deepEqual([record['reach'], record['beyond']], ['all', [`container ${'c'.repeat(64)}`]])
  })
})

describe('a role on trial while the engine is away', () => {
  it('cannot be asked, and changes nothing', async () => {
    const away = await startGatewayProcess({ roles, enginePath: '/nowhere/engine.sock' })
    try {
      const answer = await askDoor(away.door(away.identity('admin')), { method: 'GET', path: '/containers/x/json' }) // prettier-ignore
      assert.equal(answer.status, 502)
      assert.match(away.logs(), /"decision":"allow","role":"admin"|"untried":"/)
    } finally {
      await away.stop()
    }
  })
})
