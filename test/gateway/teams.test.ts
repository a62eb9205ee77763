// `on: team`: what one member makes is the others' as well, to see, to use and to manage, and counts for all
// of them; and nobody's who is in another unit.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { filtersOf, startPeople, type People } from '../helpers/people.ts'

const word = uniqueName('team')
const [ann, ben, cid] = ['ann', 'ben', 'cid'].map((who) => `${who}-${word}`) as [
  string,
  string,
  string,
]
// Of their own, so that nothing of another test is counted as theirs.
const units = { [ann]: `dev-${word}`, [ben]: `dev-${word}`, [cid]: `ops-${word}` }
const roles = `roles:
  crew:
    includes: [developer]
    on: team
    limits: { containers: 3, running: 2, volumes: 2, networks: 1, imageCount: 2, memory: 64MiB, totalMemory: 96MiB }
grants:
  - { to: { org: Example }, roles: [crew] }
`
const lasting = (more: object = {}) => ({
  Image: 'busybox:local',
  Cmd: ['sleep', '600'],
  HostConfig: { Memory: 32 * 1024 * 1024, ...more },
})

let people: People
before(async () => {
  people = await startPeople(roles, undefined, units)
})
after(async () => {
  await removeAll(word)
  await people.stop()
})

interface Row {
  readonly Id: string
  readonly Name: string
  readonly Names: readonly string[]
  readonly RepoTags: readonly string[] | null
}

/** What somebody sees of each kind. */
async function seen(who: string): Promise<readonly string[]> {
  const containers = await people.must<readonly Row[]>(who, 'GET /containers/json?all=1')
  const { Volumes } = await people.must<{ Volumes: readonly Row[] | null }>(who, 'GET /volumes')
  const networks = await people.must<readonly Row[]>(who, 'GET /networks')
  const images = await people.must<readonly Row[]>(who, 'GET /images/json')
  return [
    ...containers.flatMap(({ Names }) => Names),
    ...(Volumes ?? []).map(({ Name }) => Name),
    ...networks.map(({ Name }) => Name),
    ...images.flatMap(({ RepoTags }) => RepoTags ?? []),
  ].filter((name) => name.includes(word))
}

const all = ['c', 'v', 'n', 'i'].map((kind) => `${word}-${kind}`)
const [container, volume, network, image] = all as [string, string, string, string]

