// What of a body a record keeps: enough to be judged again as it was, and nothing that is a secret.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { readBody } from '../../src/docker/body.ts'
import { needsOf, tooLong } from '../../src/docker/needs.ts'
import type { Operation } from '../../src/docker/operation.ts'
import { readOperation } from '../../src/docker/read.ts'
import { isFailure } from '../../src/errors.ts'
import { checkLimits } from '../../src/policy/check-limits.ts'
import type { Role } from '../../src/policy/role.ts'
import { limitedRole, read, safeRole } from '../helpers/judge.ts'
import { asked, requests } from '../helpers/limit-properties.ts'

const s = 'S3CRET'
const secretive: readonly (readonly [line: string, body: object, needs: object])[] = [
  [
    'POST /containers/create',
    {
      Image: 'busybox',
      Env: [`PW=${s}`],
      Cmd: ['sh', '-c', s],
      Entrypoint: [s],
      Healthcheck: { Test: [s] },
      Labels: { Name: s, Type: s },
      HostConfig: {
        LogConfig: { Type: 'splunk', Config: { 'splunk-token': s } },
        Annotations: { a: s },
        StorageOpt: { size: s },
        Sysctls: { 'net.ipv4.ip_forward': s },
        NetworkMode: 'default',
        AutoRemove: true,
        Mounts: [
          {
            Type: 'volume',
            Source: 'data',
            VolumeOptions: { Labels: { a: s }, DriverConfig: { Name: 'nfs', Options: { o: s } } },
          },
        ],
      },
    },
    {
      Image: 'busybox',
      Labels: { Name: '***', Type: '***' },
      HostConfig: {
        LogConfig: { Type: 'splunk', Config: { 'splunk-token': '***' } },
        Annotations: { a: '***' },
        StorageOpt: { size: '***' },
        Sysctls: { 'net.ipv4.ip_forward': '***' },
        NetworkMode: 'default',
        Mounts: [
          {
            Type: 'volume',
            Source: 'data',
            VolumeOptions: {
              Labels: { a: '***' },
              DriverConfig: { Name: 'nfs', Options: { o: '***' } },
            },
          },
        ],
      },
    },
  ],
  [
    'POST /containers/create',
    { NetworkingConfig: { EndpointsConfig: { bridge: { MacAddress: '', Aliases: ['a'] } } } },
    { NetworkingConfig: { EndpointsConfig: { bridge: { Aliases: ['a'] } } } },
  ],
  ['POST /containers/x/exec', { Cmd: [s], Env: [s], Privileged: true }, { Privileged: true }],
  ['POST /secrets/create', { Name: 'n', Data: s, Labels: { a: s } }, { Labels: { a: '***' } }],
  [
    'POST /auth',
    { username: 'u', password: s, identitytoken: s, serveraddress: 'registry.example.com' },
    { serveraddress: 'registry.example.com' },
  ],
  [
    'POST /volumes/create',
    { Name: 'v', Driver: 'local', DriverOpts: { o: `password=${s}` } },
    { Driver: 'local', DriverOpts: { o: '***' } },
  ],
  [
    'POST /services/create',
    { TaskTemplate: { PluginSpec: { Env: [s] }, ContainerSpec: { Image: 'a', Env: [s] } } },
    { TaskTemplate: { PluginSpec: { Env: ['***'] }, ContainerSpec: { Image: 'a' } } },
  ],
]

function readWhole(line: string, body: unknown): Operation {
  const operation = read(line, body)
  if (typeof operation === 'string') assert.fail(operation)
  return operation
}

describe('what a record keeps of a body', () => {
  for (const [line, body, needs] of secretive) {
    it(`of ${line} is what limits have a say in, without a secret`, () => {
      const kept = needsOf(readWhole(line, body))
      assert.deepEqual(kept, needs)
      assert.doesNotMatch(JSON.stringify(kept), new RegExp(s))
    })
  }

  it('is nothing where no body was judged', () => {
    const operation = readOperation('POST', '/containers/create')
    assert.ok(!isFailure(operation))
    assert.equal(needsOf(operation), undefined)
  })

  it('is cut off where it would fill the log', () => {
    const Binds = Array.from({ length: 500 }, (_, index) => `/srv/${index}:/srv/${index}`)
    const body = { HostConfig: { Binds } }
    assert.equal(needsOf(readWhole('POST /containers/create', body)), tooLong)
  })

  it('keeps of a security option its beginning alone: it may be a whole profile', () => {
    const body = { HostConfig: { SecurityOpt: [`seccomp=${'x'.repeat(10_000)}`] } }
    assert.ok(JSON.stringify(needsOf(readWhole('POST /containers/create', body))).length < 400)
  })
})

const wide = limitedRole(
  '{privileged: true, namespaces: [pid], capabilities: [SYS_ADMIN], publish: [8080], memory: 64MiB, cpus: 1, user: nonroot, logDrivers: [syslog], networkDrivers: [macvlan], volumeDrivers: [nfs], images: [busybox], labels: [type], restart: [always], tmpfs: 1MiB, shm: 1MiB, ulimits: {nofile: 10}}',
)

/** Which limits speak against it, and where. */
function objections({ limits, name }: Role, operation: Operation): readonly string[] {
  assert.ok(limits !== 'none')
  const found = checkLimits(limits, name, operation, new Map(), new Map())
  return found.map(({ limit, field }) => `${limit} ${field}`).toSorted()
}

describe('any body, judged by what is kept of it', () => {
  it('is judged as it was', () => {
    let judged = 0
    const property = fc.property(asked, ({ operation: id, body }) => {
      const line = requests[id] ?? ''
      const operation = read(line, body)
      if (typeof operation === 'string') return
      const needs = needsOf(operation)
      if (needs === tooLong) return
      const [method = '', target = ''] = line.split(' ')
      const bare = readOperation(method, target)
      assert.ok(!isFailure(bare))
      const again = readBody(bare, Buffer.from(JSON.stringify(needs)), 'application/json')
      if (isFailure(again)) assert.fail(again.message)
      for (const role of [safeRole, wide]) {
        assert.deepEqual(objections(role, again), objections(role, operation))
        judged += 1
      }
    })
    fc.assert(property, { numRuns: 5_000 })
    assert.ok(judged > 2_000, String(judged))
  })
})
