// `dockgate doctor` on a real engine of its own, with containers, images and volumes as they should not be.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runDockgate } from '../helpers/dockgate-process.ts'
import { onEngine, privateEngine, type PrivateEngine } from '../helpers/engine.ts'
import { temporaryFolder } from '../helpers/ca-store.ts'

const home = temporaryFolder()
let engine: PrivateEngine
const make = async (name: string, body: object, start = false): Promise<void> => {
  const socketPath = engine.engine.slice('unix://'.length)
  const whole = { Image: 'busybox:local', Cmd: ['sleep', '1000'], ...body }
  const post = { method: 'POST', socketPath }
  const { Id } = await onEngine<{ Id: string }>(`/containers/create?name=${name}`, {
    ...post,
    body: whole,
  })
  if (start) await onEngine(`/containers/${Id}/start`, post)
}
const host = (HostConfig: object): object => ({ HostConfig })

interface Report {
  readonly findings: readonly {
    readonly id: string
    readonly severity: string
    readonly seen: readonly { readonly on?: string; readonly seen: string }[]
  }[]
  readonly fine: readonly { readonly id: string; readonly seen: string }[]
  readonly notSeen: readonly { readonly id: string; readonly why: string }[]
}
let report: Report
let status: number | null
const doctor = async (...args: readonly string[]): Promise<Report> => {
  const env = { DOCKGATE_HOME: home, DOCKGATE_ENGINE: engine.engine }
  const ran = await runDockgate(['doctor', '--json', ...args], env)
  status = ran.status
  return JSON.parse(ran.stdout)
}
/** Names of the containers that a check finds fault with. */
const foundBy = (id: string): readonly (string | undefined)[] => [
  ...new Set(report.findings.find((one) => one.id === id)?.seen.map(({ on }) => on) ?? []),
]

before(async () => {
  engine = await privateEngine('doctor')
  const socketPath = engine.engine.slice('unix://'.length)
  const volume = { Name: 'road', DriverOpts: { type: 'none', o: 'bind', device: '/run' } }
  await onEngine('/volumes/create', { method: 'POST', socketPath, body: volume })
  await make('good', {
    User: '1000',
    Healthcheck: { Test: ['CMD', 'true'] },
    HostConfig: {
      Memory: 64 * 1024 ** 2, NanoCpus: 5e8, PidsLimit: 50, ReadonlyRootfs: true, NetworkMode: 'none',
      SecurityOpt: ['no-new-privileges'], Ulimits: [{ Name: 'nofile', Soft: 64, Hard: 64 }],
      Binds: ['/etc/localtime:/etc/localtime:ro'], RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    },
  }, true) // prettier-ignore
  await make('privileged', host({ Privileged: true }))
  const modes = { NetworkMode: 'host', PidMode: 'host', IpcMode: 'host', UTSMode: 'host' }
  await make('namespaces', host({ ...modes, UsernsMode: 'host' }), true)
  await make('socket', host({ Binds: ['/run/docker.sock:/docker.sock:ro'] }), true)
  await make('by-folder', host({ Binds: ['/var/run:/x:ro'] }))
  await make('by-volume', host({ Binds: ['road:/x'] }), true)
  await make('mounts', host({ Binds: ['/etc:/e', '/usr:/u:ro', '/srv:/s:shared'] }))
  await make(
    'strong',
    host({ CapAdd: ['SYS_ADMIN', 'CAP_CHOWN'], SecurityOpt: ['seccomp=unconfined'] }),
    true,
  )
  await make(
    'devices',
    host({
      Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' }],
    }),
  )
  await make('cgroup', host({ CgroupParent: '/x' }))
  await make('restarts', host({ RestartPolicy: { Name: 'on-failure' } }))
  const ports = {
    '80/tcp': [{ HostPort: '80' }],
    '81/tcp': [{ HostIp: '127.0.0.1', HostPort: '8081' }],
  }
  await make(
    'ports',
    { ExposedPorts: { '80/tcp': {}, '81/tcp': {} }, HostConfig: { PortBindings: ports } },
    true,
  )
  const script =
    'printf "#!/bin/sh\\nsleep 1000\\n" > /bin/sshd; chmod +x /bin/sshd; exec /bin/sshd'
  await make('ssh', { Cmd: ['sh', '-c', script] }, true)
  await make('latest', { Image: 'busybox' })
  const commit = '/commit?container=good&repo=secretive&changes='
  const changes = encodeURIComponent('ENV DB_PASSWORD=hunter2 API_TOKEN_FILE=/x')
  await onEngine(`${commit}${changes}`, { method: 'POST', socketPath, body: {} })
  writeFileSync(
    join(home, 'roles.yaml'),
    `roles:\n  oncall: { includes: [operator], allow: [exec.*], on: all }\ngrants:\n  - {to: {name: bob}, roles: [oncall]}\n`,
  )
  report = await doctor()
})
after(() => engine.down())

