// Tenants on an engine that is a swarm of one node: services, tasks, secrets and configs are somebody's.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { onEngine, privateEngine, type PrivateEngine } from '../helpers/engine.ts'
import { filtersOf, startPeople, type People } from '../helpers/people.ts'

const roles = `roles:
  swarmer:
    includes: [developer]
    allow: [service.*, secret.*, config.*, task.*, node.*]
  few:
    includes: [swarmer]
    limits: { memory: 64MiB, cpus: 1, containers: 3, totalMemory: 128MiB, totalCpus: 2 }
  crew: { includes: [swarmer], on: team }
  free: { includes: [swarmer], limits: none }
  tier: { includes: [swarmer], on: { label: { tier: dev } } }
grants:
  - { to: { name: alice }, roles: [swarmer] }
  - { to: { name: bob }, roles: [swarmer] }
  - { to: { name: few }, roles: [few] }
  - { to: { name: tier }, roles: [tier] }
  - { to: { name: free }, roles: [free] }
`
let engine: PrivateEngine
let people: People
let socketPath: string
before(async () => {
  engine = await privateEngine('swarm')
  socketPath = engine.engine.slice('unix://'.length)
  const swarm = { ListenAddr: '127.0.0.1:2377', AdvertiseAddr: '127.0.0.1' }
  await onEngine('/swarm/init', { method: 'POST', body: swarm, socketPath })
  people = await startPeople(roles, socketPath)
})
after(async () => {
  await people.stop()
  await engine.down()
})

interface Spec {
  readonly Name: string
  readonly Labels?: Readonly<Record<string, string>>
  readonly TaskTemplate: Readonly<Record<string, object>>
  readonly Mode: object
}

function service(Name: string, Replicas = 1, more: object = {}): Spec {
  const ContainerSpec = { Image: 'busybox:local', Command: ['sleep', '600'], ...more }
  const Limits = { MemoryBytes: 16 * 1024 * 1024, NanoCPUs: 1e8 }
  const TaskTemplate = { ContainerSpec, Resources: { Limits } }
  const Mode = { Replicated: { Replicas } }
  return { Name, TaskTemplate, Mode }
}

type Made = { readonly ID: string }
const data = Buffer.from('secret').toString('base64')

async function firstTask(of: string): Promise<string> {
  for (;;) {
    const line = `/tasks?${filtersOf({ service: [of] })}`
    const [task] = await onEngine<readonly Made[]>(line, { socketPath })
    if (task !== undefined) return task.ID
    await sleep(50)
  }
}

