// Rights that nobody may give: forged, replayed, extended, passed on, given to oneself, put into the
// file, or given by somebody who lost the right to.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createAuthority, randomSerial, type Identity } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import { serveDockgate } from '../helpers/dockgate-process.ts'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor } from '../helpers/raw-http.ts'
import { claimsOf, sendGrant, signGrant, thumbprint, type GrantParts } from '../helpers/signed-grant.ts' // prettier-ignore

const roles = `roles:
  lead:
    allow: [dockgate.grant, dockgate.grants, dockgate.ungrant]
    mayGrant: { operator: 1h, narrow: 1h }
  chief:
    allow: [dockgate.grant, dockgate.grants]
    on: all
    mayGrant: [lead]
  muzzled: { allow: [dockgate.grant], deny: [dockgate.grant], mayGrant: [operator] }
  narrow: { allow: ['*'], deny: ['container.*', 'system.info'], on: all }
grants:
  - { to: { name: olga }, roles: [lead] }
  - { to: { name: omar }, roles: [lead] }
  - { to: { name: chief }, roles: [chief] }
  - { to: { name: mute }, roles: [lead, muzzled] }
  - { to: { name: alice }, roles: [viewer] }
`

let engine: FakeEngine
let gateway: GatewayProcess
let olga: Identity
before(async () => {
  engine = await startFakeEngine('alice')
  gateway = await startGatewayProcess({ roles, enginePath: engine.path })
  olga = gateway.identity('olga')
})
after(async () => {
  await gateway.stop()
  await engine.close()
})

const may = async (name: string, method: string, path: string): Promise<boolean> => {
  const { status } = await askDoor(gateway.door(gateway.identity(name)), { method, path })
  return status < 400
}
const restarts = (name: string): Promise<boolean> => may(name, 'POST', '/containers/x/restart')

