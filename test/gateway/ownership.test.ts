import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { askEngine, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, type Door, type RawAnswer } from '../helpers/raw-http.ts'

const roles = `grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: bob }, roles: [developer] }
`
const word = uniqueName('owner')
const owner = { 'dockgate.owner': 'alice', 'dockgate.team': '' }

let gateway: GatewayProcess
let alice: Door
let bob: Door
before(async () => {
  gateway = await startGatewayProcess({ roles })
  alice = gateway.door(gateway.identity('alice'))
  bob = gateway.door(gateway.identity('bob'))
  await onEngine(`/images/busybox:local/tag?repo=${word}-base&tag=latest`, { method: 'POST' })
})
after(async () => {
  await removeAll(word)
  await gateway.stop()
})

async function ask(door: Door, method: string, path: string, body?: unknown): Promise<RawAnswer> {
  return askDoor(door, {
    method,
    path,
    ...(body === undefined
      ? {}
      : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
}

async function make<T = { Id: string }>(path: string, body: unknown): Promise<T> {
  const answer = await ask(alice, 'POST', path, body)
  assert.equal(answer.status, 201, answer.body.toString())
  return JSON.parse(answer.body.toString())
}

interface Inspected {
  readonly Config: { readonly Labels: Readonly<Record<string, string>> }
  readonly Labels: Readonly<Record<string, string>> | null
  readonly Mounts: readonly { readonly Name: string; readonly Destination: string }[]
}

const base = `${word}-base`

describe('what a tenant makes', () => {
  it('is labelled as theirs, over what its image would lend', async () => {
    const labels = { 'dockgate.owner': 'bob', 'dockgate.team': 'ops@x', note: 'kept' }
    const { Id: from } = await onEngine<{ Id: string }>('/containers/create', {
      method: 'POST',
      body: { Image: base, Cmd: ['true'] },
    })
    const changes = Object.entries(labels).map(
      ([name, value]) => `&changes=${encodeURIComponent(`LABEL ${name}=${value}`)}`,
    )
    await onEngine(`/commit?container=${from}&repo=${word}-lends${changes.join('')}`, {
      method: 'POST',
      body: {},
    })
    // Whoever owns it lets it be used: for this test, nobody does.
    await onEngine(`/containers/${from}`, { method: 'DELETE' })
    const answer = await ask(alice, 'POST', `/containers/create?name=${word}-lent`, {
      Image: `${word}-lends`,
    })
    assert.equal(answer.status, 404, 'an image with bob’s label is bob’s')
    const { Id } = await make(`/containers/create?name=${word}-own`, { Image: base, Cmd: ['true'] })
    const { Config } = await onEngine<Inspected>(`/containers/${Id}/json`)
    assert.deepEqual(Config.Labels, owner)
  })

  it('labels volumes that a container brings into being, with a name or without', async () => {
    const { Id } = await make(`/containers/create?name=${word}-vols`, {
      Image: base,
      Cmd: ['true'],
      Volumes: { '/anonymous': {}, '/taken/': {} },
      HostConfig: {
        Binds: [`${word}-bound:/bound`, `${word}-taken:/taken`],
        Mounts: [{ Type: 'volume', Source: `${word}-mounted`, Target: '/mounted' }],
      },
    })
    const { Mounts } = await onEngine<Inspected>(`/containers/${Id}/json`)
    const places = Mounts.map((mount) => mount.Destination).toSorted()
    assert.deepEqual(places, ['/anonymous', '/bound', '/mounted', '/taken'])
    for (const { Name, Destination } of Mounts) {
      const volume = await onEngine<Inspected>(`/volumes/${Name}`)
      // From Docker 24 on the engine marks volumes that it has named itself.
      const { 'com.docker.volume.anonymous': _, ...labels } = volume.Labels ?? {}
      assert.deepEqual(labels, owner, Destination)
    }
    const anonymous = Mounts.find((mount) => mount.Destination === '/anonymous')?.Name
    assert.equal((await ask(alice, 'DELETE', `/containers/${Id}?v=1`)).status, 204)
    assert.equal((await askEngine(`/volumes/${anonymous}`)).status, 404, 'rm -v takes it along')
    assert.equal((await askEngine(`/volumes/${word}-bound`)).status, 200)
  })

  it('mounts no volume that somebody else or nobody owns', async () => {
    await onEngine('/volumes/create', { method: 'POST', body: { Name: `${word}-nobodys` } })
    for (const host of [
      { Binds: [`${word}-nobodys:/v`] },
      { Mounts: [{ Type: 'volume', Source: `${word}-nobodys`, Target: '/v' }] },
    ]) {
      const body = { Image: base, HostConfig: host }
      const answer = await ask(alice, 'POST', '/containers/create', body)
      assert.equal(answer.status, 404)
      assert.match(answer.body.toString(), /no such volume/)
    }
  })

  it('cannot be said to be somebody’s by its maker', async () => {
    for (const [path, body] of [
      ['/containers/create', { Image: base, Labels: { 'dockgate.owner': 'bob' } }],
      ['/volumes/create', { Name: `${word}-forged`, Labels: { 'dockgate.team': 'x' } }],
      ['/networks/create', { Name: `${word}-forged`, Labels: { 'Dockgate.Owner': 'bob' } }],
    ] as const) {
      const answer = await ask(alice, 'POST', path, body)
      assert.equal(answer.status, 403)
      assert.match(answer.body.toString(), /labels that are not reserved/)
    }
  })

  it('keeps a taken name to itself', async () => {
    await make(`/containers/create?name=${word}-name`, { Image: base, Cmd: ['true'] })
    const answer = await ask(bob, 'POST', `/containers/create?name=${word}-name`, { Image: base })
    assert.equal(answer.status, 409)
    assert.match(answer.body.toString(), /the container name .* is taken by somebody else/)
  })
})

// Every operation that takes a reference, with a body that is right in itself.
type Row = readonly [method: string, path: string, body?: unknown]
const execBody = { Cmd: ['true'] }
const onContainer: readonly Row[] = [
  ['GET', '/containers/NAME/json'],
  ['GET', '/containers/NAME/top'],
  ['GET', '/containers/NAME/logs?stdout=1'],
  ['GET', '/containers/NAME/changes'],
  ['GET', '/containers/NAME/export'],
  ['GET', '/containers/NAME/stats?stream=0'],
  ['GET', '/containers/NAME/archive?path=/etc'],
  ['HEAD', '/containers/NAME/archive?path=/etc'],
  ['PUT', '/containers/NAME/archive?path=/etc'],
  ['GET', '/containers/NAME/attach/ws?stdin=1'],
  ['POST', '/containers/NAME/attach?stdin=1&stream=1'],
  ['POST', '/containers/NAME/start'],
  ['POST', '/containers/NAME/stop'],
  ['POST', '/containers/NAME/restart'],
  ['POST', '/containers/NAME/kill'],
  ['POST', '/containers/NAME/pause'],
  ['POST', '/containers/NAME/unpause'],
  ['POST', '/containers/NAME/wait'],
  ['POST', '/containers/NAME/resize?h=1&w=1'],
  ['POST', `/containers/NAME/rename?name=${word}-stolen`],
  ['POST', '/containers/NAME/update', {}],
  ['POST', '/containers/NAME/exec', execBody],
  ['DELETE', '/containers/NAME?force=1'],
  ['POST', '/commit?container=NAME&repo=x', {}],
  ['POST', '/containers/create', { Image: base, HostConfig: { NetworkMode: 'container:NAME' } }],
  ['POST', '/containers/create', { Image: base, HostConfig: { PidMode: 'container:NAME' } }],
  ['POST', '/containers/create', { Image: base, HostConfig: { IpcMode: 'container:NAME' } }],
  ['POST', '/containers/create', { Image: base, HostConfig: { VolumesFrom: ['NAME:ro'] } }],
  ['POST', '/containers/create', { Image: base, HostConfig: { Links: ['NAME:db'] } }],
]
const onNetwork: readonly Row[] = [
  ['GET', '/networks/NAME'],
  ['DELETE', '/networks/NAME'],
  ['POST', '/networks/NAME/connect', { Container: `${word}-bobs` }],
  ['POST', '/networks/NAME/disconnect', { Container: `${word}-bobs` }],
  ['POST', '/containers/create', { Image: base, HostConfig: { NetworkMode: 'NAME' } }],
  [
    'POST',
    '/containers/create',
    { Image: base, NetworkingConfig: { EndpointsConfig: { NAME: {} } } },
  ],
]
const onVolume: readonly Row[] = [
  ['GET', '/volumes/NAME'],
  ['DELETE', '/volumes/NAME'],
]
const onImage: readonly Row[] = [
  ['GET', '/images/NAME/json'],
  ['GET', '/images/NAME/history'],
  ['POST', `/images/NAME/tag?repo=${word}-mine`],
  ['DELETE', '/images/NAME'],
  ['POST', '/containers/create', { Image: 'NAME' }],
]
const onExec: readonly Row[] = [
  ['GET', '/exec/NAME/json'],
  ['POST', '/exec/NAME/start', { Detach: true }],
  ['POST', '/exec/NAME/resize?h=1&w=1'],
]

describe('what is another tenant’s', () => {
  let names: Readonly<Record<string, readonly string[]>>
  before(async () => {
    const { Id } = await make(`/containers/create?name=${word}-web`, {
      Image: base,
      Cmd: ['sleep', '600'],
    })
    await ask(alice, 'POST', `/containers/${Id}/start`)
    const exec = await make(`/containers/${Id}/exec`, execBody)
    const network = await make('/networks/create', { Name: `${word}-net` })
    await make('/volumes/create', { Name: `${word}-vol` })
    const image = await make(`/commit?container=${Id}&repo=${word}-image`, {})
    await ask(bob, 'POST', `/containers/create?name=${word}-bobs`, { Image: base })
    const hex = image.Id.replace('sha256:', '')
    names = {
      container: [`${word}-web`, Id, Id.slice(0, 12), Id.slice(0, 7)],
      network: [`${word}-net`, network.Id, network.Id.slice(0, 12)],
      volume: [`${word}-vol`],
      image: [`${word}-image`, `${word}-image:latest`, hex, hex.slice(0, 12)],
      exec: [exec.Id],
    }
  })

  for (const [kind, rows] of Object.entries({
    container: onContainer,
    network: onNetwork,
    volume: onVolume,
    image: onImage,
    exec: onExec,
  })) {
    for (const row of rows) {
      it(`answers ${row[0]} ${row[1]} ${row[2] === undefined ? '' : JSON.stringify(row[2])} like a missing ${kind}`, async () => {
        for (const name of names[kind] ?? []) {
          const missing = name.replaceAll(/[0-9a-f]/g, (digit) =>
            ((Number.parseInt(digit, 16) + 7) % 16).toString(16),
          )
          const [theirs, none] = [name, missing].map((one) => {
            const [method, path, body] = row
            return ask(
              bob,
              method,
              path.replace('NAME', one),
              body === undefined
                ? undefined
                : JSON.parse(JSON.stringify(body).replaceAll('NAME', one)),
            )
          })
          const [their, not] = [await theirs, await none]
          assert.equal(their?.status, 404, `${name}: ${their?.body.toString()}`)
          assert.equal(not?.status, 404, not?.body.toString())
          assert.equal(
            their?.body.toString().replaceAll(name, '…'),
            not?.body.toString().replaceAll(missing, '…'),
          )
        }
      })
    }
  }

  it('is untouched by all of it', async () => {
    type State = { readonly State: { readonly Running: boolean }; readonly Name: string }
    const web = await onEngine<State>(`/containers/${word}-web/json`)
    assert.deepEqual([web.State.Running, web.Name], [true, `/${word}-web`])
    for (const path of [
      `/volumes/${word}-vol`,
      `/networks/${word}-net`,
      `/images/${word}-image/json`,
    ]) {
      assert.equal((await askEngine(path)).status, 200)
    }
  })
})

describe('a name that a tenant gives a shared image', () => {
  it('is everybody’s from then on, and refused to be taken away with the reason', async () => {
    const name = `${word}-mine`
    assert.equal((await ask(alice, 'POST', `/images/${base}/tag?repo=${name}`)).status, 201)
    type Names = { readonly Id: string; readonly RepoTags: readonly string[] }
    const shared = await onEngine<Names>(`/images/${base}/json`)
    for (const [door, image] of [
      [alice, name],
      [alice, base],
      [bob, name],
      [alice, shared.Id],
    ] as const) {
      for (const force of ['', '?force=1']) {
        const { status, body } = await ask(door, 'DELETE', `/images/${image}${force}`)
        assert.equal(status, 403, body.toString())
        assert.match(body.toString(), /the image is everybody’s, and so are its names/)
      }
    }
    assert.deepEqual((await onEngine<Names>(`/images/${base}/json`)).RepoTags, shared.RepoTags)
  })
})
