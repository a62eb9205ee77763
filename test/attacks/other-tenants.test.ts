// Roads by which a tenant once saw, touched or inferred what is another's.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { onSocket, runDocker } from '../helpers/docker-cli.ts'
import { askEngine, engineFacts, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { filtersOf, startPeople, type People } from '../helpers/people.ts'
import { startSlowEngine, type SlowEngine } from '../helpers/slow-engine.ts'
import { tarOf } from '../helpers/tar.ts'

const word = uniqueName('roads')
const roles = `roles:
  all-of-theirs: { allow: ['*'] }
  unlimited-theirs: { allow: ['*'], limits: none }
grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: bob }, roles: [developer] }
  - { to: { name: wild }, roles: [all-of-theirs] }
  - { to: { name: unlimited }, roles: [unlimited-theirs] }
  - { to: { name: viewer }, roles: [viewer] }
`
const lasting = { Image: 'busybox:local', Cmd: ['sleep', '600'] }

let engine: SlowEngine
let people: People
let hers: string
let his: string
let another: string
before(async () => {
  engine = await startSlowEngine()
  people = await startPeople(roles, engine.path)
  const { must } = people
  hers = (await must('alice', `POST /containers/create?name=${word}-hers`, lasting)).Id
  his = (await must('bob', `POST /containers/create?name=${word}-his`, lasting)).Id
  another = (await must('unlimited', `POST /containers/create?name=${word}-none`, lasting)).Id
  await must('alice', `POST /containers/${hers}/start`)
  await must('bob', `POST /containers/${his}/start`)
  await must('alice', `POST /commit?container=${hers}&repo=${word}-image`, {})
})
after(async () => {
  await removeAll(word)
  await people.stop()
  await engine.close()
})

describe('a filter that draws a line at another’s thing', () => {
  for (const [path, thing] of [
    ['/containers/json?all=1&', 'hers'],
    ['/images/json?', 'image'],
  ] as const) {
    for (const filter of ['before', 'since']) {
      it(`answers like a missing one: ${path}${filter}`, async () => {
        const ask = async (name: string) => {
          const line = `GET ${path}${filtersOf({ [filter]: [name] })}`
          const { status, body } = await people.ask('bob', line)
          return { status, body: body.toString().replaceAll(name, '…') }
        }
        const there = await ask(`${word}-${thing}`)
        assert.deepEqual(there, await ask(`${word}-nothing`))
        assert.equal(there.status, 404)
      })
    }
  }

  it('is one of theirs for those who have it, and anybody’s for who sees all', async () => {
    const line = `GET /containers/json?all=1&${filtersOf({ since: [`${word}-hers`] })}`
    type Row = { readonly Id: string; readonly Names: readonly string[] }
    const later = await people.must<readonly Row[]>('alice', line)
    assert.ok(!later.some(({ Names }) => Names.some((name) => name.includes(word))))
    const rows = await people.must<readonly Row[]>('viewer', line)
    assert.ok(rows.some(({ Id }) => Id === his))
  })
})

describe('ps_args', () => {
  for (const psArgs of [
    '-eorss=PID -oargs',
    '-eopgid=PID -oargs',
    'axo sz=PID',
    '-eo\u00a0rss=PID',
  ])
    it(`may not call another column PID: ${JSON.stringify(psArgs)}`, async () => {
      const line = `GET /containers/${his}/top?ps_args=${encodeURIComponent(psArgs)}`
      for (const who of ['bob', 'viewer']) assert.equal((await people.ask(who, line)).status, 403)
    })

  it('may choose columns', async () => {
    for (const psArgs of ['aux', '-ef', '-o pid,user,args'])
      await people.must('bob', `GET /containers/${his}/top?ps_args=${encodeURIComponent(psArgs)}`)
  })
})

describe('a name that reads as the beginning of another’s id', () => {
  it('is free, so that no id can be asked out digit by digit', async () => {
    for (const digits of [2, 5, 11]) {
      const line = `POST /containers/create?name=${hers.slice(0, digits)}`
      const { Id } = await people.must('bob', line, lasting)
      await people.must('bob', `DELETE /containers/${Id}`)
    }
  })

  it('is taken where clients would show it as the id', async () => {
    for (const digits of [12, 20, 64]) {
      const line = `POST /containers/create?name=${hers.slice(0, digits)}`
      const { status } = await people.ask('bob', line, lasting)
      assert.ok(status === 403 || status === 409, `${status}`)
    }
  })

  it('is free for an image, too', async () => {
    const { Id } = await onEngine<{ Id: string }>(`/images/${word}-image/json`)
    const repo = Id.replace('sha256:', '').slice(0, 8)
    await people.must('bob', `POST /images/busybox:local/tag?repo=${repo}&tag=${word}`)
  })
})

describe('a prune of build caches', () => {
  it('takes nobody’s, however it is filtered', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dockgate-cache-'))
    writeFileSync(join(folder, 'Dockerfile'), `FROM busybox:local\nRUN echo ${word} > /word\n`)
    const built = await runDocker(onSocket(), ['build', '-t', `${word}-cached`, folder], {
      env: { DOCKER_BUILDKIT: '1' },
    })
    assert.equal(built.exit, 0, built.stderr)
    rmSync(folder, { recursive: true })
    const caches = async () => {
      const { BuildCache } = await onEngine<{ BuildCache: readonly object[] | null }>('/system/df')
      return BuildCache?.length ?? 0
    }
    const count = await caches()
    assert.ok(count > 0)
    for (const query of ['', '?all=1', `?all=1&${filtersOf({ id: ['.*'], unused: [] })}`]) {
      const { status } = await people.ask('wild', `POST /build/prune${query}`)
      assert.ok(status === 200 || status >= 400, `${status}`)
      assert.equal(await caches(), count, query)
    }
    assert.equal(
      (await people.must<{ SpaceReclaimed: number }>('bob', 'POST /build/prune')).SpaceReclaimed,
      0,
    )
  })

  it('is one of what the engine cannot confine, which is refused by us', async () => {
    for (const line of ['GET /plugins', 'POST /build/cancel?id=x', 'GET /images/search?term=x'])
      assert.equal((await people.ask('wild', line)).status, 403, line)
  })
})

