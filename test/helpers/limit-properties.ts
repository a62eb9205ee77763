// Bodies made at random from the shapes and from words that mean something to an engine; what is sent
// of those that are allowed is looked through by a checker that knows nothing of shapes and limits.
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { bodyShapes } from '../../src/docker/bodies/shapes.ts'
import type { Json, JsonObject, Thing } from '../../src/docker/operation.ts'
import type { Field } from '../../src/docker/shape.ts'
import type { Role } from '../../src/policy/role.ts'
import { judge, limitedRole } from './judge.ts'

const words =
  `host Host container:theirs container:mine bridge none default private shareable theirs mine
  theirvol myvol newvol theirnet mynet id-of-hostnet newvol:/n /:/h /etc:/h:ro theirvol:/d myvol:/d:ro /x bind volume tmpfs
  image Bind npipe cluster / /etc ALL SYS_ADMIN \u017fys_admin net_raw no-new-privileges
  no-new-privileges=false no-new-privileges:true seccomp=unconfined label:disable disable 22 8080 80
  8000-8999 22/tcp 00022 0 127.0.0.1 127.0.0.1%x 0.0.0.0 :: always no on-failure any syslog json-file
  local nfs macvlan overlay h:host-gateway h:192.0.2.1 host-gateway plugin process root 1000 1000:1000
  busybox theirs:alias mine:alias 02:42:ac:11:00:02 size=0 size=512k size=1g 50% rw dockgate.owner
  dockgate.team com.docker.network.bridge.name syslog-address max-size bob nofile rshared type a
  __proto__ constructor`.split(/\s+/)
const word = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...words) },
  fc.string({ maxLength: 6 }),
)
const amounts = [
  -1,
  0,
  1,
  22,
  512,
  8080,
  1024,
  65_536,
  100_000,
  1_048_576,
  67_108_864,
  1e9,
  4e9,
  2 ** 40,
]
const amount = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...amounts) },
  fc.integer({ min: -2, max: 2 ** 31 }),
)

/** Of its type as a rule, and null or something else by chance. */
function valueOf({ type }: Field): fc.Arbitrary<unknown> {
  if (typeof type !== 'string') {
    if ('list' in type) return rarely(fc.array(valueOf(type.list), { maxLength: 2 }))
    if ('map' in type) return rarely(fc.dictionary(word, valueOf(type.map), { maxKeys: 2 }))
    const fields = [...type.object].map(([name, field]) => [name, valueOf(field)] as const)
    const some = fc
      .subarray(fields, { maxLength: Math.min(fields.length, 3) })
      .chain((chosen) => fc.record(Object.fromEntries(chosen)))
    return rarely(some)
  }
  switch (type) {
    case 'any':
      return word
    case 'text':
      return rarely(word)
    case 'bool':
      return rarely(fc.boolean())
    case 'int':
    case 'number':
      return rarely(amount)
    case 'texts':
    case 'words':
      return rarely(fc.array(word, { maxLength: 2 }))
  }
}

function rarely(arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const odd = fc.constantFrom<unknown>(null, [], {}, '', 0, false, [null], { a: null }, 'host', [
    {},
  ])
  return fc.oneof({ weight: 20, arbitrary }, { weight: 1, arbitrary: odd })
}

function pathsOf(
  { type }: Field,
  path: readonly string[],
): readonly (readonly [string[], Field])[] {
  if (typeof type === 'string' || !('object' in type)) return []
  return [...type.object].flatMap(([name, field]) => {
    const here = [...path, name]
    return [[here, field] as const, ...pathsOf(field, here)]
  })
}

/** A few fields of the operation, each with a value; now and then a key that is none. */
function bodyOf(shape: Field): fc.Arbitrary<JsonObject> {
  const choices = pathsOf(shape, []).map(([path, field]) =>
    fc.tuple(fc.constant(path), valueOf(field)),
  )
  const junk = fc.tuple(
    fc.constantFrom(
      ['privileged'],
      ['HostConfig', 'binds'],
      ['HO\u017fTCONFIG'],
      ['__proto__'],
      ['x'],
    ),
    fc.constantFrom<unknown>(true, {}, ['/:/h']),
  )
  const one = fc.oneof(
    { weight: 30, arbitrary: fc.oneof(...choices) },
    { weight: 1, arbitrary: junk },
  )
  return fc.array(one, { minLength: 1, maxLength: 6 }).map((parts) => {
    const body: Record<string, unknown> = {}
    for (const [path, value] of parts) put(body, path, value)
    return body as JsonObject
  })
}

