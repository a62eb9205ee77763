import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { catalog } from '../../src/docker/catalog.ts'
import { intentOf } from '../../src/docker/intent.ts'
import type { JsonObject, Operation } from '../../src/docker/operation.ts'
import { readOperation } from '../../src/docker/read.ts'
import { isFailure } from '../../src/errors.ts'

function operation(method: string, target: string): Operation {
  const read = readOperation(method, target)
  assert.ok(!isFailure(read), target)
  return read
}

const secret = 's3cr3t'
const create: JsonObject = {
  Image: 'nginx@sha256:abc',
  Env: [`TOKEN=${secret}`],
  Cmd: ['sh', '-c', secret],
  Entrypoint: [secret],
  Labels: { note: secret },
  User: '1000',
  HostConfig: {
    Binds: ['data:/data', '/srv/shared:/srv:ro', '/anonymous'],
    Mounts: [{ Type: 'volume', Source: 'more', Target: '/more' }],
    NetworkMode: 'backend',
    Privileged: true,
  },
}

const rows: readonly (readonly [string, string, string, JsonObject?])[] = [
  ['POST', '/containers/create?name=web', 'create container web'],
  ['POST', '/containers/create', 'create container from busybox', { Image: 'busybox' }],
  [
    'POST',
    '/containers/create?name=web',
    'create container web from nginx with volume data',
    { Image: 'nginx', HostConfig: { Binds: ['data:/data'] } },
  ],
  [
    'POST',
    '/containers/create?name=web',
    'create container web from nginx@sha256:abc with volume more and volume data and host folder /srv/shared on network backend as user 1000 privileged',
    create,
  ],
  ['POST', '/v1.41/containers/web/restart', 'restart container web'],
  ['DELETE', '/containers/web?force=1&v=1', 'remove container web by force and its volumes'],
  ['DELETE', '/containers/web?force=0', 'remove container web'],
  ['POST', '/containers/web/kill?signal=TERM', 'kill container web with TERM'],
  ['POST', '/containers/web/rename?name=old', 'rename container web to old'],
  ['GET', '/containers/web/logs?follow=1', 'follow the logs of container web'],
  ['GET', '/containers/json', 'list containers'],
  [
    'POST',
    '/containers/web/exec',
    'prepare a command in container web as user root, privileged',
    { Cmd: [secret], Env: [secret], User: 'root', Privileged: true },
  ],
  ['POST', '/images/create?fromImage=nginx&tag=1.27', 'pull image nginx:1.27'],
  ['POST', '/images/create?fromImage=nginx&tag=sha256:ab', 'pull image nginx@sha256:ab'],
  ['POST', '/images/create?fromSrc=-&repo=base&tag=1', 'import an image as base:1'],
  ['POST', `/build?t=app:1&t=app:2&buildargs={"TOKEN":"${secret}"}`, 'build image app:1, app:2'],
  ['POST', '/images/app/tag?repo=r.example.com/app&tag=2', 'tag image app as r.example.com/app:2'],
  ['DELETE', '/containers/web/checkpoints/one', 'remove checkpoint one'],
  [
    'POST',
    '/networks/backend/connect',
    'connect container web to network backend',
    { Container: 'web' },
  ],
  [
    'POST',
    '/volumes/create',
    'create volume data by driver local',
    { Name: 'data', Driver: 'local' },
  ],
  ['POST', '/secrets/create', 'create secret key', { Name: 'key', Data: secret }],
  ['POST', '/auth', 'try a login to a registry', { username: secret, password: secret }],
  ['POST', '/containers/prune', 'prune containers'],
  ['GET', '/_ping', 'ping'],
]

describe('the intent of a request', () => {
  for (const [method, target, words, body] of rows) {
    it(`${method} ${target} is "${words}"`, () => {
      const said = intentOf(operation(method, target.replaceAll('"', '%22')), body)
      assert.equal(said, words)
      assert.doesNotMatch(said, new RegExp(secret))
    })
  }

  it('has words for every operation, and none that name nothing', () => {
    for (const endpoint of catalog) {
      const path = endpoint.path.replace(/\{[^}]+\}/g, 'thing')
      const query = endpoint.id === 'ImageCreate' ? '?fromImage=nginx' : ''
      const said = intentOf(operation(endpoint.method, `${path}${query}`))
      assert.match(said, /^[a-z]+( |$)/, endpoint.id)
      assert.doesNotMatch(said, /undefined|\[object/, endpoint.id)
    }
  })

  it('quotes a name that could be taken for other words', () => {
    const said = intentOf(operation('POST', '/containers/web%20and%20remove%20db/restart'))
    assert.equal(said, 'restart container "web and remove db"')
  })

  it('takes no word from a body that is not of the kind it should be', () => {
    const bodies: JsonObject[] = [
      { Image: 7, HostConfig: [] },
      { HostConfig: { Binds: [7, null, {}], Mounts: 'x', NetworkMode: {} } },
      { HostConfig: null, User: ['x'] },
    ]
    for (const body of bodies) {
      assert.equal(intentOf(operation('POST', '/containers/create'), body), 'create container')
    }
  })
})
