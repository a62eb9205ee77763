// Every operation of the catalog that takes a reference, asked for by a tenant about another's thing, by
// whatever the engine would know it by: the answer is that of a thing which does not exist.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { catalog } from '../../src/docker/catalog.ts'
import type { Endpoint, ThingKind } from '../../src/docker/operation.ts'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startPeople, type People } from '../helpers/people.ts'

const word = uniqueName('foreign')
const roles = `roles:
  mine: { allow: ['*'] }
  mine-unlimited: { allow: ['*'], limits: none }
  crew: { allow: ['*'], on: team }
  tier: { allow: ['*'], on: { label: { tier: dev } } }
grants:
  - { to: { name: alice }, roles: [mine] }
  - { to: { name: own }, roles: [mine] }
  - { to: { name: unlimited }, roles: [mine-unlimited] }
  - { to: { name: team }, roles: [crew] }
  - { to: { name: label }, roles: [tier] }
`
const others = ['own', 'unlimited', 'team', 'label'] as const
const kinds = ['container', 'image', 'network', 'volume', 'exec'] as const
type Kind = (typeof kinds)[number]
const isKind = (kind: ThingKind | undefined): kind is Kind => kinds.some((one) => one === kind)

/** What an operation needs besides its reference to be right in itself. */
const queries: Readonly<Record<string, string>> = {
  ContainerArchive: 'path=/etc',
  ContainerArchiveInfo: 'path=/etc',
  PutContainerArchive: 'path=/etc',
  ContainerRename: `name=${word}-stolen`,
  ContainerLogs: 'stdout=1',
  ContainerStats: 'stream=0',
  ContainerAttach: 'stream=1&stdout=1',
  ContainerAttachWebsocket: 'stream=1',
  ContainerResize: 'h=1&w=1',
  ExecResize: 'h=1&w=1',
  ImageTag: `repo=${word}-stolen`,
  ContainerDelete: 'force=1&v=1',
  ImageDelete: 'force=1',
  VolumeDelete: 'force=1',
}
const bodies: Readonly<Record<string, object>> = {
  ContainerExec: { Cmd: ['true'] },
  ExecStart: { Detach: true },
  NetworkConnect: { Container: `${word}-hers` },
  NetworkDisconnect: { Container: `${word}-hers`, Force: true },
}
/** Where a reference stands elsewhere than in the path. */
const elsewhere: readonly (readonly [kind: Kind, line: string, body?: object])[] = [
  ['container', 'POST /commit?container=NAME&repo=x', {}],
  ['image', 'GET /images/get?names=NAME'],
  ['image', 'POST /containers/create', { Image: 'NAME' }],
  ...['NetworkMode', 'PidMode', 'IpcMode'].map(
    (mode) =>
      [
        'container',
        'POST /containers/create',
        { Image: 'busybox:local', HostConfig: { [mode]: 'container:NAME' } },
      ] as const,
  ),
  ...[{ VolumesFrom: ['NAME:ro'] }, { Links: ['NAME:db'] }].map(
    (HostConfig) =>
      ['container', 'POST /containers/create', { Image: 'busybox:local', HostConfig }] as const,
  ),
  [
    'network',
    'POST /containers/create',
    { Image: 'busybox:local', HostConfig: { NetworkMode: 'NAME' } },
  ],
  [
    'network',
    'POST /containers/create',
    { Image: 'busybox:local', NetworkingConfig: { EndpointsConfig: { NAME: {} } } },
  ],
  ['network', 'POST /networks/create', { Name: `${word}-like`, ConfigFrom: { Network: 'NAME' } }],
]

let people: People
let names: Readonly<Record<Kind, readonly string[]>>
before(async () => {
  people = await startPeople(roles)
  const { must } = people
  const body = { Image: 'busybox:local', Cmd: ['sleep', '600'] }
  const { Id } = await must('alice', `POST /containers/create?name=${word}-hers`, body)
  await must('alice', `POST /containers/${Id}/start`)
  const front = { ...body, HostConfig: { Links: [`${word}-hers:db`] } }
  await must('alice', `POST /containers/create?name=${word}-front`, front)
  await must('alice', `POST /containers/${word}-front/start`)
  const exec = await must('alice', `POST /containers/${Id}/exec`, { Cmd: ['true'] })
  const network = await must('alice', 'POST /networks/create', { Name: `${word}-net` })
  await must('alice', 'POST /volumes/create', { Name: `${word}-vol` })
  const image = await must('alice', `POST /commit?container=${Id}&repo=${word}-image`, {})
  const hex = image.Id.replace('sha256:', '')
  names = {
    container: [
      `${word}-hers`,
      `%2F${word}-hers`,
      `${word}-front/db`,
      Id,
      Id.slice(0, 12),
      Id.slice(0, 7),
    ],
    image: [`${word}-image`, `${word}-image:latest`, image.Id, hex, hex.slice(0, 12)],
    network: [`${word}-net`, network.Id, network.Id.slice(0, 12)],
    volume: [`${word}-vol`],
    exec: [exec.Id],
  }
})
after(async () => {
  await removeAll(word)
  await people.stop()
})

