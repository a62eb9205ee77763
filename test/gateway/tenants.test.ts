// Two people and an administrator on one engine, in any order of what they do: after every step each of
// the two sees what is theirs and nothing else, and what one does leaves the other's things alone.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { askEngine, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, type Door, type RawAnswer } from '../helpers/raw-http.ts'

const word = uniqueName('tenants')
const people = [`alice-${word}`, `bob-${word}`] as const
const roles = `grants:
${people.map((name) => `  - { to: { name: ${name} }, roles: [developer] }`).join('\n')}
  - { to: { name: root }, roles: [admin] }
`

let gateway: GatewayProcess
let doors: ReadonlyMap<string, Door>
before(async () => {
  gateway = await startGatewayProcess({ roles })
  const names = [...people, 'root']
  doors = new Map(names.map((name) => [name, gateway.door(gateway.identity(name))]))
})
after(async () => {
  await clear()
  await gateway.stop()
})

async function clear(): Promise<void> {
  await removeAll(word)
}

function ask(who: string, method: string, path: string, body?: unknown): Promise<RawAnswer> {
  const door = doors.get(who)
  assert.ok(door !== undefined)
  return askDoor(door, {
    method,
    path,
    ...(body === undefined
      ? {}
      : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
}

interface Container {
  readonly owner: string
  readonly volume: string | undefined
  readonly network: string | undefined
  running: boolean
}

/** What there should be on the engine, by name. */
interface Model {
  readonly containers: Map<string, Container>
  readonly volumes: Map<string, string>
  readonly networks: Map<string, string>
}

type Step = fc.AsyncCommand<Model, object>

/** One thing that somebody does: the status that is expected, and what it changes in the model. */
abstract class Act implements Step {
  readonly who: string
  readonly name: string

  constructor(who: string, name: string) {
    this.who = who
    this.name = name
  }

  check(): boolean {
    return true
  }

  async run(model: Model): Promise<void> {
    const expected = this.expect(model)
    const answer = await this.act()
    assert.equal(answer.status, expected, `${this.toString()}: ${answer.body.toString()}`)
    await eachSeesTheirs(model)
  }

  abstract expect(model: Model): number
  abstract act(): Promise<RawAnswer>

  toString(): string {
    return `${this.who.split('-', 1).join()}: ${this.constructor.name} ${this.name.slice(word.length + 1)}`
  }
}

class Create extends Act {
  readonly volume: string | undefined
  readonly network: string | undefined

  constructor(who: string, name: string, volume: string | undefined, network: string | undefined) {
    super(who, name)
    this.volume = volume
    this.network = network
  }

  expect(model: Model): number {
    const { who, name, volume, network } = this
    const taken = model.containers.get(name)
    if (taken !== undefined && taken.owner !== who) return 409
    if (network !== undefined && model.networks.get(network) !== who) return 404
    if (volume !== undefined) {
      if ((model.volumes.get(volume) ?? who) !== who) return 404
      model.volumes.set(volume, who)
    }
    if (taken !== undefined) return 409
    model.containers.set(name, { owner: who, volume, network, running: false })
    return 201
  }

  act(): Promise<RawAnswer> {
    const { volume, network } = this
    return ask(this.who, 'POST', `/containers/create?name=${this.name}`, {
      Image: 'busybox:local',
      Cmd: ['sleep', '600'],
      HostConfig: {
        ...(volume === undefined ? {} : { Binds: [`${volume}:/data`] }),
        ...(network === undefined ? {} : { NetworkMode: network }),
      },
    })
  }
}

class Start extends Act {
  expect(model: Model): number {
    const found = model.containers.get(this.name)
    if (found?.owner !== this.who) return 404
    if (found.running) return 304
    found.running = true
    return 204
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'POST', `/containers/${this.name}/start`)
  }
}

class Kill extends Act {
  expect(model: Model): number {
    const found = model.containers.get(this.name)
    if (found?.owner !== this.who) return 404
    if (!found.running) return 304
    found.running = false
    return 204
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'POST', `/containers/${this.name}/stop?t=0`)
  }
}

class Exec extends Act {
  expect(model: Model): number {
    const found = model.containers.get(this.name)
    if (found?.owner !== this.who) return 404
    return found.running ? 201 : 409
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'POST', `/containers/${this.name}/exec`, { Cmd: ['true'] })
  }
}

class Inspect extends Act {
  expect(model: Model): number {
    return model.containers.get(this.name)?.owner === this.who ? 200 : 404
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'GET', `/containers/${this.name}/json`)
  }
}

class Remove extends Act {
  expect(model: Model): number {
    if (model.containers.get(this.name)?.owner !== this.who) return 404
    model.containers.delete(this.name)
    return 204
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'DELETE', `/containers/${this.name}?force=1`)
  }
}

class Prune extends Act {
  expect(model: Model): number {
    for (const [name, { owner, running }] of model.containers) {
      if (owner === this.who && !running) model.containers.delete(name)
    }
    return 200
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'POST', '/containers/prune')
  }
}

class CreateVolume extends Act {
  expect(model: Model): number {
    const owner = model.volumes.get(this.name) ?? this.who
    if (owner !== this.who) return 409
    model.volumes.set(this.name, this.who)
    return 201
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'POST', '/volumes/create', { Name: this.name })
  }
}

class RemoveVolume extends Act {
  expect(model: Model): number {
    if (model.volumes.get(this.name) !== this.who) return 404
    const used = [...model.containers.values()].some(({ volume }) => volume === this.name)
    if (used) return 409
    model.volumes.delete(this.name)
    return 204
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'DELETE', `/volumes/${this.name}`)
  }
}

