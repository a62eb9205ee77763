// Two people who work at the same time on one engine, with names that both want, and an administrator who
// takes some: whatever one does, after every step of theirs the other sees exactly what their own steps made.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startPeople, type People } from '../helpers/people.ts'

const word = uniqueName('beside')
const tenants = [`alice-${word}`, `bob-${word}`] as const
const roles = `grants:
${tenants.map((name) => `  - { to: { name: ${name} }, roles: [developer] }`).join('\n')}
  - { to: { name: root }, roles: [admin] }
`
let people: People
before(async () => {
  people = await startPeople(roles)
})
after(async () => {
  await removeAll(word)
  await people.stop()
})

const kinds = ['container', 'volume', 'network', 'image'] as const
type Kind = (typeof kinds)[number]

/** What is theirs by their own steps: of a container whether it runs. */
type Model = Readonly<Record<Kind, Map<string, boolean>>>

const acts = (
  'create create create start stop kill exec inspect logs rename remove remove prune volume ' +
  'volume-rm network network-rm commit commit tag image-rm volumes-from update'
).split(' ')

interface Step {
  readonly act: string
  readonly n: number
  readonly m: number
}

const one = fc.record({
  act: fc.constantFrom(...acts),
  n: fc.integer({ min: 1, max: 4 }),
  m: fc.integer({ min: 1, max: 4 }),
})
const plan = fc.array(one, { minLength: 300, maxLength: 300, size: 'max' })

/** How often each name was in somebody's hands or under way, and whose it is. */
const taken = new Map<string, number>()
const touch = (name: string): void => void taken.set(name, (taken.get(name) ?? 0) + 1)

const lasting = { Image: 'busybox:local', Cmd: ['sleep', '600'] }

class Tenant {
  readonly who: string
  readonly model: Model = {
    container: new Map(),
    volume: new Map(),
    network: new Map(),
    image: new Map(),
  }

  constructor(who: string) {
    this.who = who
  }

