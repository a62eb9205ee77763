// Two people who work at the same time on one engine, with names that both want, and an administrator who
// takes some, shares some, and at times takes what is theirs: whatever the others do, after every step each
// of the two sees exactly what their own steps made, but for what the administrator took.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { createTurns } from '../../src/gateway/turns.ts'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { keptDoor, type KeptDoor } from '../helpers/kept-door.ts'
import { startPeople, type People } from '../helpers/people.ts'

const word = uniqueName('beside')
const tenants = [`alice-${word}`, `bob-${word}`] as const
const roles = `grants:
${tenants.map((name) => `  - { to: { name: ${name} }, roles: [developer] }`).join('\n')}
  - { to: { name: root }, roles: [admin] }
`
let people: People
const doors = new Map<string, KeptDoor>()
before(async () => {
  people = await startPeople(roles)
  for (const who of [...tenants, 'root']) doors.set(who, keptDoor(people.gateway, who))
})
after(async () => {
  for (const door of doors.values()) door.close()
  await removeAll(word)
  await people.stop()
})

function ask(who: string, line: string, body?: object) {
  const door = doors.get(who)
  assert.ok(door)
  return door.ask(line, body)
}

const kinds = ['container', 'volume', 'network', 'image'] as const
type Kind = (typeof kinds)[number]

/** What is theirs by their own steps: of a container whether it runs. */
type Model = Readonly<Record<Kind, Map<string, boolean>>>

const acts = (
  'create create create start stop kill exec inspect logs rename remove remove prune volume ' +
  'volume-rm network network-rm commit commit tag image-rm volumes-from update shared strange'
).split(' ')

/** What the administrator does with things of nobody, with images for everybody, and with what is theirs. */
const rootActs = (
  'create start stop remove network network-rm volume volume-rm share share unshare look ' +
  'take-container take-volume take-network take-image stop-theirs'
).split(' ')

interface Step {
  readonly act: string
  readonly n: number
  readonly m: number
}

const number = fc.integer({ min: 1, max: 4 })
const planOf = (words: readonly string[]) =>
  fc.array(fc.record({ act: fc.constantFrom(...words), n: number, m: number }), {
    minLength: 300,
    maxLength: 300,
    size: 'max',
  })

/** How often each name was in somebody's hands or under way, and whose it is. */
const taken = new Map<string, number>()
const touch = (name: string): void => void taken.set(name, (taken.get(name) ?? 0) + 1)

const lasting = { Image: 'busybox:local', Cmd: ['sleep', '600'] }

class Tenant {
  readonly who: string
  /** Of steps of theirs, and of what is taken from them. */
  readonly take = createTurns()
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
    const { status, body: said } = await ask(this.who, line, body)
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
    const answer = await ask(this.who, line, body)
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
        const { status } = await ask(this.who, line, body)
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
        if ((await ask(this.who, 'POST /containers/prune')).status === 409) return
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
        const { status } = await ask(this.who, line, {})
        assert.ok(status === 404 || status === 409, `${line}: ${status}`)
        return
      }
      case 'tag': {
        const from = `${word}-i${m}`
        const line = `POST /images/${from}/tag?repo=${i}`
        if (image.has(from)) return this.#make('image', i, line)
        touch(i)
        const { status } = await ask(this.who, line)
        assert.ok(status === 404 || status === 409, `${line}: ${status}`)
        return
      }
      case 'image-rm':
        await this.#expect(image.has(i) ? 200 : 404, `DELETE /images/${i}`)
        image.delete(i)
        return
      case 'shared': {
        // Somebody else's to give and to take; it may be there or not.
        const there = await ask(this.who, `GET /images/${word}-s${n}/json`)
        const removed = await ask(this.who, `DELETE /images/${word}-s${n}`)
        assert.ok([200, 404].includes(there.status) && [403, 404].includes(removed.status))
        return
      }
      case 'strange': {
        const volumeOfNobody = `/volumes/${word}-av${n}`
        const networkOfNobody = `/networks/${word}-an${n}`
        await this.#expect(404, `${m > 2 ? 'GET' : 'DELETE'} ${volumeOfNobody}`)
        return this.#expect(404, `${m > 2 ? 'DELETE' : 'GET'} ${networkOfNobody}`)
      }
      default:
        throw new Error(`no such act: ${act}`)
    }
  }

  async #sees(name: string): Promise<boolean> {
    return (await ask(this.who, `GET /containers/${name}/json`)).status === 200
  }

  async sees(kind: Kind): Promise<void> {
    const { body, status } = await ask(this.who, `GET ${lists[kind]}`)
    assert.equal(status, 200, body.toString())
    const seen = namesIn(kind, JSON.parse(body.toString()))
    const own = [...this.model[kind]].map(([name, runs]) =>
      kind === 'container' ? `${name} ${runs}` : name,
    )
    assert.deepEqual(seen.toSorted(), own.toSorted(), `${this.who}: ${kind}`)
  }

  async seesTheirs(): Promise<void> {
    await Promise.all(kinds.map((kind) => this.sees(kind)))
  }
}