async function given(): Promise<readonly { readonly id: string; readonly idle: unknown }[]> {
  const door = gateway.door(gateway.identity('chief'))
  const { body } = await askDoor(door, { method: 'GET', path: '/_dockgate/grants' })
  return JSON.parse(body.toString())
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const now = (): number => Math.floor(Date.now() / 1000)

describe('a grant', () => {
  type Make = () => Promise<string> | string
  const made = (parts: Partial<GrantParts> | (() => Partial<GrantParts>)): Make => {
    return () => signGrant(olga, typeof parts === 'function' ? parts() : parts)
  }
  const claim = (claims: Record<string, unknown>): Make => made({ claims })

  // prettier-ignore
  const forged: readonly (readonly [name: string, make: Make, why: RegExp])[] = [
    ['without a signature', () => `${part({ alg: 'none', typ: 'dockgate-grant+jwt' })}.${part(claimsOf(olga))}.`, /not signed with the key/],
    ['with an HMAC under the public certificate', () => {
      const signed = `${part({ alg: 'HS256', typ: 'dockgate-grant+jwt' })}.${part(claimsOf(olga))}`
      return `${signed}.${createHmac('sha256', olga.cert).update(signed).digest('base64url')}`
    }, /not signed with the key/],
    ["with somebody else's key", made(() => ({ key: gateway.identity('mallory').key })), /not signed with the key/],
    ['with a key of its own in the header', made({ header: { jwk: { kty: 'EC' } } }), /no signed grant/],
    ['with another type', made({ header: { typ: 'JWT' } }), /no signed grant/],
    ['that was changed after it was signed', async () => {
      const [head, , signature] = (await signGrant(olga)).split('.')
      return [head, part(claimsOf(olga, { role: 'admin' })), signature].join('.')
    }, /not signed with the key/],
    ['bound to another certificate', claim({ cnf: { 'x5t#S256': 'A'.repeat(43) } }), /bound to another certificate/],
    ['bound to no certificate', claim({ cnf: {} }), /bound to no certificate/],
    ['bound in two ways', made(() => ({ claims: { cnf: { 'x5t#S256': thumbprint(olga), jkt: 'x' } } })), /bound to no certificate/],
    ['for another gateway', claim({ aud: 'urn:dockgate:gateway:other.example.com' }), /for another gateway/],
    ['for any gateway', claim({ aud: ['urn:dockgate:gateway:localhost'] }), /for no gateway/],
    ['with a claim that means nothing', claim({ roles: ['admin'] }), /means nothing here/],
    ['with a claim twice', made(() => ({ payload: JSON.stringify(claimsOf(olga)).replace('"role":"operator"', '"role":"operator","role":"admin"') })), /stands twice/],
    ['that was signed a while ago', made(() => ({ claims: { iat: now() - 600 } })), /signed \d+ s ago/],
    ['that is signed for later', made(() => ({ claims: { iat: now() + 600, exp: now() + 900 } })), /signed \d+ s from now/],
    ['that is over', made(() => ({ claims: { exp: now() - 1 } })), /ends before it begins/],
    ['without an end', claim({ exp: undefined }), /from when until when/],
    ['with an end in words', claim({ exp: '9999999999' }), /from when until when/],
    ['for longer than may be', made(() => ({ claims: { exp: now() + 3700 } })), /for 1h at most/],
    ['for longer than their certificate lasts', made(() => ({ claims: { exp: now() + 2 * 86_400 } })), /outlast its giver's own certificate/],
    ['to oneself', claim({ sub: 'olga' }), /to themselves/],
    ['to nobody', claim({ sub: ' ' }), /to whom/],
    ['to two people', claim({ sub: ['alice', 'bob'] }), /to whom/],
    ['to a name with a hidden letter', claim({ sub: 'al\u200bice' }), /to whom/],
    ['of a role that may not be given', claim({ role: 'admin' }), /none of their roles may grant "admin"/],
    ['of a role in other letters', claim({ role: 'Operator' }), /there is no role "Operator"/],
    ['of the role that gives', claim({ role: 'lead' }), /none of their roles may grant "lead"/],
    ['of what no role is called', claim({ role: '__proto__' }), /there is no role "__proto__"/],
    ['without a reason', claim({ reason: '' }), /reason is one line/],
    ['with a reason of two lines', claim({ reason: 'a\nb' }), /reason is one line/],
    ['without an id', claim({ jti: undefined }), /no id/],
    ['with an id of its own making', claim({ jti: '../../../etc/passwd' }), /no id/],
    ['that is no token', () => 'x', /not signed with the key/],
  ]
  for (const [name, make, why] of forged) {
    it(`is refused ${name}`, async () => {
      const answer = await sendGrant(gateway, olga, await make())
      assert.ok(answer.status === 400 || answer.status === 403, String(answer.status))
      assert.match(JSON.parse(answer.body.toString()).message, why)
      assert.deepEqual(await given(), [])
    })
  }

  it('of one operator is not taken from another, though both may give it', async () => {
    const answer = await sendGrant(gateway, gateway.identity('omar'), await signGrant(olga))
    assert.match(answer.body.toString(), /not signed with the key of your certificate/)
  })

  it('is not taken from whose key signed it, where it is bound to another certificate', async () => {
    const parts = { subject: sequence(rdn(CN, 'olga')) }
    const renewed = gateway.authority.issue(parts)
    const jws = await signGrant(olga, { key: renewed.key })
    const answer = await sendGrant(gateway, renewed, jws)
    assert.match(answer.body.toString(), /bound to another certificate/)
  })

  it('is refused to whoever may not give it', async () => {
    const refused = [
      ['alice', /may not dockgate\.grant here/],
      ['stranger', /no grant gives them a role/],
      ['mute', /denies it/],
    ] as const
    for (const [name, why] of refused) {
      const identity = gateway.identity(name)
      const answer = await sendGrant(gateway, identity, await signGrant(identity, { claims: { sub: 'bob' } })) // prettier-ignore
      assert.equal(answer.status, 403)
      assert.match(answer.body.toString(), why)
    }
    assert.deepEqual(await given(), [])
  })

  it('is refused in a body with anything beside it', async () => {
    const grant = await signGrant(olga)
    for (const [type, body] of [
      ['application/json', JSON.stringify({ grant, Grant: grant })],
      ['application/json', JSON.stringify([grant])],
      ['application/json', ''],
      ['application/jose', grant],
    ] as const) {
      const headers = { 'Content-Type': type }
      const path = '/_dockgate/grants'
      const answer = await askDoor(gateway.door(olga), { method: 'POST', path, headers, body })
      assert.equal(answer.status, 400, body.slice(0, 40))
    }
    assert.deepEqual(await given(), [])
  })
})

describe('a grant that counts', () => {
  it('is taken once, of many attempts at once, and not again after it was ended', async () => {
    const jws = await signGrant(olga, { claims: { sub: 'rita' } })
    const tries = Array.from({ length: 20 }, () => sendGrant(gateway, olga, jws))
    const statuses = (await Promise.all(tries)).map(({ status }) => status)
    assert.equal(statuses.filter((status) => status === 201).length, 1)
    assert.equal(statuses.filter((status) => status === 409).length, 19)
    assert.equal(await restarts('rita'), true)
    const [row] = await given()
    const path = `/_dockgate/grants/${row?.id}`
    const omar = gateway.door(gateway.identity('omar'))
    // Whose role reaches their own things only ends what they gave or were given.
    assert.equal((await askDoor(omar, { method: 'DELETE', path })).status, 404)
    assert.equal((await askDoor(gateway.door(olga), { method: 'DELETE', path })).status, 200)
    assert.equal(await restarts('rita'), false)
    assert.equal((await sendGrant(gateway, olga, jws)).status, 409)
    assert.equal(await restarts('rita'), false)
  })

  it('gives nothing on, nor extends itself', async () => {
    const chief = gateway.identity('chief')
    const lend = await signGrant(chief, { claims: { role: 'lead' } })
    assert.equal((await sendGrant(gateway, chief, lend)).status, 201)
    const alice = gateway.identity('alice')
    for (const claims of [{ sub: 'bob' }, { sub: 'bob', role: 'lead' }, { sub: 'alice' }]) {
      const answer = await sendGrant(gateway, alice, await signGrant(alice, { claims }))
      assert.equal(answer.status, 403)
      assert.match(answer.body.toString(), /no role that alice has by roles\.yaml allows dockgate\.grant/) // prettier-ignore
    }
  })

  it('takes nothing away, whatever its role denies', async () => {
    assert.equal(await may('alice', 'GET', '/containers/json'), true)
    const jws = await signGrant(olga, { claims: { role: 'narrow' } })
    assert.equal((await sendGrant(gateway, olga, jws)).status, 201)
    assert.equal(await may('alice', 'GET', '/containers/json'), true)
    assert.equal(await restarts('alice'), false)
    assert.equal(await may('alice', 'GET', '/networks'), true)
  })

  it('is for the one name, in these letters', async () => {
    const jws = await signGrant(olga, { claims: { sub: 'nora' } })
    assert.equal((await sendGrant(gateway, olga, jws)).status, 201)
    assert.equal(await restarts('nora'), true)
    for (const name of ['Nora', 'nora.', 'nor']) assert.equal(await restarts(name), false)
  })

  it('ends with the right of its giver: revoked, or without the role', async () => {
    const serial = randomSerial()
    const giver = gateway.authority.issue({ subject: sequence(rdn(CN, 'omar')), serial })
    const jws = await signGrant(giver, { claims: { sub: 'ivan' } })
    assert.equal((await sendGrant(gateway, giver, jws)).status, 201)
    const olgas = await signGrant(olga, { claims: { sub: 'judy' } })
    assert.equal((await sendGrant(gateway, olga, olgas)).status, 201)
    assert.deepEqual([await restarts('ivan'), await restarts('judy')], [true, true])
    const crl = join(gateway.home, 'certs/crl.pem')
    writeFileSync(crl, gateway.authority.revocationList({ number: 2, serials: [serial] }))
    while (await restarts('ivan')) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(await restarts('judy'), true)
    const text = roles.replace('  - { to: { name: olga }, roles: [lead] }\n', '')
    writeFileSync(join(gateway.home, 'roles.yaml'), text)
    while (await restarts('judy')) await new Promise((resolve) => setTimeout(resolve, 20))
    writeFileSync(join(gateway.home, 'roles.yaml'), roles)
    while (!(await restarts('judy'))) await new Promise((resolve) => setTimeout(resolve, 20))
  })
})

describe('the folder of temporary grants', () => {
  it('gives nothing that was not signed by who may, whatever is written into it', async () => {
    const folder = join(gateway.home, 'grants')
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
    const entries = files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    const olgas = entries.find(({ jws }) => decode(jws)['sub'] === 'judy')
    assert.ok(olgas)
    const jti = (number: number): string => String(number).repeat(32)
    const other = createAuthority('another authority').issue({ subject: sequence(rdn(CN, 'olga')) })
    const mallory = gateway.identity('mallory')
    const entry = async (identity: Identity, claims: Record<string, unknown>) => ({
      id: olgas.id,
      jws: await signGrant(identity, { claims }),
      certificate: identity.cert,
      address: '127.0.0.1',
    })
    const [head, , signature] = olgas.jws.split('.')
    const widened = part({ ...decode(olgas.jws), role: 'admin', jti: jti(4) })
    const bound = { cnf: { 'x5t#S256': thumbprint(olga) } }
    const written: Readonly<Record<string, unknown>> = {
      [jti(1)]: await entry(other, { sub: 'm1', jti: jti(1) }),
      [jti(2)]: await entry(mallory, { sub: 'm2', jti: jti(2) }),
      [jti(3)]: { ...(await entry(mallory, { sub: 'm3', jti: jti(3), ...bound })), certificate: olga.cert }, // prettier-ignore
      [jti(4)]: { ...olgas, jws: [head, widened, signature].join('.') },
      [jti(5)]: olgas,
      [jti(6)]: {},
    }
    for (const [name, value] of Object.entries(written)) {
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(value))
    }
    writeFileSync(join(folder, `${jti(7)}.json`), '{"id":')
    const refused = (): number => gateway.log().match(/json gives nothing: /g)?.length ?? 0
    const isQuiet = async (): Promise<void> => {
      while (refused() < 6) await new Promise((resolve) => setTimeout(resolve, 20))
      assert.equal(await restarts('judy'), true)
      for (const name of ['m1', 'm2', 'm3']) assert.equal(await restarts(name), false)
      assert.equal(await may('judy', 'DELETE', '/containers/x'), false)
      const rows = await given()
      assert.equal(rows.filter(({ id, idle }) => id === olgas.id && idle === null).length, 1)
    }
    await isQuiet()
    await gateway.kill()
    gateway = await startGatewayProcess({ roles, enginePath: engine.path, after: gateway })
    await isQuiet()
  })

  it('is one for all processes of a gateway: two take one grant once, and its end counts in both', async () => {
    const { pid } = gateway
    const second = await serveDockgate(['serve'], {
      DOCKGATE_HOME: gateway.home,
      DOCKGATE_LISTEN: '127.0.0.1:0',
      DOCKGATE_ENGINE: `unix://${engine.path}`,
      DOCKGATE_AUDIT: join(gateway.home, 'second.log'),
      DOCKGATE_CONTROL: join(gateway.home, 'second.sock'),
    })
    try {
      assert.notEqual(second.pid, pid)
      const beside = {
        ...gateway,
        door: (who: Identity) => gateway.door(who, { port: second.port }),
      }
      const jws = await signGrant(olga, { claims: { sub: 'twin' } })
      const answers = await Promise.all([gateway, beside].map((one) => sendGrant(one, olga, jws)))
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409])
      const twin = gateway.identity('twin')
      const restart = { method: 'POST', path: '/containers/x/restart' }
      const both = async (): Promise<readonly number[]> =>
        Promise.all([gateway, beside].map(async (one) => (await askDoor(one.door(twin), restart)).status)) // prettier-ignore
      const become = async (status: number): Promise<void> => {
        const since = Date.now()
        while ((await both()).some((one) => one !== status)) assert.ok(Date.now() - since < 5_000)
      }
      await become(200)
      const { id } = JSON.parse(answers.find(({ status }) => status === 201)?.body.toString() ?? '')
      const path = `/_dockgate/grants/${id}`
      assert.equal((await askDoor(beside.door(olga), { method: 'DELETE', path })).status, 200)
      await become(403)
    } finally {
      await second.stop()
    }
  })
})

function decode(jws: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString())
}
