// How long it takes to judge a body, from its bytes to those that are sent: read, hold against the
// limits, fill in, write. In this process and alone, since over a socket the rest would hide it.
import { readFileSync } from 'node:fs'

const dist = new URL('../../.build/src/', import.meta.url)
const { readBody, writeBody } = await import(new URL('docker/body.js', dist))
const { readOperation } = await import(new URL('docker/read.js', dist))
const { formatTarget } = await import(new URL('docker/target.js', dist))
const { parseRoles } = await import(new URL('config/roles-file.js', dist))
const { authorize } = await import(new URL('policy/authorize.js', dist))
const { compilePolicy } = await import(new URL('policy/policy.js', dist))

const file = `roles:
  r:
    includes: [developer, deployer]
    limits:
      images: ["docker.io/library/*", "registry.example.com/**"]
      memory: 8GiB
      cpus: 8
      ulimits: { nofile: 65536 }
      publish: ["127.0.0.1:1024-65535"]
`
const role = compilePolicy(parseRoles(file, 'roles.yaml').file, '').roles.get('r')
const alice = { name: 'alice', org: [], unit: [], dns: [], email: [], uri: [], ip: [], serial: '1' }

const attacks = new URL('../../test/fixtures/attacks.json', import.meta.url)
const run = JSON.parse(readFileSync(attacks, 'utf8'))
  .find(({ id }) => id === 'ok-cli28-create-full')
  .rawBody.replaceAll('{{image}}', 'nginx:1.27')
  .replaceAll('{{tag}}', 'app')

const times = (count, make) => Array.from({ length: count }, (_, index) => make(index))
const sized = (count, make) => Object.fromEntries(times(count, make))

/** A service of a compose project, or a share of it: 60 variables, 40 labels, 20 volumes, 30 ports, 4 networks. */
function service(share) {
  const some = (count) => Math.ceil(count * share)
  const body = JSON.parse(run)
  const host = body.HostConfig
  body.Env = times(
    some(60),
    (n) => `APPLICATION_SETTING_${n}=a value of ordinary length, number ${n}`,
  )
  body.Labels = sized(some(40), (n) => [
    `com.example.service.setting-${n}`,
    `a value of a label ${n}`,
  ])
  body.ExposedPorts = sized(some(30), (n) => [`${9000 + n}/tcp`, {}])
  body.Healthcheck = { Test: ['CMD', 'curl', '-f', 'http://localhost/'], Interval: 5e9, Retries: 3 }
  host.Binds = null
  host.Mounts = times(some(20), (n) => ({
    Type: 'volume',
    Source: `project_data-${n}`,
    Target: `/srv/data/${n}`,
    VolumeOptions: { Labels: { 'com.docker.compose.volume': `data-${n}` } },
  }))
  host.PortBindings = sized(some(30), (n) => [
    `${9000 + n}/tcp`,
    [{ HostIp: '127.0.0.1', HostPort: `${19_000 + n}` }],
  ])
  host.ExtraHosts = times(some(10), (n) => `host-${n}.example.com:192.0.2.${n}`)
  host.Ulimits = [{ Name: 'nofile', Soft: 1024, Hard: 65_536 }]
  host.NetworkMode = 'project_net-0'
  body.NetworkingConfig.EndpointsConfig = sized(some(4), (n) => [
    `project_net-${n}`,
    { Aliases: ['web', `web-${n}`], IPAMConfig: null, Links: null },
  ])
  return JSON.stringify(body)
}

const kinds = { image: 'sha256:', container: '', network: '', volume: '' }

/** What the engine would say: it is theirs. */
function thingOf({ kind, name }) {
  const id = kind === 'volume' ? name : `${kinds[kind]}${'0123456789abcdef'.repeat(4)}`
  const labels = { 'dockgate.owner': 'alice', 'dockgate.team': '' }
  return { kind, id: kind === 'network' ? id.slice(name.at(-1)) : id, name, labels, names: [name] }
}

function judge(bytes, known) {
  const read = readOperation('POST', '/v1.41/containers/create?name=web')
  const whole = readBody(read, bytes, 'application/json')
  const things = new Map(whole.references.map((one) => [one, known.get(`${one.kind} ${one.name}`)]))
  const decision = authorize([role], alice, whole, things)
  if (!decision.allow) throw new Error(decision.message)
  const { operation } = decision
  return formatTarget(operation.target).length + writeBody(operation.body).length
}

export function judging(rounds) {
  const row = { name: 'judging a body', unit: 'µs CPU a body', peers: {} }
  for (const [name, text] of [
    ['docker run', run],
    ['a large compose service', service(1 / 3)],
    ['one as large as they come', service(1)],
  ]) {
    const bytes = Buffer.from(text)
    const read = readBody(readOperation('POST', '/containers/create'), bytes, 'application/json')
    const known = new Map(
      read.references.map((one) => [
        `${one.kind} ${one.name}`,
        one.wants === 'make' && one.kind === 'container' ? undefined : thingOf(one),
      ]),
    )
    const count = 3000
    for (let warm = 0; warm < count; warm++) judge(bytes, known)
    const values = times(rounds, () => {
      const { user } = process.cpuUsage()
      for (let index = 0; index < count; index++) judge(bytes, known)
      return (process.cpuUsage().user - user) / count
    }).toSorted((one, two) => one - two)
    const tenth = (value) => Math.round(value * 10) / 10
    row.peers[`${name}, ${bytes.length} B`] = {
      value: tenth(values[Math.floor(rounds / 2)]),
      from: tenth(values[0]),
      to: tenth(values.at(-1)),
      perSecond: Math.round(1e6 / values[0]),
    }
  }
  return row
}