const lists: Readonly<Record<Kind, string>> = {
  container: '/containers/json?all=1',
  volume: '/volumes',
  network: '/networks',
  image: '/images/json',
}

interface Row {
  readonly Names: readonly string[]
  readonly Name: string
  readonly State: string
  readonly RepoTags: readonly string[] | null
}

/** But for what everybody sees: the engine's own networks, and images that are shared. */
function namesIn(kind: Kind, answer: unknown): readonly string[] {
  const { Volumes } = answer as { readonly Volumes?: readonly Row[] | null }
  const rows = kind === 'volume' ? (Volumes ?? []) : (answer as readonly Row[])
  switch (kind) {
    case 'container':
      return rows.map((row) => `${row.Names[0]?.slice(1)} ${row.State === 'running'}`)
    case 'volume':
      return rows.map((row) => row.Name)
    case 'network':
      return rows.map((row) => row.Name).filter((name) => name.includes(word))
    case 'image':
      return rows
        .flatMap((row) => row.RepoTags ?? [])
        .filter((tag) => tag.includes(`${word}-i`))
        .map((tag) => tag.replace(/:latest$/, ''))
  }
}

/** Which list an act could have changed. */
function kindOf(act: string): Kind {
  if (/^(volume(-rm)?|strange)$/.test(act)) return 'volume'
  if (act.startsWith('network')) return 'network'
  return /^(commit|tag|image-rm|shared)$/.test(act) ? 'image' : 'container'
}

class Administrator {
  readonly own = { container: new Set<string>(), network: new Set<string>() }
  readonly #tenants: readonly Tenant[]

  constructor(all: readonly Tenant[]) {
    this.#tenants = all
  }