function put(body: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = body
  for (const step of path.slice(0, -1)) {
    const next = Object.hasOwn(at, step) ? at[step] : undefined
    const inner = typeof next === 'object' && next !== null && !Array.isArray(next) ? next : {}
    define(at, step, inner)
    at = inner as Record<string, unknown>
  }
  define(at, path.at(-1) ?? '', value)
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

const owned = (kind: Thing['kind'], name: string, owner: string): Thing => ({
  kind,
  id: kind === 'volume' ? name : `id-of-${name}`,
  name,
  labels: { 'dockgate.owner': owner, 'dockgate.team': '' },
})
export const things: readonly Thing[] = [
  owned('container', 'mine', 'alice'),
  owned('container', 'theirs', 'bob'),
  owned('volume', 'myvol', 'alice'),
  owned('volume', 'theirvol', 'bob'),
  owned('network', 'mynet', 'alice'),
  owned('network', 'theirnet', 'bob'),
  owned('secret', 'theirs', 'bob'),
  owned('config', 'theirs', 'bob'),
  owned('service', 'mine', 'alice'),
  { kind: 'network', id: 'id-of-hostnet', name: 'host', labels: {} },
  { kind: 'image', id: 'id-of-busybox', name: 'busybox', labels: {} },
]

export const requests: Readonly<Record<string, string>> = {
  ContainerCreate: 'POST /containers/create',
  ContainerUpdate: 'POST /containers/mine/update',
  ContainerExec: 'POST /containers/mine/exec',
  ImageCommit: 'POST /commit?container=mine',
  NetworkCreate: 'POST /networks/create',
  NetworkConnect: 'POST /networks/mynet/connect',
  VolumeCreate: 'POST /volumes/create',
  ServiceCreate: 'POST /services/create',
  ServiceUpdate: 'POST /services/mine/update?version=1',
  SecretCreate: 'POST /secrets/create',
  ConfigCreate: 'POST /configs/create',
}

export interface Asked {
  readonly operation: string
  readonly body: JsonObject
}
export const asked: fc.Arbitrary<Asked> = fc.oneof(
  ...Object.keys(requests).map((operation, index) => {
    const shape = bodyShapes.get(operation)
    assert.ok(shape)
    const arbitrary = bodyOf(shape).map((body) => ({ operation, body }))
    return { weight: index === 0 ? 8 : operation.startsWith('Service') ? 3 : 1, arbitrary }
  }),
)

/** Every key and value at any depth, keys folded as Go folds them. */
function visit(
  json: Json,
  seen: (key: string, value: Json, path: string) => void,
  path = '',
): void {
  if (typeof json !== 'object' || json === null) return
  for (const [name, value] of Object.entries<Json>(json)) {
    const key = name.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase()
    seen(key, value, `${path}.${key}`)
    visit(value, seen, `${path}.${key}`)
  }
}

const mustBeNothing = new Set(
  `privileged capadd capabilityadd capabilities devices devicerequests devicecgrouprules cgroupparent
  annotations storageopt sysctls macaddress driveropts cgroup oomkilldisable cpurealtimeruntime
  cpurealtimeperiod blkioweightdevice blkiodevicereadbps blkiodevicewritebps blkiodevicereadiops
  blkiodevicewriteiops pluginspec networkattachmentspec templating clustervolumespec configfrom
  ingress configonly scope seccomp apparmor selinuxcontext credentialspec genericresources`.split(
    /\s+/,
  ),
)
const mustBeNull = new Set(['maskedpaths', 'readonlypaths'])
const modes = new Set('networkmode pidmode ipcmode utsmode usernsmode cgroupnsmode'.split(' '))

function isNothing(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return !value
  return Object.values(value).length === 0
}

/** A string as it is, all else as JSON. */
const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))
const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : [value])
const part = (value: Json, name: string): Json =>
  typeof value === 'object' && value !== null ? ((value as JsonObject)[name] ?? null) : null

