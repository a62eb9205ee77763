// A name that means another thing by the time the engine is asked: what was judged is what is reached.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, it } from 'node:test'
import { askEngine, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, type Door, type RawAnswer } from '../helpers/raw-http.ts'
import { startSlowEngine, type SlowEngine } from '../helpers/slow-engine.ts'

const roles = `grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: bob }, roles: [developer] }
`
const word = uniqueName('swap')

let engine: SlowEngine
let gateway: GatewayProcess
let alice: Door
let bob: Door
before(async () => {
  engine = await startSlowEngine()
  gateway = await startGatewayProcess({ roles, enginePath: engine.path })
  alice = gateway.door(gateway.identity('alice'))
  bob = gateway.door(gateway.identity('bob'))
})
after(async () => {
  await removeAll(word)
  await gateway.stop()
  await engine.close()
})

async function ask(door: Door, line: string, body?: unknown): Promise<RawAnswer> {
  const [method = '', path = ''] = line.split(' ')
  return askDoor(door, {
    method,
    path,
    ...(body === undefined
      ? {}
      : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
}

async function must(door: Door, line: string, body?: unknown): Promise<string> {
  const answer = await ask(door, line, body)
  const text = answer.body.toString()
  assert.ok(answer.status < 300, `${line}: ${answer.status} ${text}`)
  const value = text === '' ? null : (JSON.parse(text) as { readonly Id?: string } | null)
  return value?.Id ?? ''
}

/** Somebody's steps while a request is held; they may have to wait until it is through. */
let underWay: Promise<void> | undefined

/** Sends a request and holds it back at the engine until others had the time to swap its names. */
async function askHeld(
  line: string,
  body: unknown,
  hold: RegExp,
  swap: () => Promise<void>,
): Promise<RawAnswer> {
  let wasHeld = false
  engine.holdNext(hold, async () => {
    wasHeld = true
    underWay = swap()
    // Where the gateway lets them wait for the held request, to wait for them here would be for ever.
    await Promise.race([underWay, sleep(1500)])
  })
  const answer = await ask(alice, line, body)
  await underWay
  assert.ok(wasHeld, `${line} was not held at ${hold}: ${answer.status} ${answer.body.toString()}`)
  return answer
}

interface Shown {
  readonly Id: string
  readonly Name: string
  readonly Image: string
  readonly State: { readonly Running: boolean }
  readonly Config: { readonly Labels: Readonly<Record<string, string>> }
  readonly Mounts: readonly { readonly Name: string }[]
  readonly ExecIDs: readonly string[] | null
  readonly Containers: Readonly<Record<string, object>>
  readonly Labels: Readonly<Record<string, string>>
}

const show = (path: string): Promise<Shown> => onEngine<Shown>(path)
const image = 'busybox:local'
const lasting = { Image: image, Cmd: ['sleep', '600'] }

/** Alice's container of this name and bob's other, which swap their names. */
async function pair(name: string): Promise<{
  readonly hers: string
  readonly his: string
  readonly swap: () => Promise<void>
}> {
  const hers = await must(alice, `POST /containers/create?name=${name}`, lasting)
  const his = await must(bob, `POST /containers/create?name=${name}-other`, lasting)
  await must(alice, `POST /containers/${hers}/start`)
  await must(bob, `POST /containers/${his}/start`)
  return {
    hers,
    his,
    swap: async () => {
      await must(alice, `POST /containers/${hers}/rename?name=${name}-moved`)
      await must(bob, `POST /containers/${his}/rename?name=${name}`)
    },
  }
}

describe('a container whose name moves to another’s between judging and doing', () => {
  it('is the one that is killed', async () => {
    const { hers, his, swap } = await pair(`${word}-kill`)
    await askHeld(`POST /containers/${word}-kill/kill`, undefined, /kill$/, swap)
    assert.equal((await show(`/containers/${his}/json`)).State.Running, true)
    assert.equal((await show(`/containers/${hers}/json`)).State.Running, false)
  })

  it('is the one that is removed', async () => {
    const { hers, his, swap } = await pair(`${word}-rm`)
    await askHeld(`DELETE /containers/${word}-rm?force=1`, undefined, /^DELETE/, swap)
    assert.equal((await askEngine(`/containers/${his}/json`)).status, 200)
    assert.equal((await askEngine(`/containers/${hers}/json`)).status, 404)
  })

  it('is the one that a command runs in', async () => {
    const { hers, his, swap } = await pair(`${word}-exec`)
    const path = `POST /containers/${word}-exec/exec`
    const answer = await askHeld(path, { Cmd: ['true'] }, /exec$/, swap)
    const exec = JSON.parse(answer.body.toString()) as { readonly Id: string }
    assert.deepEqual((await show(`/containers/${hers}/json`)).ExecIDs, [exec.Id])
    assert.equal((await show(`/containers/${his}/json`)).ExecIDs, null)
  })

  it('is the one that lends its namespaces and files', async () => {
    const { hers, swap } = await pair(`${word}-lend`)
    const modes = { NetworkMode: `container:${word}-lend`, PidMode: `container:${word}-lend` }
    const HostConfig = { ...modes, VolumesFrom: [`${word}-lend:ro`] }
    const path = `POST /containers/create?name=${word}-borrows`
    await askHeld(path, { ...lasting, HostConfig }, /^POST \/containers\/create/, swap)
    const shown = await onEngine<{ HostConfig: object }>(`/containers/${word}-borrows/json`)
    const { NetworkMode, PidMode, VolumesFrom } = shown.HostConfig as Record<string, unknown>
    assert.deepEqual(
      [NetworkMode, PidMode, VolumesFrom],
      [`container:${hers}`, `container:${hers}`, [`${hers}:ro`]],
    )
  })

  it('is the one that joins a network', async () => {
    const name = `${word}-join`
    const { hers, his, swap } = await pair(name)
    const network = await must(alice, 'POST /networks/create', { Name: name })
    await askHeld(`POST /networks/${name}/connect`, { Container: name }, /connect$/, swap)
    assert.deepEqual(Object.keys((await show(`/networks/${network}`)).Containers), [hers])
    assert.notEqual(hers, his)
  })
})

describe('a network that is made anew by another between judging and doing', () => {
  for (const where of ['NetworkMode', 'EndpointsConfig'] as const) {
    it(`is not joined by ${where}`, async () => {
      const Name = `${word}-${where.toLowerCase()}`
      await must(alice, 'POST /networks/create', { Name })
      const body =
        where === 'NetworkMode'
          ? { ...lasting, HostConfig: { NetworkMode: Name } }
          : { ...lasting, NetworkingConfig: { EndpointsConfig: { [Name]: {} } } }
      const line = `POST /containers/create?name=${Name}-c`
      let theirs = ''
      await askHeld(line, body, /^POST \/containers\/create/, async () => {
        await must(alice, `DELETE /networks/${Name}`)
        theirs = await must(bob, 'POST /networks/create', { Name })
      })
      await ask(alice, `POST /containers/${Name}-c/start`)
      assert.deepEqual((await show(`/networks/${theirs}`)).Containers, {})
    })
  }

  it('is not removed', async () => {
    const Name = `${word}-net-rm`
    await must(alice, 'POST /networks/create', { Name })
    let theirs = ''
    await askHeld(`DELETE /networks/${Name}`, undefined, /^DELETE/, async () => {
      await must(alice, `DELETE /networks/${Name}`)
      theirs = await must(bob, 'POST /networks/create', { Name })
    })
    assert.equal((await askEngine(`/networks/${theirs}`)).status, 200)
  })
})

describe('a volume that is made anew by another between judging and doing', () => {
  const ownerOf = async (name: string): Promise<string | undefined> =>
    (await show(`/volumes/${name}`)).Labels['dockgate.owner']

  for (const [how, HostConfig] of [
    ['a bind', { Binds: ['NAME:/x'] }],
    ['a mount', { Mounts: [{ Type: 'volume', Source: 'NAME', Target: '/x' }] }],
  ] as const) {
    it(`is not mounted by ${how}`, async () => {
      const Name = `${word}-vol-${how.slice(2)}`
      await must(alice, 'POST /volumes/create', { Name })
      const body = JSON.parse(JSON.stringify({ ...lasting, HostConfig }).replaceAll('NAME', Name))
      const line = `POST /containers/create?name=${Name}-c`
      await askHeld(line, body, /^POST \/containers\/create/, async () => {
        await ask(alice, `DELETE /volumes/${Name}`)
        await ask(bob, 'POST /volumes/create', { Name })
      })
      const made = await askEngine(`/containers/${Name}-c/json`)
      const owner = await ownerOf(Name)
      assert.ok(made.status === 404 || owner === 'alice', `${made.status}, ${owner}’s`)
    })
  }

  it('is not mounted where there was none before', async () => {
    const Name = `${word}-vol-none`
    const line = `POST /containers/create?name=${Name}-c`
    const body = { ...lasting, HostConfig: { Binds: [`${Name}:/x`] } }
    await askHeld(line, body, /^POST \/volumes\/create/, async () => {
      await onEngine('/volumes/create', {
        method: 'POST',
        body: { Name, Labels: { 'dockgate.owner': 'bob' } },
      })
    })
    assert.equal((await askEngine(`/containers/${Name}-c/json`)).status, 404)
  })

  it('is not removed', async () => {
    const Name = `${word}-vol-rm`
    await must(alice, 'POST /volumes/create', { Name })
    let made: RawAnswer | undefined
    await askHeld(`DELETE /volumes/${Name}`, undefined, /^DELETE \/volumes/, async () => {
      await ask(alice, `DELETE /volumes/${Name}`)
      made = await ask(bob, 'POST /volumes/create', { Name })
    })
    assert.equal(made?.status, 201)
    assert.equal(await ownerOf(Name), 'bob')
  })
})