/** Like the name in form, and nothing's. */
function missing(name: string): string {
  if (/[:/]/.test(name) && !name.startsWith('sha256:')) return name.replace(word, `${word}-no`)
  const [, head = '', rest = ''] = /^(%2F|sha256:)?(.*)$/.exec(name) ?? []
  const turn = (digit: string) => ((Number.parseInt(digit, 16) + 7) % 16).toString(16)
  return head + rest.replaceAll(/[0-9a-f]/g, turn)
}

async function sameFor(who: string, line: string, body: object | undefined, name: string) {
  const ask = async (one: string) => {
    const text = body && JSON.stringify(body).replaceAll('NAME', decodeURIComponent(one))
    const answer = await people.ask(
      who,
      line.replace('NAME', one),
      text === undefined ? undefined : (JSON.parse(text) as object),
    )
    const said = answer.body
      .toString()
      .replaceAll(one, '…')
      .replaceAll(decodeURIComponent(one), '…')
      .replace(/quot(e|ing) \w+/, '')
    return { status: answer.status, said: line.startsWith('HEAD') ? '' : said }
  }
  const [theirs, none] = [await ask(name), await ask(missing(name))]
  assert.deepEqual(theirs, none, `${who}: ${line} ${name}`)
  return theirs.status
}

function lineOf({ id, method, path }: Endpoint): string {
  const query = queries[id] === undefined ? '' : `?${queries[id]}`
  return `${method} ${path.replace(/\{[a-z]+\}/, 'NAME').replace(/\{[a-z]+\}/, 'x')}${query}`
}

const inPaths = catalog.flatMap((endpoint) => {
  const { refers, id, body } = endpoint
  if (!isKind(refers)) return []
  return [[refers, lineOf(endpoint), body === 'json' ? (bodies[id] ?? {}) : undefined] as const]
})

describe('another’s thing', () => {
  for (const [kind, line, body] of [...inPaths, ...elsewhere]) {
    it(`does not exist: ${line} ${body === undefined ? '' : JSON.stringify(body)}`, async () => {
      for (const who of others) {
        // Another reach makes no other name.
        for (const name of who === 'own' ? names[kind] : names[kind].slice(0, 1)) {
          const status = await sameFor(who, line, body, name)
          // What a role with limits may not do at all is refused whether the thing is there or not.
          const isRefused = status === 403 || (name.startsWith('%') && status === 400)
          assert.ok(status === 404 || isRefused, `${who}: ${line} ${name}: ${status}`)
        }
      }
    })
  }

  it('gives its settings to no network of others', async () => {
    const settings = { Name: `${word}-settings`, ConfigOnly: true }
    await onEngine('/networks/create', { method: 'POST', body: settings })
    const like = { Name: `${word}-likewise`, ConfigFrom: { Network: settings.Name } }
    assert.equal((await people.ask('unlimited', 'POST /networks/create', like)).status, 404)
  })

  it('does not exist in as long as what is not there', async (t) => {
    const times: Record<string, number[]> = {}
    for (let round = 0; round < 20; round++) {
      for (const name of [`${word}-hers`, `${word}-none`]) {
        const start = performance.now()
        await people.ask('own', `GET /containers/${name}/json`)
        ;(times[name] ??= []).push(performance.now() - start)
      }
    }
    const medians = Object.values(times).map(
      (all) => all.toSorted((one, other) => one - other)[all.length >> 1] ?? 0,
    )
    t.diagnostic(`medians ${medians.map((ms) => ms.toFixed(1)).join(' and ')} ms`)
    const [theirs = 0, none = 0] = medians
    assert.ok(Math.abs(theirs - none) < 50)
  })

  it('is untouched by all of it', async () => {
    type State = { readonly State: { readonly Running: boolean }; readonly Name: string }
    const { State, Name } = await onEngine<State>(`/containers/${word}-hers/json`)
    assert.deepEqual([State.Running, Name], [true, `/${word}-hers`])
    for (const path of [`volumes/${word}-vol`, `networks/${word}-net`, `images/${word}-image/json`])
      await onEngine(`/${path}`)
  })
})