  /** A name that is free for them may be the other's: then it is taken, and only then. */
  async #make(kind: Kind, name: string, line: string, body?: object): Promise<void> {
    const own = this.model[kind]
    const had = own.has(name)
    touch(name)
    const { status, body: said } = await people.ask(this.who, line, body)
    const made = [200, 201, 204].includes(status)
    const text = `${this.who}: ${line}: ${status} ${said.toString()}`
    if (had && (kind === 'container' || kind === 'network')) assert.equal(status, 409, text)
    else if (had) assert.ok(made, text)
    else if (made) own.set(name, false)
    else {
      assert.equal(status, 409, text)
      assert.ok((taken.get(name) ?? 0) > 1, `${text}: nobody else ever asked for it`)
    }
  }

  async #expect(status: number, line: string, body?: object): Promise<void> {
    const answer = await people.ask(this.who, line, body)
    assert.equal(answer.status, status, `${this.who}: ${line}: ${answer.body.toString()}`)
  }

  async step({ act, n, m }: Step): Promise<void> {
    const { container, volume, network, image } = this.model
    const [c, v, w, i] = ['c', 'v', 'n', 'i'].map((kind) => `${word}-${kind}${n}`) as [
      string,
      string,
      string,
      string,
    ]
    const isMine = container.has(c)
    const runs = container.get(c) === true
    switch (act) {
      case 'create':
        return this.#make('container', c, `POST /containers/create?name=${c}`, lasting)
      case 'volumes-from': {
        const from = `${word}-c${m}`
        const body = { ...lasting, HostConfig: { VolumesFrom: [from] } }
        const line = `POST /containers/create?name=${c}`
        if (container.has(from)) return this.#make('container', c, line, body)
        touch(c)
        const { status } = await people.ask(this.who, line, body)
        assert.ok(status === 404 || status === 409, `${line}: ${status}`)
        return
      }
      case 'start':
        await this.#expect(isMine ? (runs ? 304 : 204) : 404, `POST /containers/${c}/start`)
        if (isMine) container.set(c, true)
        return
      case 'stop':
        await this.#expect(isMine ? (runs ? 204 : 304) : 404, `POST /containers/${c}/stop?t=0`)
        if (isMine) container.set(c, false)
        return
      case 'kill':
        return runs ? undefined : this.#expect(isMine ? 409 : 404, `POST /containers/${c}/kill`)
      case 'exec':
        return this.#expect(isMine ? (runs ? 201 : 409) : 404, `POST /containers/${c}/exec`, {
          Cmd: ['true'],
        })
      case 'inspect':
        return this.#expect(isMine ? 200 : 404, `GET /containers/${c}/json`)
      case 'logs':
        return this.#expect(isMine ? 200 : 404, `GET /containers/${c}/logs?stdout=1`)
      case 'update':
        return this.#expect(isMine ? 200 : 404, `POST /containers/${c}/update`, { CpuShares: 512 })
      case 'rename': {
        const to = `${word}-c${m}`
        if (!isMine) return this.#expect(404, `POST /containers/${c}/rename?name=${word}-x`)
        if (to === c) return
        await this.#make('container', to, `POST /containers/${c}/rename?name=${to}`)
        // What was made is what had the other name.
        if (container.get(to) === false && !(await this.#sees(c))) {
          container.set(to, runs)
          container.delete(c)
        }
        return
      }
      case 'remove':
        await this.#expect(isMine ? 204 : 404, `DELETE /containers/${c}?force=1`)
        container.delete(c)
        return
      case 'prune':
        // The engine prunes for one at a time.
        if ((await people.ask(this.who, 'POST /containers/prune')).status === 409) return
        for (const [name, running] of container) if (!running) container.delete(name)
        return
      case 'volume':
        return this.#make('volume', v, 'POST /volumes/create', { Name: v })
      case 'volume-rm':
        await this.#expect(volume.has(v) ? 204 : 404, `DELETE /volumes/${v}`)
        volume.delete(v)
        return
      case 'network':
        return this.#make('network', w, 'POST /networks/create', { Name: w })
      case 'network-rm':
        await this.#expect(network.has(w) ? 204 : 404, `DELETE /networks/${w}`)
        network.delete(w)
        return
      case 'commit': {
        const line = `POST /commit?container=${word}-c${m}&repo=${i}&pause=0`
        if (container.has(`${word}-c${m}`)) return this.#make('image', i, line, {})
        touch(i)
        const { status } = await people.ask(this.who, line, {})
        assert.ok(status === 404 || status === 409, `${line}: ${status}`)
        return
      }
      case 'tag': {
        const from = `${word}-i${m}`
        const line = `POST /images/${from}/tag?repo=${i}`
        if (image.has(from)) return this.#make('image', i, line)
        touch(i)
        const { status } = await people.ask(this.who, line)
        assert.ok(status === 404 || status === 409, `${line}: ${status}`)
        return
      }
      case 'image-rm':
        await this.#expect(image.has(i) ? 200 : 404, `DELETE /images/${i}`)
        image.delete(i)
        return
      default:
        throw new Error(`no such act: ${act}`)
    }
  }

  async #sees(name: string): Promise<boolean> {
    return (await people.ask(this.who, `GET /containers/${name}/json`)).status === 200
  }

  async seesTheirs(): Promise<void> {
    type Row = {
      readonly Names: readonly string[]
      readonly Name: string
      readonly State: string
      readonly RepoTags: readonly string[] | null
    }
    const list = (path: string) => people.must<readonly Row[]>(this.who, `GET ${path}`)
    const [rows, { Volumes }, networks, images] = await Promise.all([
      list('/containers/json?all=1'),
      people.must<{ Volumes: readonly Row[] | null }>(this.who, 'GET /volumes'),
      list('/networks'),
      list('/images/json'),
    ])
    const names = (kind: Kind) => [...this.model[kind].keys()].toSorted()
    const seen = {
      container: rows.map((row) => `${row.Names[0]?.slice(1)} ${row.State === 'running'}`),
      volume: (Volumes ?? []).map((row) => row.Name),
      network: networks.map((row) => row.Name).filter((name) => name.includes(word)),
      image: images
        .flatMap((row) => row.RepoTags ?? [])
        .filter((tag) => tag.includes(word))
        .map((tag) => tag.replace(/:latest$/, '')),
    }
    assert.deepEqual(
      Object.values(seen).map((all) => all.toSorted()),
      [
        [...this.model.container].map(([name, runs]) => `${name} ${runs}`).toSorted(),
        names('volume'),
        names('network'),
        names('image'),
      ],
      this.who,
    )
  }
}

/** What one run may take, and all of it with its shrinking. */
const runMs = Number(process.env['DOCKGATE_TENANTS_MS'] ?? 40_000)

async function sideBySide(plans: readonly (readonly Step[])[]): Promise<readonly number[]> {
  await removeAll(word)
  taken.clear()
  const end = Date.now() + runMs
  const both = plans.map((_, index) => new Tenant(tenants[index] ?? ''))
  const done = await Promise.all(
    both.map(async (tenant, index) => {
      let steps = 0
      for (const step of plans[index] ?? []) {
        if (Date.now() > end) break
        await tenant.step(step)
        await tenant.seesTheirs()
        steps++
      }
      return steps
    }),
  )
  // Whoever ended first has nothing changed by what the other did since.
  for (const tenant of both) await tenant.seesTheirs()
  type Row = { readonly Names: readonly string[] }
  const all = await onEngine<readonly Row[]>('/containers/json?all=1')
  const count = all.filter(({ Names }) => Names.some((name) => name.includes(word))).length
  assert.equal(
    count,
    both.reduce((sum, { model }) => sum + model.container.size, 0),
  )
  return done
}

describe('two tenants at the same time', () => {
  it('each see and touch what is theirs, whatever the other does', async (t) => {
    await fc.assert(
      fc.asyncProperty(plan, plan, async (...plans) => {
        t.diagnostic(`${(await sideBySide(plans)).join(' and ')} steps`)
      }),
      { numRuns: 1, interruptAfterTimeLimit: 3 * runMs, markInterruptAsFailure: false },
    )
  })
})
