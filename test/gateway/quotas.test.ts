import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, type Door, type RawAnswer } from '../helpers/raw-http.ts'

const mib = 1024 * 1024
const word = uniqueName('quota')
// What is counted is counted on an engine that other tests use too.
const [aliceName, bobName] = [`alice-${word}`, `bob-${word}`]
const roles = `roles:
  small:
    includes: [developer]
    limits:
      memory: 64MiB
      cpus: 1
      containers: 3
      running: 1
      volumes: 2
      networks: 1
      totalMemory: 128MiB
      totalCpus: 2
grants:
  - { to: { name: ${aliceName} }, roles: [small] }
  - { to: { name: ${bobName} }, roles: [small] }
`

let gateway: GatewayProcess
let alice: Door
let bob: Door
before(async () => {
  gateway = await startGatewayProcess({ roles })
  alice = gateway.door(gateway.identity(aliceName))
  bob = gateway.door(gateway.identity(bobName))
})
after(async () => {
  await removeAll(word)
  await gateway.stop()
})

function post(door: Door, path: string, body?: object): Promise<RawAnswer> {
  return askDoor(door, {
    method: 'POST',
    path,
    ...(body === undefined
      ? {}
      : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
}

let made = 0
function create(door: Door, host: object = {}): Promise<RawAnswer> {
  const body = { Image: 'busybox:local', Cmd: ['sleep', '600'], HostConfig: host }
  return post(door, `/containers/create?name=${word}-${made++}`, body)
}

const idOf = (answer: RawAnswer): string => JSON.parse(answer.body.toString()).Id

describe('a quota', () => {
  it('holds when more than it allows is asked for at once', async () => {
    const host = { Memory: 16 * mib, NanoCpus: 1e8 }
    const answers = await Promise.all(Array.from({ length: 12 }, () => create(alice, host)))
    const count = (status: number) => answers.filter((one) => one.status === status).length
    assert.deepEqual([count(201), count(403)], [3, 9])
    const refused = answers.find((one) => one.status === 403)?.body.toString() ?? ''
    assert.match(refused, /4 in containers, and role \\"small\\" allows 3 \(limits\.containers\)/)
    type Row = { readonly Names: readonly string[] }
    const rows = await onEngine<readonly Row[]>('/containers/json?all=1')
    assert.equal(rows.filter((row) => row.Names.some((name) => name.includes(word))).length, 3)
  })

  it('is each person’s own', async () => {
    assert.equal((await create(bob, { Memory: 16 * mib })).status, 201)
  })

  it('counts what runs', async () => {
    const [first, second] = await Promise.all([
      create(bob, { Memory: 16 * mib, NanoCpus: 1e8 }),
      create(bob, { Memory: 16 * mib, NanoCpus: 1e8 }),
    ])
    const start = (answer: RawAnswer) => post(bob, `/containers/${idOf(answer)}/start`)
    const answers = await Promise.all([start(first), start(second)])
    assert.deepEqual(answers.map((one) => one.status).toSorted(), [204, 403])
    const running = answers[0]?.status === 204 ? first : second
    // It takes no second place by being started anew.
    assert.equal((await post(bob, `/containers/${idOf(running)}/restart?t=0`)).status, 204)
  })

  it('sums up the memory of all, also when one is updated', async () => {
    const rows = await onEngine<readonly { Id: string }[]>(
      `/containers/json?all=1&filters=${encodeURIComponent(`{"label":["dockgate.owner=${bobName}"]}`)}`,
    )
    const [one] = rows
    const grow = (bytes: number) =>
      post(bob, `/containers/${one?.Id}/update`, { Memory: bytes, MemorySwap: bytes })
    assert.equal((await grow(64 * mib)).status, 200)
    const [, other] = rows
    const path = `/containers/${other?.Id}/update`
    const answer = await post(bob, path, { Memory: 64 * mib, MemorySwap: 64 * mib })
    assert.equal(answer.status, 403)
    assert.match(answer.body.toString(), /limits\.totalMemory/)
  })

  it('counts the volumes that containers bring into being', async () => {
    const names = [0, 1, 2].map((index) => `${word}-v${index}`)
    for (const name of names.slice(0, 2)) {
      assert.equal((await post(alice, '/volumes/create', { Name: name })).status, 201)
    }
    const third = await post(alice, '/volumes/create', { Name: names[2] })
    assert.match(third.body.toString(), /limits\.volumes/)
    // What is there already takes no further place.
    assert.equal((await post(alice, '/volumes/create', { Name: names[0] })).status, 201)
  })

  it('counts networks', async () => {
    const network = (index: number) =>
      post(alice, '/networks/create', { Name: `${word}-n${index}`, CheckDuplicate: true })
    const answers = await Promise.all([network(0), network(1)])
    assert.deepEqual(answers.map((one) => one.status).toSorted(), [201, 403])
  })
})