  async #must(line: string, body?: object, ...good: readonly number[]): Promise<number> {
    const { status, body: said } = await ask('root', line, body)
    assert.ok(status < 300 || good.includes(status), `root: ${line}: ${status} ${said.toString()}`)
    return status
  }

  async step(step: Step): Promise<void> {
    const { act, n, m } = step
    const c = `${word}-c${n}`
    const { container, network } = this.own
    switch (act) {
      case 'create': {
        touch(c)
        const status = await this.#must(`POST /containers/create?name=${c}`, lasting, 409)
        if (status === 201) container.add(c)
        return
      }
      case 'start':
      case 'stop':
        if (container.has(c)) await this.#must(`POST /containers/${c}/${act}?t=0`, undefined, 304)
        return
      case 'remove':
        if (container.delete(c)) await this.#must(`DELETE /containers/${c}?force=1`)
        return
      case 'network': {
        const body = { Name: `${word}-an${n}`, CheckDuplicate: true }
        const status = await this.#must('POST /networks/create', body, 409)
        if (status === 201) network.add(body.Name)
        return
      }
      case 'network-rm':
        if (network.delete(`${word}-an${n}`)) await this.#must(`DELETE /networks/${word}-an${n}`)
        return
      case 'volume':
        await this.#must('POST /volumes/create', { Name: `${word}-av${n}` })
        return
      case 'volume-rm':
        await this.#must(`DELETE /volumes/${word}-av${n}`, undefined, 404)
        return
      case 'share':
        await this.#must(`POST /images/busybox:local/tag?repo=${word}-s${n}`)
        return
      case 'unshare':
        await this.#must(`DELETE /images/${word}-s${n}`, undefined, 404)
        return
      case 'look':
        await this.#must('GET /containers/json?all=1')
        return
      default: {
        const tenant = this.#tenants[m % 2]
        assert.ok(tenant)
        const leave = await tenant.take([tenant.who])
        try {
          await this.#takeFrom(tenant, step)
        } finally {
          leave()
        }
      }
    }
  }

  /** In a turn of the tenant's, so that what was taken is known before they look. */
  async #takeFrom({ model }: Tenant, { act, n }: Step): Promise<void> {
    const [c, v, w, i] = ['c', 'v', 'n', 'i'].map((kind) => `${word}-${kind}${n}`) as [
      string,
      string,
      string,
      string,
    ]
    switch (act) {
      case 'take-container':
        if (model.container.delete(c)) await this.#must(`DELETE /containers/${c}?force=1`)
        return
      case 'stop-theirs':
        if (model.container.get(c) !== true) return
        await this.#must(`POST /containers/${c}/stop?t=0`)
        model.container.set(c, false)
        return
      case 'take-volume':
        if (model.volume.delete(v)) await this.#must(`DELETE /volumes/${v}`)
        return
      case 'take-network':
        if (model.network.delete(w)) await this.#must(`DELETE /networks/${w}`)
        return
      case 'take-image':
        if (model.image.delete(i)) await this.#must(`DELETE /images/${i}`)
        return
      default:
        throw new Error(`no such act: ${act}`)
    }
  }
}

/** What one run may take, and all of it with its shrinking. */
const runMs = Number(process.env['DOCKGATE_TENANTS_MS'] ?? 90_000)

async function sideBySide(plans: readonly (readonly Step[])[]): Promise<string> {
  await removeAll(word)
  taken.clear()
  const [ofRoot = [], ...ofTenants] = plans
  const end = Date.now() + runMs
  const both = tenants.map((who) => new Tenant(who))
  const root = new Administrator(both)
  const walk = async (steps: readonly Step[], take: (step: Step, at: number) => Promise<void>) => {
    let done = 0
    for (const step of steps) {
      if (Date.now() > end) break
      await take(step, done++)
    }
    return done
  }
  const startedAt = Date.now()
  const done = await Promise.all([
    walk(ofRoot, (step) => root.step(step)),
    ...both.map((tenant, index) =>
      walk(ofTenants[index] ?? [], async (step, at) => {
        const leave = await tenant.take([tenant.who])
        try {
          await tenant.step(step)
          await (at % 10 === 9 ? tenant.seesTheirs() : tenant.sees(kindOf(step.act)))
        } finally {
          leave()
        }
      }),
    ),
  ])
  const seconds = Math.round((Date.now() - startedAt) / 1_000)
  // Whoever ended first has nothing changed by what the others did since.
  for (const tenant of both) await tenant.seesTheirs()
  const all = await onEngine<readonly Row[]>('/containers/json?all=1')
  const names = all.flatMap(({ Names }) => Names.map((name) => name.slice(1)))
  assert.deepEqual(
    names.filter((name) => name.includes(word)).toSorted(),
    [...root.own.container, ...both.flatMap(({ model }) => [...model.container.keys()])].toSorted(),
  )
  return `${done.join(', ')} steps of 300 each in ${seconds} s`
}

describe('two tenants and an administrator at the same time', () => {
  it('each see and touch what is theirs, whatever the others do', async (t) => {
    const plans = [planOf(rootActs), planOf(acts), planOf(acts)] as const
    await fc.assert(
      fc.asyncProperty(...plans, async (...given) => {
        t.diagnostic(await sideBySide(given))
      }),
      { numRuns: 1, interruptAfterTimeLimit: 3 * runMs, markInterruptAsFailure: false },
    )
  })
})