describe('the doctor finds containers', () => {
  const everyone =
    'by-folder by-volume cgroup devices latest mounts namespaces ports privileged restarts socket ssh strong'.split(
      ' ',
    )
  const bad: readonly (readonly [id: string, names: readonly string[]])[] = [
    ['4.1', everyone],
    ['5.4', ['strong']],
    ['5.5', ['privileged']],
    ['5.6', ['by-folder', 'by-volume', 'mounts']],
    ['5.7', ['ssh']],
    ['5.8', ['ports']],
    ['5.9', ['ports']],
    ['5.10', ['namespaces']],
    ['5.11', everyone],
    ['5.12', everyone],
    ['5.13', everyone],
    ['5.14', ['ports']],
    ['5.15', ['restarts']],
    ['5.16', ['namespaces']],
    ['5.17', ['namespaces']],
    ['5.18', ['devices']],
    ['5.19', everyone],
    ['5.20', ['mounts']],
    ['5.21', ['namespaces']],
    ['5.22', ['strong']],
    ['5.25', ['cgroup']],
    ['5.26', everyone],
    ['5.27', everyone],
    ['5.28', ['latest']],
    ['5.29', everyone],
    ['5.31', ['namespaces']],
    ['5.32', ['by-folder', 'by-volume', 'socket']],
  ]
  for (const [id, names] of bad) {
    it(`${id}: ${names === everyone ? 'all but the good one' : names.join(', ')}`, () => {
      assert.deepEqual(foundBy(id).toSorted(), names)
    })
  }
})

describe('the doctor', () => {
  it('fails by what it found, at the severity that is asked for', async () => {
    assert.equal(status, 1)
    await doctor('--fail-on', 'never')
    assert.equal(status, 0)
  })

  it('finds the secret in an image by its name, and does not tell it', () => {
    const [first, ...others] = report.findings.find(({ id }) => id === '4.10')?.seen ?? []
    assert.equal(first?.seen, 'sets DB_PASSWORD in its environment')
    assert.equal(others.length, 0)
    assert.ok(!JSON.stringify(report).includes('hunter2'))
  })

  it('finds the door that the engine has beside dockgate', () => {
    assert.deepEqual(foundBy('gate.other-door'), [engine.tls.host.slice('tcp://'.length)])
    assert.deepEqual(foundBy('2.7'), [])
  })

  it('finds that who may run commands in such a container is root', () => {
    const seen = report.findings.find(({ id }) => id === 'roles.root-by-limits')?.seen ?? []
    const ways = seen.map((item) => item.seen).join('\n')
    assert.match(
      ways,
      /run commands in the container socket, which mounts \/run\/docker.sock; bob has it/,
    )
    assert.match(ways, /by-volume, which mounts \/run, which holds/)
    assert.match(
      ways,
      /strong, which has the capability CAP_SYS_ADMIN|strong, which has the capability SYS_ADMIN/,
    )
    assert.ok(!ways.includes('good'))
  })

  it('reads the options of the engine that its API does not tell', () => {
    assert.deepEqual(report.findings.find(({ id }) => id === '2.10')?.seen.length, 1)
    assert.equal(report.fine.find(({ id }) => id === '2.4')?.seen, 'iptables is on')
  })

  it('answers every number of the benchmark once', () => {
    const all = [...report.findings, ...report.fine, ...report.notSeen].map(({ id }) => id)
    const count = (chapter: number): number =>
      all.filter((id) => id.startsWith(`${chapter}.`)).length
    assert.equal(new Set(all).size, all.length)
    assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(count), [20, 18, 24, 12, 32, 2, 9])
  })

  it('changes nothing', async () => {
    const socketPath = engine.engine.slice('unix://'.length)
    // The engine shuffles what else it tells of them.
    const state = async (): Promise<readonly string[]> => {
      const containers = await onEngine<readonly { Id: string; State: string }[]>(
        '/containers/json?all=1',
        { socketPath },
      )
      const images = await onEngine<readonly { Id: string }[]>('/images/json', { socketPath })
      return [...containers.map(({ Id, State }) => `${Id} ${State}`), ...images.map(({ Id }) => Id)]
    }
    const then = await state()
    await doctor()
    assert.deepEqual((await state()).toSorted(), then.toSorted())
  })
})
