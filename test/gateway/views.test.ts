// What two tenants of one engine read of it: lists, counts, usage and events hold what is theirs.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { dockerPrograms, runDocker, throughTls } from '../helpers/docker-cli.ts'
import { askEngine, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, RawConnection, requestBytes, type Door } from '../helpers/raw-http.ts'

const word = uniqueName('views')
const [alice, bob] = [`alice-${word}`, `bob-${word}`] as const
const roles = `roles:
  tier:
    allow: [container.ls, image.ls, network.ls, system.events, system.info, system.df]
    on: { label: { tier: ${word} } }
  named:
    allow: [system.events]
    on: { label: { name: ${word}-bob } }
grants:
  - { to: { name: ${alice} }, roles: [developer] }
  - { to: { name: ${bob} }, roles: [developer] }
  - { to: { name: tess }, roles: [tier] }
  - { to: { name: nell }, roles: [named] }
  - { to: { name: root }, roles: [admin] }
`
type Row = Readonly<Record<string, never>> & {
  readonly Id: string
  readonly Name: string
  readonly RepoTags: readonly string[] | null
  readonly Names: readonly string[]
  readonly Containers: number
  readonly Size: number
}

let gateway: GatewayProcess
const doors = new Map<string, Door>()
/** Of each of the two, by kind. */
const made = new Map<string, Readonly<Record<'container' | 'network' | 'image', string>>>()

before(async () => {
  gateway = await startGatewayProcess({ roles })
  for (const name of [alice, bob, 'tess', 'nell', 'root']) {
    doors.set(name, gateway.door(gateway.identity(name)))
  }
  for (const who of [alice, bob]) {
    const short = who === alice ? 'alice' : 'bob'
    const network = await post(who, '/networks/create', { Name: `${word}-${short}` })
    await post(who, '/volumes/create', { Name: `${word}-${short}` })
    const container = await post(who, `/containers/create?name=${word}-${short}`, {
      Image: 'busybox:local',
      Cmd: ['sleep', '600'],
      Labels: { tier: word, note: short },
      HostConfig: { NetworkMode: `${word}-${short}`, Binds: [`${word}-${short}:/data`] },
    })
    await post(who, `/containers/${container}/start`)
    await post(who, `/networks/bridge/connect`, { Container: container })
    const image = await post(who, `/commit?container=${container}&repo=${word}-${short}`, {})
    made.set(who, { container, network, image })
  }
  // What a build of somebody's leaves behind: an image with neither name nor owner.
  const from = await onEngine<{ Id: string }>('/containers/create', {
    method: 'POST',
    body: { Image: 'busybox:local', Labels: { left: word } },
  })
  await onEngine(`/commit?container=${from.Id}`, { method: 'POST', body: {} })
  await onEngine(`/containers/${from.Id}`, { method: 'DELETE' })
})
after(async () => {
  await removeAll(word)
  const filters = JSON.stringify({ label: [`left=${word}`] })
  const left = await onEngine<Row[]>(`/images/json?filters=${encodeURIComponent(filters)}`)
  for (const { Id } of left) await askEngine(`/images/${Id}`, { method: 'DELETE' })
  await gateway.stop()
})

function doorOf(who: string): Door {
  const door = doors.get(who)
  assert.ok(door !== undefined)
  return door
}

