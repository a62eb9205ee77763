import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { catalog, permissionOf, permissions } from '../../src/docker/catalog.ts'
import { isFailure } from '../../src/errors.ts'
import fixture from '../fixtures/operations.json' with { type: 'json' }

const key = (endpoint: { method: string; path: string }) => `${endpoint.method} ${endpoint.path}`
const published = new Map(fixture.operations.map((operation) => [operation.operationId, operation]))

// What moby's handlers read (api/server/router, v20.10 to master) and the description does not name.
const readBesides = new Map<string, readonly string[]>([
  ['ContainerList', ['since', 'before']],
  ['ContainerLogs', ['details', 'format']],
  ['ContainerStart', ['checkpoint', 'checkpoint-dir']],
  ['CheckpointList', ['dir']],
  ['CheckpointDelete', ['dir']],
  ['ImageList', ['filter']],
  [
    'ImageBuild',
    ['cpusetmems', 'cgroupparent', 'securityopt', 'ulimits', 'isolation', 'session', 'buildid'],
  ],
  ['BuildPrune', ['keep-storage']],
  ['BuildCancel', ['id']],
  ['DebugPprof', ['debug', 'gc', 'seconds']],
  ['NetworkListSlash', ['filters']],
])

// Two rows, one permission: whoever has it loses nothing by the other row.
const shared = new Map<string, readonly string[]>([
  ['system.ping', ['SystemPing', 'SystemPingHead']],
  ['container.attach', ['ContainerAttach', 'ContainerAttachWebsocket']],
  ['image.save', ['ImageGetAll', 'ImageGet']],
  ['network.ls', ['NetworkList', 'NetworkListSlash']],
])

describe('the catalog', () => {
  it('has every published operation and invents none', () => {
    assert.deepEqual(
      catalog.map((row) => `${row.id} ${key(row)}`).toSorted(),
      fixture.operations.map((row) => `${row.operationId} ${key(row)}`).toSorted(),
    )
  })

  it('has each method and path once', () => {
    assert.equal(new Set(catalog.map(key)).size, catalog.length)
  })

  for (const row of catalog) {
    it(`knows the query of ${row.id}`, () => {
      const read = Object.keys(row.query).filter((name) => row.query[name] !== 'ignored')
      const expected = [...(published.get(row.id)?.query ?? []), ...(readBesides.get(row.id) ?? [])]
      assert.deepEqual(read.toSorted(), expected.toSorted())
    })
  }

  it('has a body where one is published', () => {
    for (const row of catalog) {
      const operation = published.get(row.id)
      if (operation === undefined || operation.jsonOrTarBody === null) continue
      assert.equal(row.body !== 'none', operation.jsonOrTarBody, row.id)
    }
  })

  it('forms every permission as resource.verb', () => {
    for (const permission of permissions) assert.match(permission, /^[a-z]+\.[a-z]+(?:-[a-z]+)*$/)
  })

  it('shares a permission only where the table says so', () => {
    for (const permission of permissions) {
      const rows = catalog.filter((row) => row.permission === permission).map((row) => row.id)
      if (rows.length > 1) assert.deepEqual(rows, shared.get(permission), permission)
    }
  })

  it('hijacks on five endpoints only', () => {
    assert.deepEqual(
      catalog.filter((row) => row.hijacks).map((row) => row.id),
      ['ContainerAttach', 'ContainerAttachWebsocket', 'ExecStart', 'Session', 'GrpcTunnel'],
    )
  })

  it('takes what hijacks for a change and a stream', () => {
    for (const row of catalog) if (row.hijacks) assert.ok(row.changes && row.streams, row.id)
  })

  it('refers to a thing wherever a path has a parameter that names one', () => {
    const none = catalog.filter((row) => row.path.includes('{') && row.refers === undefined)
    assert.deepEqual(
      none.map((row) => row.id),
      ['Options', 'DebugPprof', 'DistributionInspect'],
    )
  })

  it('reads no parameter that begins with a capital, so that those can be told for body fields', () => {
    for (const row of catalog)
      for (const name of Object.keys(row.query)) assert.match(name, /^[a-z]/)
  })
})

describe('the permission to create an image', () => {
  const row = catalog.find(({ id }) => id === 'ImageCreate')
  assert.ok(row)
  const rows: readonly [string, readonly (readonly [string, string])[], string][] = [
    ['a pull', [['fromImage', 'busybox']], 'image.pull'],
    [
      'a pull with an empty source',
      [
        ['fromImage', 'a'],
        ['fromSrc', ''],
      ],
      'image.pull',
    ],
    ['an import', [['fromSrc', '-']], 'image.import'],
    [
      'an import with an empty image',
      [
        ['fromImage', ''],
        ['fromSrc', 'http://a/'],
      ],
      'image.import',
    ],
  ]
  for (const [title, query, permission] of rows) {
    it(`is ${permission} for ${title}`, () => {
      assert.equal(permissionOf(row, query), permission)
    })
  }

  it('is refused where both or neither is named', () => {
    for (const query of [
      [],
      [
        ['fromImage', 'a'],
        ['fromSrc', 'b'],
      ],
      [['fromImage', '']],
    ] as const) {
      const answer = permissionOf(row, query)
      assert.ok(typeof answer === 'object' && isFailure(answer) && answer.code === 'bad-query')
    }
  })

  it('is among all permissions', () => {
    assert.ok(permissions.has('image.pull') && permissions.has('image.import'))
  })
})