describe('a network', () => {
  it('gets a name that no other has, also when many ask at once', async () => {
    const make = (who: string) => people.ask(who, 'POST /networks/create', { Name: `${word}-one` })
    const answers = await Promise.all(['alice', 'bob', 'alice', 'bob', 'bob'].map(make))
    const statuses = answers.map(({ status }) => status).toSorted()
    assert.deepEqual(statuses, [201, 409, 409, 409, 409])
  })

  it('that is gone is not joined by a new one’s name when its container starts', async () => {
    const Name = `${word}-gone`
    await people.must('bob', 'POST /networks/create', { Name })
    const body = { ...lasting, HostConfig: { NetworkMode: Name } }
    const early = await people.must('bob', `POST /containers/create?name=${Name}-early`, body)
    const late = await people.must('bob', `POST /containers/create?name=${Name}-late`, body)
    await people.must('bob', `DELETE /networks/${Name}`)
    // Made between the look at the name and the start.
    let theirs = Promise.resolve({ Id: '' })
    engine.holdNext(/^POST .*start$/, async () => {
      theirs = people.must('alice', 'POST /networks/create', { Name })
      await Promise.race([theirs, sleep(1000)])
    })
    assert.equal((await people.ask('bob', `POST /containers/${early.Id}/start`)).status, 404)
    const { Id } = await theirs
    for (const act of ['start', 'restart']) {
      const { status, body: said } = await people.ask('bob', `POST /containers/${late.Id}/${act}`)
      assert.equal(status, 404, said.toString())
    }
    type Shown = { readonly Containers: object }
    assert.deepEqual((await onEngine<Shown>(`/networks/${Id}`)).Containers, {})
  })

  it('of everybody’s is left as it was joined', async () => {
    const member = { Container: his }
    await people.must('bob', 'POST /networks/bridge/disconnect', member)
    await people.must('bob', 'POST /networks/bridge/connect', member)
    const foreign = await people.ask('bob', 'POST /networks/bridge/disconnect', {
      Container: hers,
      Force: true,
    })
    assert.equal(foreign.status, 404)
  })
})