class CreateNetwork extends Act {
  expect(model: Model): number {
    if (model.networks.has(this.name)) return 409
    model.networks.set(this.name, this.who)
    return 201
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'POST', '/networks/create', { Name: this.name })
  }
}

class RemoveNetwork extends Act {
  expect(model: Model): number {
    if (model.networks.get(this.name) !== this.who) return 404
    const members = [...model.containers.values()].filter(({ network }) => network === this.name)
    // The engine lets it go while its members do not run, who then cannot be started.
    if (members.some(({ running }) => running)) return 403
    if (members.length > 0) return 0
    model.networks.delete(this.name)
    return 204
  }

  override check(model?: Model): boolean {
    const members = [...(model?.containers.values() ?? [])]
    return !members.some(({ network, running }) => network === this.name && !running)
  }

  act(): Promise<RawAnswer> {
    return ask(this.who, 'DELETE', `/networks/${this.name}`)
  }
}

/** What an administrator makes belongs to nobody: it takes a name and nothing else. */
class Intrude extends Act {
  expect(model: Model): number {
    if (model.containers.has(this.name)) return 409
    const nobodys = { owner: 'root', volume: undefined, network: undefined, running: false }
    model.containers.set(this.name, nobodys)
    return 201
  }

  act(): Promise<RawAnswer> {
    const body = { Image: 'busybox:local', Cmd: ['true'] }
    return ask('root', 'POST', `/containers/create?name=${this.name}`, body)
  }
}

async function eachSeesTheirs(model: Model): Promise<void> {
  await Promise.all(
    people.map(async (who) => {
      const json = async (path: string) => {
        const answer = await ask(who, 'GET', path)
        assert.equal(answer.status, 200, answer.body.toString())
        return JSON.parse(answer.body.toString())
      }
      const [containers, volumes, networks] = await Promise.all([
        json('/containers/json?all=1'),
        json('/volumes'),
        json('/networks'),
      ])
      type Row = {
        readonly Names: readonly string[]
        readonly Name: string
        readonly State: string
      }
      const seen = {
        containers: (containers as Row[])
          .map((row) => `${row.Names[0]?.slice(1)} ${row.State === 'running'}`)
          .toSorted(),
        volumes: ((volumes.Volumes ?? []) as Row[]).map((row) => row.Name).toSorted(),
        networks: (networks as Row[])
          .map((row) => row.Name)
          .filter((name) => name !== 'bridge' && name !== 'none')
          .toSorted(),
      }
      const theirs = (owners: Map<string, string>) =>
        [...owners].filter(([, owner]) => owner === who).map(([name]) => name)
      assert.deepEqual(seen, {
        containers: [...model.containers]
          .filter(([, { owner }]) => owner === who)
          .map(([name, { running }]) => `${name} ${running}`)
          .toSorted(),
        volumes: theirs(model.volumes).toSorted(),
        networks: theirs(model.networks).toSorted(),
      })
    }),
  )
}

const who = fc.constantFrom(...people)
const nameOf = (kind: string) => fc.constantFrom(...[1, 2, 3].map((n) => `${word}-${kind}${n}`))
const containerName = nameOf('c')
const volumeName = nameOf('v')
const networkName = nameOf('n')
const either = [who, containerName] as const

const steps: fc.Arbitrary<Step>[] = [
  fc
    .tuple(
      ...either,
      fc.option(volumeName, { nil: undefined }),
      fc.option(networkName, { nil: undefined, freq: 1 }),
    )
    .map(([person, name, volume, network]) => new Create(person, name, volume, network)),
  fc.tuple(...either).map(([person, name]) => new Start(person, name)),
  fc.tuple(...either).map(([person, name]) => new Kill(person, name)),
  fc.tuple(...either).map(([person, name]) => new Exec(person, name)),
  fc.tuple(...either).map(([person, name]) => new Inspect(person, name)),
  fc.tuple(...either).map(([person, name]) => new Remove(person, name)),
  fc.tuple(...either).map(([person, name]) => new Prune(person, name)),
  fc.tuple(who, volumeName).map(([person, name]) => new CreateVolume(person, name)),
  fc.tuple(who, volumeName).map(([person, name]) => new RemoveVolume(person, name)),
  fc.tuple(who, networkName).map(([person, name]) => new CreateNetwork(person, name)),
  fc.tuple(who, networkName).map(([person, name]) => new RemoveNetwork(person, name)),
  fc.tuple(containerName).map(([name]) => new Intrude('root', name)),
]

/** What a run may take, shrinking included; on a quiet machine some hundred steps. */
const timeLimitMs = Number(process.env['DOCKGATE_TENANTS_MS'] ?? 60_000)

describe('two tenants', () => {
  it('see and touch what is theirs, whatever is done in whatever order', async (t) => {
    let done = 0
    await fc.assert(
      fc
        .asyncProperty(fc.commands(steps, { maxCommands: 300, size: 'max' }), async (commands) => {
          const model: Model = { containers: new Map(), volumes: new Map(), networks: new Map() }
          await fc.asyncModelRun(() => ({ model, real: {} }), commands)
          done += [...commands].length
        })
        .afterEach(clear),
      { numRuns: 4, interruptAfterTimeLimit: timeLimitMs },
    )
    t.diagnostic(`${done} steps`)
    assert.ok(done > 0 || timeLimitMs < 25_000)
    assert.equal((await askEngine('/_ping')).status, 200)
    await onEngine('/containers/json')
  })
})