/** What nobody with safe limits may have got through, wherever it stands and whatever it is called. */
function checkHarmless(body: JsonObject, isOwn: boolean): void {
  visit(body, (key, value, path) => {
    const at = `${path} ${JSON.stringify(value)}`
    // A map that somebody filled may have any key.
    if (/\.(labels|env|tmpfs|volumes|exposedports|segments|auxiliaryaddresses)\./.test(path)) return
    if (mustBeNothing.has(key)) assert.ok(isNothing(value), at)
    if (mustBeNull.has(key)) assert.equal(value, null, at)
    if (modes.has(key))
      assert.doesNotMatch(textOf(value), /^host$|^container:.*theirs|theirnet|id-of-hostnet/, at)
    if (key === 'endpointsconfig')
      assert.doesNotMatch(keys(value), /(^| )host( |$)|id-of-hostnet|theirnet/, at)
    if (key === 'binds') {
      for (const bind of listOf(value)) assert.doesNotMatch(textOf(bind), /^\/.*:|theirvol/, at)
    }
    if (key === 'mounts') {
      for (const mount of listOf(value)) {
        if (mount === null) continue
        assert.match(textOf(part(mount, 'Type')), /^(volume|tmpfs|image)$/, at)
        assert.ok(
          isNothing(part(part(part(mount, 'VolumeOptions'), 'DriverConfig'), 'Options')),
          at,
        )
        assert.notEqual(part(mount, 'Source'), 'theirvol', at)
      }
    }
    if (key === 'securityopt') {
      for (const one of listOf(value))
        assert.match(textOf(one), /^no-new-privileges([:=]true)?$|^null$/, at)
    }
    if (key === 'logconfig' || key === 'logdriver') {
      const driver = part(value, 'Type') ?? part(value, 'Name') ?? ''
      assert.match(textOf(driver), /^(json-file|local|none)?$/, at)
      assert.doesNotMatch(keys(part(value, 'Config') ?? part(value, 'Options')), /address/, at)
    }
    if (key === 'volumedriver' || key === 'driverconfig') {
      assert.match(
        textOf(part(value, 'Name') ?? (typeof value === 'string' ? value : '')),
        /^(local)?$/,
        at,
      )
    }
    if (key === 'runtime') assert.ok(isNothing(value) || value === 'container', at)
    if (key === 'isolation') assert.ok(isNothing(value) || value === 'default', at)
    if (key === 'oomscoreadj') assert.ok(Number(value) >= 0, at)
    if (key === 'extrahosts' || key === 'hosts')
      assert.doesNotMatch(JSON.stringify(value), /host-gateway/, at)
    if (key === 'hostport') assert.ok(isHighPort(textOf(value ?? '')), at)
    if (key === 'publishedport') assert.ok(isNothing(value) || Number(value) >= 1024, at)
    if (key === 'pidslimit')
      assert.ok(value === null || (Number(value) >= 1 && Number(value) <= 4096), at)
    if (/^(volumesfrom|links)$/.test(key) && !path.includes('endpoint')) {
      assert.doesNotMatch(JSON.stringify(value), /theirs/, at)
    }
    if (isOwn && /^(secretid|configid|target)$/.test(key) && typeof value === 'string') {
      assert.doesNotMatch(value, /^(id-of-)?(theirs|theirnet)$/, at)
    }
  })
}

function keys(value: Json): string {
  return typeof value === 'object' && value !== null ? Object.keys(value).join(' ') : ''
}

function isHighPort(text: string): boolean {
  return (
    text === '' ||
    text === '0' ||
    (/^\d{4,5}(-\d+)?$/.test(text) && Number.parseInt(text, 10) >= 1024)
  )
}

const own = { 'dockgate.owner': 'alice', 'dockgate.team': 'dev@Example' }
const labelsAreKept = new Set([
  'ContainerUpdate',
  'ContainerExec',
  'NetworkConnect',
  'ServiceUpdate',
])

function checkOwner({ operation }: Asked, body: JsonObject): void {
  visit(body, (key, value, path) => {
    if (key !== 'labels' || typeof value !== 'object' || value === null) return
    if (/\.(labels|env|endpointsconfig|options|config)\..*labels$/.test(path)) return
    const owner = part(value, 'dockgate.owner')
    assert.ok(owner === 'alice' || owner === null, `${path} ${JSON.stringify(value)}`)
  })
  if (labelsAreKept.has(operation)) return
  const labels = part(body, 'Labels')
  for (const [name, value] of Object.entries(own)) assert.equal(part(labels, name), value)
  if (operation !== 'ServiceCreate') return
  const inner = part(part(part(body, 'TaskTemplate'), 'ContainerSpec'), 'Labels')
  for (const [name, value] of Object.entries(own)) assert.equal(part(inner, name), value)
}