describe('what a tenant has in a swarm', () => {
  const names: Record<string, string> = {}
  before(async () => {
    const make = (kind: string, body: object) =>
      people.must<Made>('alice', `POST /${kind}/create`, body)
    names['secrets'] = (await make('secrets', { Name: 'hers', Data: data })).ID
    names['configs'] = (await make('configs', { Name: 'hers', Data: data })).ID
    names['services'] = (await make('services', service('hers'))).ID
    names['tasks'] = await firstTask('hers')
  })

  for (const kind of ['services', 'secrets', 'configs', 'tasks']) {
    it(`is listed to them alone: ${kind}`, async () => {
      const list = async (who: string) =>
        (await people.must<readonly Made[]>(who, `GET /${kind}`)).map(({ ID }) => ID)
      assert.deepEqual(await list('alice'), [names[kind]])
      for (const who of ['bob', 'tier']) assert.deepEqual(await list(who), [])
    })
  }

  // NAME is a thing's name, id or the beginning of its id.
  for (const [kind, lines] of [
    [
      'services',
      [
        'GET /services/NAME',
        'GET /services/NAME/logs?stdout=1',
        'DELETE /services/NAME',
        'POST /services/NAME/update?version=1',
        `GET /tasks?${filtersOf({ service: ['NAME'] })}`,
      ],
    ],
    [
      'secrets',
      ['GET /secrets/NAME', 'DELETE /secrets/NAME', 'POST /secrets/NAME/update?version=1'],
    ],
    [
      'configs',
      ['GET /configs/NAME', 'DELETE /configs/NAME', 'POST /configs/NAME/update?version=1'],
    ],
    ['tasks', ['GET /tasks/NAME', 'GET /tasks/NAME/logs?stdout=1']],
  ] as const) {
    for (const line of lines) {
      it(`answers others like what is missing: ${line.slice(0, 60)}`, async () => {
        const id = names[kind] ?? ''
        const spec = kind === 'services' ? service('hers') : { Name: 'hers', Labels: {} }
        const body = line.includes('update') ? spec : undefined
        const ask = async (name: string) => {
          const answer = await people.ask('bob', line.replace('NAME', name), body)
          const said = answer.body.toString().replaceAll(name, '…')
          return { status: answer.status, said }
        }
        const missing = await ask('y'.repeat(25))
        assert.equal(missing.status, 404, missing.said)
        for (const name of [id, id.slice(0, 10), ...(kind === 'tasks' ? [] : ['hers'])]) {
          assert.deepEqual(await ask(name), missing)
        }
      })
    }
  }

  it('is not lent to another’s service', async () => {
    const File = { Name: 'x', UID: '0', GID: '0', Mode: 0o444 }
    for (const spec of [
      { Secrets: [{ SecretID: names['secrets'], SecretName: 'hers', File }] },
      { Secrets: [{ SecretID: 'hers', SecretName: 'hers', File }] },
      { Configs: [{ ConfigID: names['configs'], ConfigName: 'hers', File }] },
    ]) {
      const body = service('thief', 1, spec)
      assert.equal((await people.ask('bob', 'POST /services/create', body)).status, 404)
    }
  })

  it('stays theirs through an update that strips or changes its labels', async () => {
    type Inspected = { readonly Version: { readonly Index: number }; readonly Spec: Spec }
    const path = `/services/${names['services']}`
    const labelsNow = async () => {
      const { Spec: now } = await onEngine<Inspected>(path, { socketPath })
      return [now.Labels, now.TaskTemplate['ContainerSpec']].map(
        (one) => (one as Record<string, Record<string, string>>)['Labels'] ?? one,
      )
    }
    const owner = { 'dockgate.owner': 'alice', 'dockgate.team': '' }
    const forged = { 'dockgate.owner': 'bob', 'dockgate.team': 'x' }
    for (const Labels of [undefined, {}, forged]) {
      const { Version } = await onEngine<Inspected>(path, { socketPath })
      const body = { ...service('hers', 1, Labels && { Labels }), ...(Labels && { Labels }) }
      const line = `POST ${path}/update?version=${Version.Index}`
      await people.must('alice', line, body)
      assert.deepEqual(await labelsNow(), [owner, owner])
    }
  })

  it('has a name that is taken for the others', async () => {
    const said = (await people.ask('bob', 'POST /services/create', service('hers'))).body.toString()
    assert.match(said, /the service name .*hers.* is taken by somebody else/)
    const secret = await people.ask('bob', 'POST /secrets/create', { Name: 'hers', Data: data })
    assert.equal(secret.status, 409)
  })

  it('tells of itself in events to them alone', async () => {
    type Event = { readonly Actor: { readonly ID: string } }
    const told = async (who: string) => {
      const until = Math.floor(Date.now() / 1000)
      const { body } = await people.ask(who, `GET /events?since=0&until=${until}`)
      const lines = body.toString().split('\n')
      return lines.flatMap((line) => (line === '' ? [] : (JSON.parse(line) as Event).Actor.ID))
    }
    assert.ok((await told('alice')).includes(names['services'] ?? ''))
    assert.ok(!(await told('bob')).some((id) => Object.values(names).includes(id)))
  })
})

describe('a service', () => {
  it('names no volume, which would be another’s by the time that a task starts', async () => {
    const Mounts = [{ Type: 'volume', Source: 'shop_data', Target: '/data' }]
    const answer = await people.ask('bob', 'POST /services/create', service('v', 1, { Mounts }))
    assert.match(answer.body.toString(), /whichever node runs it, whenever that starts/)
    const anonymous = [{ Type: 'volume', Target: '/data' }]
    await people.must('bob', 'POST /services/create', service('v', 0, { Mounts: anonymous }))
    // Nor one of the swarm's own, where no limit forbids them.
    for (const Source of ['shop_data', 'group:shop']) {
      const cluster = service('w', 0, { Mounts: [{ Type: 'cluster', Source, Target: '/data' }] })
      assert.equal((await people.ask('free', 'POST /services/create', cluster)).status, 404)
    }
    const ClusterVolumeSpec = { Secrets: [{ Key: 'a', Secret: 'hers' }] }
    const volume = { Name: 'csi', Driver: 'plugin', ClusterVolumeSpec }
    const handed = await people.ask('free', 'POST /volumes/create', volume)
    assert.match(handed.body.toString(), /secret hers not found/)
  })

  it('counts as the containers that it asks for', async () => {
    const refused = await people.ask('few', 'POST /services/create', service('much', 4))
    assert.match(refused.body.toString(), /4 in containers/)
    const { ID } = await people.must<Made>('few', 'POST /services/create', service('much', 2))
    const one = { Image: 'busybox:local', Cmd: ['true'] }
    const first = await people.ask('few', 'POST /containers/create', one)
    assert.equal(first.status, 201, first.body.toString())
    const second = await people.ask('few', 'POST /containers/create', one)
    assert.match(second.body.toString(), /4 in containers/)
    const version = async () => {
      type Inspected = { readonly Version: { readonly Index: number } }
      return (await people.must<Inspected>('few', `GET /services/${ID}`)).Version.Index
    }
    const scale = async (replicas: number) =>
      people.ask('few', `POST /services/${ID}/update?version=${await version()}`, {
        ...service('much', replicas),
      })
    assert.match((await scale(3)).body.toString(), /4 in containers/)
    assert.equal((await scale(1)).status, 200)
    const more = await people.ask('few', 'POST /containers/create', {
      ...one,
      HostConfig: { Memory: 60 * 1024 * 1024, NanoCpus: 1e8 },
    })
    // 64 of the first, which asked for none, 16 of the task, and 60.
    assert.match(more.body.toString(), /limits\.totalMemory/)
  })
})