async function post(who: string, path: string, body?: unknown): Promise<string> {
  const answer = await askDoor(doorOf(who), {
    method: 'POST',
    path,
    ...(body === undefined
      ? {}
      : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  assert.ok(answer.status < 300, `${path}: ${answer.body.toString()}`)
  const text = answer.body.toString()
  return text === '' ? '' : JSON.parse(text).Id
}

async function remove(who: string, path: string): Promise<void> {
  const answer = await askDoor(doorOf(who), { method: 'DELETE', path })
  assert.ok(answer.status < 300, `${path}: ${answer.body.toString()}`)
}

async function get<T>(who: string, path: string): Promise<T> {
  const answer = await askDoor(doorOf(who), {
    method: 'GET',
    path,
    headers: { 'Accept-Encoding': 'gzip' },
  })
  assert.equal(answer.status, 200, `${path}: ${answer.body.toString()}`)
  return JSON.parse(answer.body.toString())
}

function idOf(who: string, kind: 'container' | 'network' | 'image'): string {
  return made.get(who)?.[kind] ?? ''
}

describe('lists', () => {
  it('of images hold theirs and those of nobody that have a name', async () => {
    for (const path of ['/images/json', '/images/json?all=1', '/v1.25/images/json']) {
      const seen = await get<Row[]>(alice, path)
      const tags = seen.flatMap(({ RepoTags }) => RepoTags ?? [])
      assert.ok(tags.includes('busybox:local'))
      assert.ok(tags.includes(`${word}-alice:latest`))
      assert.ok(!tags.includes(`${word}-bob:latest`))
      assert.ok(seen.every(({ RepoTags }) => (RepoTags ?? []).some((tag) => !tag.startsWith('<'))))
    }
    const all = await get<Row[]>('root', '/images/json')
    assert.ok(all.some(({ RepoTags }) => RepoTags?.includes(`${word}-bob:latest`)))
    // Null, one that says so, or none at all: engines differ.
    const isNameless = ({ RepoTags }: Row) => (RepoTags ?? []).every((tag) => tag.startsWith('<'))
    assert.ok(all.some(isNameless))
  })

  it('keep the client’s own filters', async () => {
    const filters = encodeURIComponent(JSON.stringify({ reference: [`${word}-*`] }))
    const seen = await get<Row[]>(bob, `/images/json?filters=${filters}`)
    assert.deepEqual(
      seen.map(({ RepoTags }) => RepoTags),
      [[`${word}-bob:latest`]],
    )
  })

  it('hold the very bytes that the engine says', async () => {
    const whole = (await askEngine('/networks')).body.toString()
    const answer = await askDoor(doorOf(alice), { method: 'GET', path: '/networks' })
    const seen: readonly unknown[] = JSON.parse(answer.body.toString())
    assert.ok(seen.length >= 3)
    for (const one of seen) assert.ok(whole.includes(JSON.stringify(one)))
    const [, length] = answer.headers.find(([name]) => name === 'content-length') ?? []
    assert.equal(Number(length), answer.body.length)
  })

  it('of networks hold theirs and the two that everybody shares', async () => {
    for (const path of ['/networks', '/v1.27/networks', '/networks/']) {
      const answer = await askDoor(doorOf(bob), { method: 'GET', path })
      const seen: Row[] = JSON.parse(answer.body.toString())
      const names = seen.map(({ Name }) => Name).filter((name) => name.includes(word))
      assert.deepEqual(names, [`${word}-bob`])
      assert.ok(seen.some(({ Name }) => Name === 'bridge'))
      assert.ok(!seen.some(({ Name }) => Name === 'host'))
      assert.ok(!answer.body.toString().includes(idOf(alice, 'container')))
    }
  })

  it('are empty, not broken, for who has nothing', async () => {
    const seen = await get<Row[]>('tess', '/networks')
    assert.deepEqual(seen.map(({ Name }) => Name).toSorted(), ['bridge', 'none'])
    const filters = encodeURIComponent(JSON.stringify({ name: ['nosuch'] }))
    assert.deepEqual(await get('tess', `/networks?filters=${filters}`), [])
  })
})

describe('a network that everybody shares', () => {
  it('names of its members theirs alone', async () => {
    type Network = { readonly Containers: Readonly<Record<string, unknown>> }
    for (const [who, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      for (const path of ['/networks/bridge', '/networks/bridge?verbose=1', '/v1.24/networks']) {
        const said = JSON.stringify(await get(who, path))
        assert.ok(said.includes(idOf(who, 'container')), path)
        assert.ok(!said.includes(idOf(other, 'container')), path)
      }
      const { Containers } = await get<Network>(who, '/networks/bridge')
      assert.deepEqual(Object.keys(Containers), [idOf(who, 'container')])
    }
  })
})

describe('counts', () => {
  it('of /info are theirs', async () => {
    const info = await get<Record<string, number>>(alice, '/info')
    const images = await get<Row[]>(alice, '/images/json')
    assert.deepEqual(
      [info['Containers'], info['ContainersRunning'], info['ContainersPaused'], info['Images']],
      [1, 1, 0, images.length],
    )
    const whole = await get<Record<string, number>>('root', '/info')
    assert.deepEqual(Object.keys(info), Object.keys(whole))
    assert.ok((whole['Containers'] ?? 0) >= 2)
  })

  it('of /system/df are theirs, and its things too', async () => {
    type Usage = {
      readonly LayersSize: number
      readonly Images: readonly Row[]
      readonly Containers: readonly Row[]
      readonly Volumes: readonly Row[]
      readonly BuildCache: readonly unknown[] | null
    }
    const usage = await get<Usage>(bob, '/system/df')
    assert.deepEqual(
      usage.Containers.map(({ Id }) => Id),
      [idOf(bob, 'container')],
    )
    assert.deepEqual(
      usage.Volumes.map(({ Name }) => Name),
      [`${word}-bob`],
    )
    const tags = usage.Images.flatMap(({ RepoTags }) => RepoTags ?? [])
    assert.ok(tags.includes(`${word}-bob:latest`) && !tags.includes(`${word}-alice:latest`))
    const base = usage.Images.find(({ RepoTags }) => RepoTags?.includes('busybox:local'))
    assert.equal(base?.Containers, 1, 'its own container, not the other one')
    const most = usage.Images.reduce((sum, { Size }) => sum + Size, 0)
    assert.ok(usage.LayersSize > 0 && usage.LayersSize <= most)
    assert.deepEqual(usage.BuildCache ?? [], [])
    assert.ok(!JSON.stringify(usage).includes(`${word}-alice`))
  })
})

describe('docker itself', () => {
  it('shows a tenant their own by every command that looks around', async () => {
    const target = throughTls(`tcp://localhost:${gateway.port}`, gateway.certPath(alice))
    for (const program of dockerPrograms) {
      const shown: string[] = []
      for (const command of [
        'images',
        'ps -a',
        'network ls',
        'network inspect bridge',
        'volume ls',
        'system df',
        'system df -v',
        'info',
        'events --since 10m --until 0s',
      ]) {
        const { exit, stdout, stderr } = await runDocker(target, command.split(' '), { program })
        assert.equal(exit, 0, `${program} ${command}: ${stderr}`)
        assert.ok(!stdout.includes(`${word}-bob`), `${command}: ${stdout}`)
        if (stdout.includes(`${word}-alice`)) shown.push(command)
      }
      assert.deepEqual(shown, [
        'images',
        'ps -a',
        'network ls',
        'network inspect bridge',
        'volume ls',
        'system df -v',
        'events --since 10m --until 0s',
      ])
    }
  })
})

interface Event {
  readonly Type: string
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> }
}

function read(text: string): Event[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

/** What somebody sees of what is done meanwhile; the last thing done is a sign that all has come. */
async function during(
  who: string,
  query: string,
  act: () => Promise<void>,
): Promise<readonly Event[]> {
  const connection = await RawConnection.open(doorOf(who))
  try {
    connection.send(requestBytes({ method: 'GET', path: `/events${query}` }))
    const head = (await connection.until('\r\n\r\n'))?.toString() ?? ''
    assert.match(head, /^HTTP\/1\.1 200 /)
    assert.match(head, /transfer-encoding: chunked/i)
    await act()
    const sign = `${word}-sign-${Math.random().toString(36).slice(2)}`
    await onEngine('/volumes/create', {
      method: 'POST',
      body: { Name: sign, Labels: { 'dockgate.owner': who, tier: word } },
    })
    const text = (await connection.until(`"${sign}"`))?.toString() ?? ''
    await onEngine(`/volumes/${sign}`, { method: 'DELETE' })
    const lines = text.split('\r\n').filter((line) => line.startsWith('{'))
    return read(lines.slice(0, text.endsWith('\n') ? undefined : -1).join(''))
  } finally {
    connection.close()
  }
}

/** Everything that one can do to a thing, from its making to its end. */
async function live(who: string, name: string): Promise<string> {
  const network = await post(who, '/networks/create', { Name: name })
  await post(who, '/volumes/create', { Name: name })
  const id = await post(who, `/containers/create?name=${name}`, {
    Image: 'busybox:local',
    Cmd: ['sleep', '600'],
    HostConfig: { NetworkMode: name, Binds: [`${name}:/data`] },
  })
  await post(who, `/containers/${id}/start`)
  const exec = await post(who, `/containers/${id}/exec`, { Cmd: ['echo', `said-by-${name}`] })
  await askDoor(doorOf(who), {
    method: 'POST',
    path: `/exec/${exec}/start`,
    headers: { 'Content-Type': 'application/json' },
    body: '{"Detach":true}',
  })
  await post(who, `/networks/bridge/connect`, { Container: id })
  const image = await post(who, `/commit?container=${id}&repo=${name}`, {})
  await remove(who, `/containers/${id}?force=1`)
  await remove(who, `/networks/${network}`)
  await remove(who, `/volumes/${name}`)
  await remove(who, `/images/${image}`)
  return id
}

describe('events', () => {
  it('tell each what is done to theirs, to its end, and nothing of the other', async () => {
    const [hers, his] = [`${word}-hers`, `${word}-his`]
    let id = ''
    const seen = await during(alice, '', async () => {
      const [first] = await Promise.all([live(alice, hers), live(bob, his)])
      id = first
    })
    const acts = new Set(seen.map(({ Type, Action }) => `${Type} ${Action.replace(/:.*/, '')}`))
    for (const act of [
      'network create',
      'network connect',
      'network disconnect',
      'network destroy',
      'volume create',
      'volume mount',
      'volume unmount',
      'volume destroy',
      'container create',
      'container start',
      'container exec_create',
      'container exec_start',
      'container die',
      'container commit',
      'container destroy',
      'image delete',
    ]) {
      assert.ok(acts.has(act), `${act} is missing of ${[...acts].join(', ')}`)
    }
    const said = JSON.stringify(seen)
    assert.ok(said.includes(`said-by-${hers}`) && said.includes(id))
    assert.ok(!said.includes(his) && !said.includes(bob), said)
    // A network that is shared tells who joins it only to them.
    const joined = seen.filter(({ Actor }) => Actor.Attributes['name'] === 'bridge')
    assert.deepEqual([...new Set(joined.map(({ Actor }) => Actor.Attributes['container']))], [id])
  })

  it('keep the client’s own filters', async () => {
    const filters = encodeURIComponent(JSON.stringify({ type: ['container', 'volume'] }))
    const seen = await during(bob, `?filters=${filters}`, async () => {
      await live(bob, `${word}-filtered`)
    })
    assert.ok(seen.length > 4)
    assert.deepEqual([...new Set(seen.map(({ Type }) => Type))].toSorted(), ['container', 'volume'])
  })

  it('of the past are told as well, but not those of a volume whose name has changed hands', async () => {
    const name = `${word}-handed`
    const since = Date.now() / 1000 - 1
    await post(bob, '/volumes/create', { Name: name })
    await remove(bob, `/volumes/${name}`)
    // The engine says a volume's age in whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await post(alice, '/volumes/create', { Name: name })
    const until = Date.now() / 1000 + 1
    const filters = encodeURIComponent(JSON.stringify({ type: ['volume'] }))
    const query = `since=${since}&until=${until}&filters=${filters}`
    const past = async (who: string) => {
      const answer = await askDoor(doorOf(who), { method: 'GET', path: `/events?${query}` })
      return read(answer.body.toString())
        .filter(({ Actor }) => Actor.ID === name)
        .map(({ Action }) => Action)
    }
    assert.deepEqual(await past('root'), ['create', 'destroy', 'create'])
    assert.deepEqual(await past(alice), ['create'])
    assert.deepEqual(await past(bob), [])
  })

  it('within a reach by label are those of things that have it', async () => {
    const seen = await during('tess', '', async () => {
      await post(alice, `/containers/${idOf(alice, 'container')}/restart?t=0`)
      await live(bob, `${word}-untiered`)
    })
    const ids = new Set(seen.flatMap(({ Type, Actor }) => (Type === 'container' ? Actor.ID : [])))
    assert.deepEqual([...ids], [idOf(alice, 'container')])
  })

  it('do not take a container’s name for a label', async () => {
    const connection = await RawConnection.open(doorOf('nell'))
    connection.send(
      requestBytes({
        method: 'GET',
        path: `/events?since=${Date.now() / 1000 - 60}&until=${Date.now() / 1000}`,
        headers: { Connection: 'close' },
      }),
    )
    const answer = await connection.answer()
    assert.equal(answer?.status, 200)
    assert.equal(answer?.body.toString(), '')
    connection.close()
  })
})