describe('what one of a team makes', () => {
  before(async () => {
    await people.must(ann, 'POST /volumes/create', { Name: volume })
    await people.must(ann, 'POST /networks/create', { Name: network })
    await people.must(
      ann,
      `POST /containers/create?name=${container}`,
      lasting({ Memory: 33 * 1024 * 1024 }),
    )
    await people.must(ann, `POST /containers/${container}/start`)
    await people.must(ann, `POST /commit?container=${container}&repo=${image}`, {})
  })

  it('is seen by the others of it, and by nobody else', async () => {
    const names = [`/${container}`, volume, network, `${image}:latest`]
    for (const who of [ann, ben]) assert.deepEqual(await seen(who), names)
    assert.deepEqual(await seen(cid), [])
    const { Containers } = await people.must<{ Containers: number }>(ben, 'GET /info')
    assert.equal(Containers, 1)
  })

  it('says whose it is', async () => {
    type Inspected = { readonly Config: { readonly Labels: Readonly<Record<string, string>> } }
    const { Config } = await people.must<Inspected>(ben, `GET /containers/${container}/json`)
    assert.deepEqual(Config.Labels, {
      'dockgate.owner': ann,
      'dockgate.team': `dev-${word}@Example`,
    })
  })

  it('is managed by the others of it, and does not exist for anybody else', async () => {
    const steps = [
      `GET /containers/${container}/json`,
      `GET /containers/${container}/logs?stdout=1`,
      `GET /containers/${container}/top`,
      `POST /containers/${container}/pause`,
      `POST /containers/${container}/unpause`,
      `POST /containers/${container}/restart?t=0`,
      `POST /containers/${container}/rename?name=${container}2`,
      `POST /containers/${container}2/rename?name=${container}`,
      `GET /volumes/${volume}`,
      `GET /networks/${network}`,
      `GET /images/${image}/history`,
    ]
    for (const step of steps) {
      assert.equal((await people.ask(cid, step)).status, 404, step)
      const { status, body } = await people.ask(ben, step)
      assert.ok(status < 300, `${step}: ${status} ${body.toString()}`)
    }
    const exec = `POST /containers/${container}/exec`
    assert.equal((await people.ask(cid, exec, { Cmd: ['true'] })).status, 404)
    await people.must(ben, exec, { Cmd: ['true'] })
  })

  it('is used by the others of it: image, volume, network', async () => {
    const body = {
      ...lasting({ Binds: [`${volume}:/v`], NetworkMode: network }),
      Image: image,
    }
    const line = `POST /containers/create?name=${container}-of`
    assert.equal((await people.ask(cid, `${line}-cid`, body)).status, 404)
    await people.must(ben, `${line}-ben`, body)
    await people.must(ann, `DELETE /containers/${container}-of-ben`)
  })

  it('is told of to the others of it alone, as it happens', async () => {
    const since = Math.floor(Date.now() / 1000)
    await people.must(ben, `POST /containers/${container}/restart?t=0`)
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const until = Math.floor(Date.now() / 1000)
    const line = `GET /events?since=${since}&until=${until}&${filtersOf({ type: ['container'] })}`
    for (const who of [ann, ben]) {
      assert.match((await people.ask(who, line)).body.toString(), /"Action":"restart"/)
    }
    assert.equal((await people.ask(cid, line)).body.toString(), '')
  })

  it('counts for all of them', async () => {
    const create = (who: string, n: number, memory = 31) =>
      people.ask(who, `POST /containers/create?name=${word}-q${n}`, {
        ...lasting({ Memory: memory * 1024 * 1024 }),
      })
    const refused = async (limit: string, answer: Promise<{ status: number; body: Buffer }>) => {
      const { status, body } = await answer
      assert.equal(status, 403, body.toString())
      assert.match(body.toString(), new RegExp(`limits\\.${limit}\\b`))
    }
    await refused('totalMemory', create(ben, 1, 64))
    assert.equal((await create(ben, 1)).status, 201)
    assert.equal((await create(ann, 2)).status, 201)
    await refused('containers', create(ben, 3))
    await people.must(ben, `POST /containers/${word}-q1/start`)
    await refused('running', people.ask(ann, `POST /containers/${word}-q2/start`))
    await refused('networks', people.ask(ben, 'POST /networks/create', { Name: `${word}-n2` }))
    await people.must(ben, 'POST /volumes/create', { Name: `${word}-v2` })
    await refused('volumes', people.ask(ann, 'POST /volumes/create', { Name: `${word}-v3` }))
    const commit = (who: string, n: number) =>
      people.ask(who, `POST /commit?container=${container}&repo=${image}${n}`, {})
    assert.equal((await commit(ben, 2)).status, 201)
    await refused('imageCount', commit(ann, 3))
    // Of another team nothing of this counts.
    assert.equal((await create(cid, 4)).status, 201)
    await people.must(cid, `DELETE /containers/${word}-q4`)
  })

  it('is pruned and removed by the others of it, and by nobody else', async () => {
    const prune = async (who: string) => {
      const answer = await people.must<{ ContainersDeleted: readonly string[] | null }>(
        who,
        'POST /containers/prune',
      )
      return answer.ContainersDeleted?.length ?? 0
    }
    assert.equal(await prune(cid), 0)
    // The one of ann's that never ran.
    assert.equal(await prune(ben), 1)
    for (const line of [
      `DELETE /containers/${container}?force=1`,
      `DELETE /containers/${word}-q1?force=1`,
      `DELETE /volumes/${volume}`,
      `DELETE /networks/${network}`,
      `DELETE /images/${image}`,
    ]) {
      assert.equal((await people.ask(cid, line)).status, 404, line)
      const { status, body } = await people.ask(ben, line)
      assert.ok(status < 300, `${line}: ${status} ${body.toString()}`)
    }
    const left = await onEngine<readonly Row[]>('/containers/json?all=1')
    assert.deepEqual(
      left.filter(({ Names }) => Names.some((name) => name.includes(word))),
      [],
    )
  })
})