describe('what is imported', () => {
  const archive = tarOf([{ path: 'file', content: 'content' }])
  const changed = (lines: readonly string[]) =>
    lines.map((line) => `&changes=${encodeURIComponent(line)}`).join('')
  const labelsOf = async (name: string) => {
    type Shown = { readonly Config: { readonly Labels: object; readonly Env: readonly string[] } }
    return (await onEngine<Shown>(`/images/${name}/json`)).Config
  }

  it('is theirs, and changed as they say', async () => {
    const lines = ['ENV A=b', 'LABEL note=kept', 'CMD ["true"]']
    const line = `POST /images/create?fromSrc=-&repo=${word}-import&tag=1${changed(lines)}`
    assert.equal((await people.ask('bob', line, archive)).status, 200)
    const { Labels, Env } = await labelsOf(`${word}-import:1`)
    assert.deepEqual(Labels, { note: 'kept', 'dockgate.owner': 'bob', 'dockgate.team': '' })
    assert.ok(Env.includes('A=b'))
    assert.equal((await people.ask('alice', `GET /images/${word}-import:1/json`)).status, 404)
    assert.equal((await people.ask('alice', line, archive)).status, 409)
    await people.must('bob', `DELETE /images/${word}-import:1`)
  })

  for (const lines of [
    ['LABEL dockgate.owner=alice'],
    ['LABEL "dockgate.owner"=alice'],
    ['LABEL Dockgate.Owner=alice'],
    ['ENV A=b \\'],
    ['# escape=`', 'ENV A=b `'],
    ['ENV A=b\nLABEL dockgate.owner=alice'],
    ['ONBUILD LABEL dockgate.owner=alice'],
  ]) {
    it(`is nobody else’s by ${JSON.stringify(lines)}`, async () => {
      for (const who of ['bob', 'unlimited']) {
        const repo = `${word}-${who}-forged`
        for (const [line, body] of [
          [`POST /images/create?fromSrc=-&repo=${repo}${changed(lines)}`, archive],
          [
            `POST /commit?container=${who === 'bob' ? his : another}&repo=${repo}${changed(lines)}`,
            {},
          ],
        ] as const) {
          const { status } = await people.ask(who, line, body)
          if (status >= 400) continue
          const { Labels } = await labelsOf(repo)
          const owner = { 'dockgate.owner': who, 'dockgate.team': '' }
          assert.deepEqual({ ...Labels, ...owner }, Labels, line)
          await people.must(who, `DELETE /images/${repo}`)
        }
      }
    })
  }

  it('is not fetched by the engine', async () => {
    const line = `POST /images/create?fromSrc=${encodeURIComponent('http://127.0.0.1:1/x')}`
    const { status, body } = await people.ask('bob', line)
    assert.equal(status, 403)
    assert.match(body.toString(), /limits\.build\.remote/)
  })
})

describe('the name of another’s image', () => {
  const ownerOf = async (name: string): Promise<string | undefined> => {
    const answer = await askEngine(`/images/${name}/json`)
    if (answer.status === 404) return undefined
    const { Config } = JSON.parse(answer.body.toString())
    return Config.Labels?.['dockgate.owner'] ?? 'nobody'
  }

  it('is not moved by a pull', async () => {
    const { inside } = engineFacts().registry
    const name = `${inside}/${word}-pulled`
    const atOnce = (path: string, method = 'POST') =>
      askEngine(path, { method, headers: { 'X-Registry-Auth': 'e30=' } })
    await atOnce(`/images/busybox:local/tag?repo=${name}&tag=1`)
    assert.match((await atOnce(`/images/${name}/push?tag=1`)).body.toString(), /digest: sha256/)
    await atOnce(`/images/${name}:1`, 'DELETE')
    await people.must('alice', `POST /commit?container=${hers}&repo=${name}&tag=1`, {})
    for (const query of [`fromImage=${name}&tag=1`, `fromImage=${name}:1`]) {
      const { status, body } = await people.ask('bob', `POST /images/create?${query}`)
      assert.equal(status, 409, body.toString())
      assert.match(body.toString(), /the image name .* is taken by somebody else/)
    }
    const all = await people.ask('bob', `POST /images/create?fromImage=${name}`)
    assert.match(all.body.toString(), /say which, as in NAME:latest/)
    assert.equal(await ownerOf(`${name}:1`), 'alice')
    // What is nobody’s may be fetched by many at once.
    await people.must('alice', `DELETE /images/${name}:1`)
    const pull = (who: string) => people.ask(who, `POST /images/create?fromImage=${name}&tag=1`)
    for (const { status } of await Promise.all([pull('bob'), pull('alice'), pull('bob')]))
      assert.equal(status, 200)
    assert.equal(await ownerOf(`${name}:1`), 'nobody')
  })

  it('is not moved by a build that began when it was free', async () => {
    const name = `${word}-built:1`
    const context = tarOf([{ path: 'Dockerfile', content: 'FROM busybox:local\nRUN true\n' }])
    const commit = () =>
      people.ask('alice', `POST /commit?container=${hers}&repo=${word}-built&tag=1`, {})
    let meanwhile: number | undefined
    engine.holdNext(/^POST \/build/, async () => void (meanwhile = (await commit()).status))
    const built = await people.ask('bob', `POST /build?t=${name}&nocache=1`, context)
    assert.match(built.body.toString(), /Successfully tagged/)
    assert.equal(meanwhile, 409)
    assert.equal(await ownerOf(name), 'bob')
    assert.equal((await commit()).status, 409)
  })

  it('is not moved by who asked before another had it', async () => {
    const repo = `${word}-late`
    const commit = (who: string, container: string) =>
      people.ask(who, `POST /commit?container=${container}&repo=${repo}`, {})
    // It comes between his look at the name and his commit.
    engine.holdNext(new RegExp(`^GET /containers/${word}-his/json`), async () => {
      assert.equal((await commit('alice', hers)).status, 201)
    })
    assert.equal((await commit('bob', `${word}-his`)).status, 409)
    assert.equal(await ownerOf(repo), 'alice')
  })
})