/** `memory: 64MiB, cpus: 1, pids: 10, tmpfs: 1MiB, publish: ["127.0.0.1:8000-8999"], restart: ["no"]` */
function checkAmounts({ operation }: Asked, body: JsonObject): void {
  const isUpdate = operation === 'ContainerUpdate'
  const host = isUpdate ? body : part(body, 'HostConfig')
  const number = (name: string): number => Number(part(host, name) ?? 0)
  const most = 64 * 1024 * 1024
  assert.ok(number('Memory') <= most && number('Memory') >= (isUpdate ? 0 : 1))
  assert.ok(number('MemorySwap') >= 0 && number('MemorySwap') <= 2 * most)
  assert.ok(number('PidsLimit') >= (isUpdate ? 0 : 1) && number('PidsLimit') <= 10)
  const share = number('CpuQuota') / (number('CpuPeriod') || 100_000)
  assert.ok(share >= 0 && share <= 1 && number('NanoCpus') >= 0 && number('NanoCpus') <= 1e9)
  if (!isUpdate) assert.ok(share > 0 || number('NanoCpus') > 0)
  assert.match(textOf(part(part(host, 'RestartPolicy'), 'Name') ?? ''), /^(no)?$/)
  for (const options of Object.values(part(host, 'Tmpfs') ?? {})) {
    const sizes = textOf(options).match(/size=[^,]*/g) ?? []
    assert.ok(sizes.length > 0)
    for (const size of sizes) assert.match(size, /^size=(512k|1048576)$/)
  }
  for (const bindings of Object.values(part(host, 'PortBindings') ?? {})) {
    for (const binding of listOf(bindings as Json)) {
      assert.equal(part(binding, 'HostIp'), '127.0.0.1')
      assert.match(textOf(part(binding, 'HostPort')), /^8\d\d\d(-8\d\d\d)?$/)
    }
  }
  for (const mount of listOf(part(host, 'Mounts'))) {
    if (part(mount, 'Type') !== 'tmpfs') continue
    const size = Number(part(part(mount, 'TmpfsOptions'), 'SizeBytes'))
    assert.ok(size > 0 && size <= 1_048_576)
  }
}

const safe = limitedRole('{}')
const safeOwn = limitedRole('{}', 'own')
const tight = limitedRole(
  '{ memory: 64MiB, cpus: 1, pids: 10, tmpfs: 1MiB, publish: ["127.0.0.1:8000-8999"], restart: ["no"] }',
  'own',
)

/** How many of the bodies were allowed: a property of none would prove nothing. */
export const allowed = { safe: 0, own: 0, tight: 0 }

function sentFor(role: Role, { operation, body }: Asked): JsonObject | undefined {
  return judge(role, requests[operation] ?? '', JSON.stringify(body), { things }).sent
}

interface LimitProperty {
  readonly fact: string
  readonly property: fc.IProperty<[Asked]>
}

/** Each is run by the tests, and without end by the fuzzer. */
export const limitProperties: readonly LimitProperty[] = [
  {
    fact: 'that safe limits let through asks for nothing of the host’s',
    property: fc.property(asked, (one) => {
      const sent = sentFor(safe, one)
      if (sent === undefined) return
      allowed.safe++
      // Within "on: all" other people's networks and volumes are reached on purpose.
      checkHarmless(
        JSON.parse(JSON.stringify(sent).replaceAll(/theirvol|theirnet/g, 'other')),
        false,
      )
      checkOwner(one, sent)
    }),
  },
  {
    fact: 'that safe limits let through touches nothing of another’s and belongs to its maker',
    property: fc.property(asked, (one) => {
      const sent = sentFor(safeOwn, one)
      if (sent === undefined) return
      allowed.own++
      checkHarmless(sent, true)
      checkOwner(one, sent)
    }),
  },
  {
    fact: 'that tight limits let through keeps every amount',
    property: fc.property(asked, (one) => {
      if (!/^Container(Create|Update)$/.test(one.operation)) return
      const sent = sentFor(tight, one)
      if (sent === undefined) return
      allowed.tight++
      checkAmounts(one, sent)
    }),
  },
]
