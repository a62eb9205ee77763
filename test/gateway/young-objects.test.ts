// What is over leaves nothing behind for the collector of old objects, whose work is dear: a busy gateway
// would have it all the time, and its memory would grow until then.
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { keptDoor, type KeptDoor } from '../helpers/kept-door.ts'

let engine: FakeEngine
let gateway: GatewayProcess
before(async () => {
  engine = await startFakeEngine('nobody')
  gateway = await startGatewayProcess({
    roles: 'grants: [{ to: { name: alice }, roles: [admin] }]',
    enginePath: engine.path,
    // Many collections in little time.
    env: { NODE_OPTIONS: '--max-semi-space-size=2' },
    settings: 'limits: { client: { requests: none } }',
  })
})
after(async () => {
  await gateway.stop()
  await engine.close()
})

async function ask(door: KeptDoor, line: string, times: number, status: number): Promise<void> {
  const one = async (): Promise<void> => {
    for (let asked = 0; asked < times / 8; asked++) {
      assert.equal((await door.ask(line)).status, status)
    }
  }
  await Promise.all(Array.from({ length: 8 }, one))
  engine.take()
}

async function oldBytes(door: KeptDoor): Promise<number> {
  const { body } = await door.ask('GET /_dockgate/metrics')
  const found = /^dockgate_nodejs_heap_space_size_used_bytes\{space="old"\} (\d+)$/m.exec(
    String(body),
  )
  return Number(found?.[1])
}

for (const [what, who, line, status] of [
  ['let through', 'alice', 'GET /_ping', 200],
  ['denied', 'bob', 'GET /containers/json', 403],
] as const) {
  it(`leaves next to nothing in old memory of requests that were ${what}`, async () => {
    const alice = keptDoor(gateway, 'alice')
    const door = keptDoor(gateway, who)
    await ask(door, line, 2_000, status)
    const earlier = await oldBytes(alice)
    await ask(door, line, 2_000, status)
    const each = ((await oldBytes(alice)) - earlier) / 2_000
    door.close()
    alice.close()
    // What is under way during a collection may stay, and Node 20 keeps more of it.
    assert.ok(each < 2_500, `${each} bytes each`)
  })
}
