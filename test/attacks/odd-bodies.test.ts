// Whatever JSON a developer sends, in whatever spelling: where the gateway let it through, the real
// engine shows nothing that is beyond their limits.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { beyondLimits, type Inspected, type Own } from '../helpers/beyond-limits.ts'
import { askEngine, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { oddBodies } from '../helpers/odd-bodies.ts'
import { RawConnection, requestBytes, type Door, type RawAnswer } from '../helpers/raw-http.ts'
import { containerVocabulary } from './odd-bodies/containers.ts'

const roles = `grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: bob }, roles: [developer] }
`
const word = uniqueName('odd')
const [own, bobs, nobodys] = [`${word}-own`, `${word}-bobs`, `${word}-nobodys`]

const { create: createVocabulary, hostConfig } = containerVocabulary(word, [own, bobs, nobodys])

let gateway: GatewayProcess
let alice: Door
let usual: Inspected
let mine: Own
const volumes = new Set<string>()

before(async () => {
  gateway = await startGatewayProcess({ roles })
  alice = gateway.door(gateway.identity('alice'))
  await onEngine(`/images/busybox:local/tag?repo=${word}&tag=latest`, { method: 'POST' })
  const of: Readonly<Record<string, object>> = {
    [own]: { 'dockgate.owner': 'alice', 'dockgate.team': '' },
    [bobs]: { 'dockgate.owner': 'bob', 'dockgate.team': '' },
    [nobodys]: {},
  }
  let ids: readonly string[] = []
  for (const [Name, Labels] of Object.entries(of).toReversed()) {
    await onEngine('/volumes/create', { method: 'POST', body: { Name, Labels } })
    const network = await post('/networks/create', { Name, Labels })
    const body = { Image: 'busybox:local', Cmd: ['sleep', '600'], Labels }
    const container = await post(`/containers/create?name=${Name}`, body)
    await onEngine(`/containers/${container.Id}/start`, { method: 'POST' })
    ids = [container.Id, network.Id]
  }
  mine = {
    owner: 'alice',
    container: { id: ids[0] ?? '', name: own },
    network: { id: ids[1] ?? '', name: own },
    isOwnVolume: (name) => volumes.has(name),
  }
  // Its containers have volumes that nobody asked for.
  const changes = encodeURIComponent('VOLUME /image')
  await post(`/commit?container=${nobodys}&repo=${word}-volumes&changes=${changes}`, {})
  const { Id } = await post('/containers/create', { Image: 'busybox:local', HostConfig: {} })
  usual = await onEngine(`/containers/${Id}/json`)
  await onEngine(`/containers/${Id}`, { method: 'DELETE' })
})
after(async () => {
  await removeAll(word)
  await gateway.stop()
})

async function post(path: string, body: unknown): Promise<{ readonly Id: string }> {
  return onEngine(path, { method: 'POST', body })
}

/** Connections that are used again, one by each of those who ask at once. */
class Asker {
  #connection: RawConnection | undefined

  async ask(path: string, body: string): Promise<RawAnswer> {
    const headers = { 'Content-Type': 'application/json' }
    for (;;) {
      const reused = this.#connection !== undefined
      this.#connection ??= await RawConnection.open(alice)
      this.#connection.send(requestBytes({ method: 'POST', path, headers, body }))
      const answer = await this.#connection.answer('POST')
      const closes = answer?.headers.some(([name, is]) => name === 'connection' && is === 'close')
      if (answer === undefined || closes === true) this.close()
      if (answer !== undefined) return answer
      if (!reused) throw new Error(`no answer to ${body}`)
    }
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
  }
}

interface Tried {
  readonly sent: number
  readonly taken: number
}

/** Sends bodies, several at once, for so long; `judge` says what is wrong with what came of one. */
async function tryAll(
  bodies: fc.Arbitrary<string>,
  { path, count, seconds }: { path: string; count: number; seconds: number },
  judge: (answer: RawAnswer) => Promise<readonly string[]>,
): Promise<Tried> {
  const askers = Array.from({ length: 4 }, () => new Asker())
  const end = Date.now() + seconds * 1000
  let sent = 0
  let taken = 0
  try {
    const all = fc.sample(bodies, count)
    const next = all.values()
    await Promise.all(
      askers.map(async (asker) => {
        for (const body of next) {
          if (Date.now() > end) return
          const answer = await asker.ask(path, body)
          sent++
          if (answer.status >= 300) continue
          taken++
          assert.deepEqual(await judge(answer), [], body)
        }
      }),
    )
  } finally {
    for (const asker of askers) asker.close()
  }
  return { sent, taken }
}

/** Each of its volumes is looked at once: labels never change. */
async function noteVolumes({ Mounts }: Inspected): Promise<void> {
  for (const { Name } of Mounts) {
    if (typeof Name !== 'string' || volumes.has(Name)) continue
    type Volume = {
      readonly Labels: Readonly<Record<string, string>> | null
      readonly Options: object | null
    }
    const { Labels, Options } = await onEngine<Volume>(`/volumes/${Name}`)
    const plain = Object.keys(Options ?? {}).length === 0
    if (Labels?.['dockgate.owner'] === 'alice' && plain) volumes.add(Name)
  }
}

function idOf({ body }: RawAnswer): string {
  return (JSON.parse(body.toString()) as { readonly Id: string }).Id
}

describe('a body in odd spelling', () => {
  it('makes no container beyond the limits', async (test) => {
    const bodies = fc.oneof(
      oddBodies(createVocabulary, `"Image":"${word}"`),
      oddBodies(createVocabulary, `"Image":"${word}-volumes"`),
    )
    const options = { path: '/v1.41/containers/create', count: 4000, seconds: 20 }
    const tried = await tryAll(bodies, options, async (answer) => {
      const path = `/containers/${idOf(answer)}`
      const shown = await onEngine<Inspected>(`${path}/json`)
      await noteVolumes(shown)
      const found = beyondLimits(shown, usual, mine)
      await askEngine(`${path}?v=1`, { method: 'DELETE' })
      return found
    })
    test.diagnostic(`${tried.sent} sent, ${tried.taken} taken`)
    assert.ok(tried.sent > 200 && tried.taken > tried.sent / 10, JSON.stringify(tried))
    const all = await onEngine<readonly { readonly Image: string }[]>('/containers/json?all=1')
    const left = all.filter(({ Image }) => [word, `${word}-volumes`].includes(Image))
    assert.deepEqual(left, [], 'what was refused was not made')
  })

  it('updates no container beyond the limits', async (test) => {
    const path = `/containers/${mine.container.id}`
    const names = ['PidsLimit', 'OomKillDisable', 'Devices', 'CgroupParent', 'BlkioWeightDevice']
    const vocabulary = {
      ...Object.fromEntries(
        [...names, 'Memory', 'Ulimits'].map((one) => [one, hostConfig[one] ?? []]),
      ),
      'HostConfig.Privileged': ['true'],
      Privileged: ['true'],
      CpuShares: ['512', '1024'],
      RestartPolicy: ['{"Name":"no"}', '{"Name":"always"}'],
    }
    const options = { path: `${path}/update`, count: 300, seconds: 5 }
    const tried = await tryAll(oddBodies(vocabulary, ''), options, async () => {
      const shown = await onEngine<Inspected>(`${path}/json`)
      const { PidsLimit } = shown.HostConfig
      // It was made without the gateway, hence without a bound that an update could lift.
      const HostConfig = { ...shown.HostConfig, PidsLimit: PidsLimit ?? 1 }
      return beyondLimits({ ...shown, HostConfig }, usual, mine)
    })
    test.diagnostic(`${tried.sent} sent, ${tried.taken} taken`)
    assert.ok(tried.taken > tried.sent / 10, JSON.stringify(tried))
  })

  it('makes no privileged exec', async (test) => {
    const vocabulary = {
      Privileged: ['true', 'false', '1'],
      Cmd: ['["true"]', '"true"'],
      User: ['"0"', '"1000"'],
      Env: ['["A=b"]', '"A=b"'],
      AttachStdin: ['true', '1'],
      Container: [`"${bobs}"`],
      'HostConfig.Privileged': ['true'],
    }
    const path = `/containers/${own}/exec`
    const tried = await tryAll(
      oddBodies(vocabulary, '"Cmd":["id"]'),
      { path, count: 300, seconds: 5 },
      async (answer) => {
        type Exec = {
          readonly ContainerID: string
          readonly ProcessConfig: { readonly privileged: boolean }
        }
        const exec = await onEngine<Exec>(`/exec/${idOf(answer)}/json`)
        const found = exec.ProcessConfig.privileged ? ['privileged'] : []
        return exec.ContainerID === mine.container.id ? found : [...found, exec.ContainerID]
      },
    )
    test.diagnostic(`${tried.sent} sent, ${tried.taken} taken`)
    assert.ok(tried.taken > tried.sent / 10, JSON.stringify(tried))
  })

  it('makes no volume that is more than a folder of the engine’s', async (test) => {
    const vocabulary = {
      Name: [`"${word}-n1"`, `"${own}"`, `"${bobs}"`, '""'],
      Driver: ['"local"', '"other"', '""'],
      DriverOpts: ['{"type":"none","o":"bind","device":"/"}', '{}', '{"device":null}'],
      'DriverOpts.type': ['"proc"'],
      Labels: ['{"dockgate.owner":"bob"}', '{"a":"b"}', '{"dockgate.owner":null}'],
      ClusterVolumeSpec: ['{"Group":"a"}', '{}'],
    }
    const options = { path: '/volumes/create', count: 300, seconds: 5 }
    const tried = await tryAll(oddBodies(vocabulary, ''), options, async (answer) => {
      const { Name } = JSON.parse(answer.body.toString()) as { readonly Name: string }
      const shown = await askEngine(`/volumes/${Name}`)
      // Another of those who ask at once may have removed what has a name.
      if (shown.status === 404) return []
      const { Driver, Options, Labels } = JSON.parse(shown.body.toString()) as {
        readonly Driver: string
        readonly Options: object | null
        readonly Labels: Readonly<Record<string, string>>
      }
      if (Name !== own) await askEngine(`/volumes/${Name}`, { method: 'DELETE' })
      const isFine = Driver === 'local' && Object.keys(Options ?? {}).length === 0
      return isFine && Labels['dockgate.owner'] === 'alice' ? [] : [shown.body.toString()]
    })
    test.diagnostic(`${tried.sent} sent, ${tried.taken} taken`)
    assert.ok(tried.taken > tried.sent / 10, JSON.stringify(tried))
  })

  it('makes no network that reaches the host', async (test) => {
    const vocabulary = {
      Driver: ['"bridge"', '"macvlan"', '"host"', '""'],
      Options: [
        '{"com.docker.network.bridge.name":"docker0"}',
        '{"com.docker.network.bridge.host_binding_ipv4":"127.0.0.1"}',
        '{"com.docker.network.driver.mtu":"1400"}',
        '{"parent":"eth0"}',
        '{}',
      ],
      IPAM: [
        '{"Config":[{"Subnet":"10.99.0.0/24"}]}',
        '{"Config":[{"Gateway":"10.99.0.1"}]}',
        '{"Driver":"default"}',
        '{"Driver":"null"}',
        '{"Options":{"a":"b"}}',
        '{"Config":[]}',
      ],
      'IPAM.Config': ['[{"subnet":"10.99.0.0/24"}]', '[]', '[{}]'],
      Internal: ['true'],
      Ingress: ['true'],
      ConfigOnly: ['true'],
      ConfigFrom: [`{"Network":"${bobs}"}`],
      Scope: ['"swarm"', '"local"'],
      Labels: ['{"dockgate.owner":"bob"}', '{"a":"b"}'],
      Name: [`"${bobs}"`, '"host"'],
      Attachable: ['true'],
    }
    const bodies = oddBodies(vocabulary, '').map((body) =>
      body.replace('{', `{"Name":"${uniqueName(word)}"${/^[^{]*\{\s*\}/.test(body) ? '' : ','}`),
    )
    const options = { path: '/networks/create', count: 80, seconds: 5 }
    const tried = await tryAll(bodies, options, async (answer) => {
      const path = `/networks/${idOf(answer)}`
      const shown = await onEngine<Record<string, unknown>>(path)
      await askEngine(path, { method: 'DELETE' })
      const { Name, Driver, Scope, Options, IPAM, Labels, Ingress, ConfigOnly } = shown
      const {
        Driver: ipam,
        Options: of,
        Config,
      } = IPAM as {
        readonly Driver: string
        readonly Options: object | null
        readonly Config: readonly { readonly Subnet: string }[]
      }
      const harmless = /^(\{\}|\{"com\.docker\.network\.driver\.mtu":"1400"\}|null)$/
      const { 'dockgate.owner': owner } = Labels as Readonly<Record<string, string>>
      return Object.entries({
        Name: String(Name).startsWith(`${word}-`),
        Driver: Driver === 'bridge',
        Scope: Scope === 'local',
        Options: harmless.test(JSON.stringify(Options)),
        IPAM: ipam === 'default' && Object.keys(of ?? {}).length === 0,
        Subnet: !Config.some(({ Subnet }) => Subnet.startsWith('10.99.')),
        Labels: owner === 'alice',
        Ingress: Ingress === false,
        ConfigOnly: ConfigOnly === false,
      }).flatMap(([name, isFine]) => (isFine ? [] : [name]))
    })
    test.diagnostic(`${tried.sent} sent, ${tried.taken} taken`)
    assert.ok(tried.taken > 3, JSON.stringify(tried))
  })
})