describe('a service that is rolled back', () => {
  interface Inspected {
    readonly Version: { readonly Index: number }
    readonly Spec: Spec
    readonly PreviousSpec?: Spec
  }
  const look = (id: string) => onEngine<Inspected>(`/services/${id}`, { socketPath })
  const rollBack = async (who: string, id: string, version?: number) => {
    const { Version, Spec: now } = await look(id)
    const line = `POST /services/${id}/update?rollback=previous&version=${version ?? Version.Index}`
    return people.ask(who, line, now)
  }
  const made = async (who: string, name: string) =>
    (await people.must<Made>(who, 'POST /services/create', service(name, 0))).ID
  /** Somebody without limits sets this, and then what was there before: now this is what was before. */
  const passBy = async (id: string, change: (spec: Spec) => object) => {
    const { Spec: first } = await look(id)
    for (const spec of [change(first), first]) {
      const { Version } = await look(id)
      const path = `/services/${id}/update?version=${Version.Index}`
      await onEngine(path, { method: 'POST', body: spec, socketPath })
    }
  }
  const within = (spec: Spec, container: object): object => {
    const { ContainerSpec, ...task } = spec.TaskTemplate
    return {
      ...spec,
      TaskTemplate: { ...task, ContainerSpec: { ...ContainerSpec, ...container } },
    }
  }

  it('goes back to what they had set', async () => {
    const id = await made('bob', 'back')
    const { Version, Spec: first } = await look(id)
    const changed = service('back', 0, { Env: ['NEW=1'] })
    await people.must('bob', `POST /services/${id}/update?version=${Version.Index}`, changed)
    const answer = await rollBack('bob', id)
    assert.equal(answer.status, 200, answer.body.toString())
    assert.deepEqual((await look(id)).Spec.TaskTemplate, first.TaskTemplate)
  })

  for (const [what, container, why] of [
    ['a folder of the host', { Mounts: [{ Type: 'bind', Source: '/', Target: '/h' }] }, /binds/],
    ['a capability', { CapabilityAdd: ['CAP_SYS_ADMIN'] }, /capabilities/],
    ['a kernel setting', { Sysctls: { 'net.ipv4.ip_forward': '1' } }, /sysctls/],
    ['no owner', { Labels: {} }, /was not made within this role/],
    ['somebody else', { Labels: { 'dockgate.owner': 'alice' } }, /was not made within this role/],
  ] as const) {
    it(`never goes back to what was beyond their limits: ${what}`, async () => {
      const id = await made('bob', `beyond-${what.replaceAll(' ', '-')}`)
      await passBy(id, (spec) => within(spec, container))
      const was = await look(id)
      assert.ok(was.PreviousSpec, 'there is something to go back to')
      const answer = await rollBack('bob', id)
      assert.equal(answer.status, 403, answer.body.toString())
      assert.match(answer.body.toString(), why)
      assert.deepEqual(await look(id), was)
    })
  }

  it('has amounts that nobody could put there any more', async () => {
    const id = await made('few', 'unbounded')
    await passBy(id, (spec) => ({
      ...spec,
      TaskTemplate: { ...spec.TaskTemplate, Resources: {} },
    }))
    const answer = await rollBack('few', id)
    assert.match(answer.body.toString(), /was not made within this role/)
  })

  it('is of the version that was judged', async () => {
    const id = await made('bob', 'versions')
    const { Version } = await look(id)
    for (const version of [0, Version.Index + 1]) {
      const answer = await rollBack('bob', id, version)
      assert.equal(answer.status, 400)
      assert.match(answer.body.toString(), /of another version by now/)
    }
  })

  it('is not told of to others', async () => {
    const id = await made('bob', 'his')
    const answer = await rollBack('alice', id, 1)
    assert.equal(answer.status, 404, answer.body.toString())
  })
})

describe('who has a label in common', () => {
  it('shares what carries it, and makes more of it', async () => {
    const { ID } = await people.must<Made>('tier', 'POST /services/create', service('tiered', 0))
    const { Spec: made } = await onEngine<{ Spec: Spec }>(`/services/${ID}`, { socketPath })
    assert.equal(made.Labels?.['tier'], 'dev')
    const labelled = { ...service('shared', 0), Labels: { tier: 'dev' } }
    const shared = await people.must<Made>('alice', 'POST /services/create', labelled)
    const seen = await people.must<readonly Made[]>('tier', 'GET /services')
    assert.deepEqual(seen.map((one) => one.ID).toSorted(), [ID, shared.ID].toSorted())
    await people.must('tier', `DELETE /services/${shared.ID}`)
  })
})
