import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type {
  JsonObject,
  Operation,
  Place,
  Reference,
  Thing,
  ThingKind,
} from '../../src/docker/operation.ts'
import { readOperation } from '../../src/docker/read.ts'
import { withThings } from '../../src/docker/rewrite.ts'
import { formatTarget } from '../../src/docker/target.ts'
import { GatewayError, isFailure } from '../../src/errors.ts'

const id = 'f'.repeat(64)

function thing(kind: ThingKind, name: string): Thing {
  const full = kind === 'image' ? `sha256:${id}` : kind === 'volume' ? name : id
  return { kind, id: full, name, labels: {} }
}

function read(method: string, target: string): Operation {
  const operation = readOperation(method, target)
  assert.ok(!isFailure(operation), JSON.stringify(operation))
  return operation
}

function rewritten(operation: Operation): Operation {
  return withThings(
    operation,
    new Map(
      operation.references.map((reference) => [reference, thing(reference.kind, reference.name)]),
    ),
  )
}

const at = (place: Place, kind: ThingKind, more: Partial<Reference> = {}): Reference => ({
  kind,
  name: 'x',
  place,
  before: '',
  after: '',
  wants: 'use',
  ...more,
})
const withBody = (body: JsonObject, references: readonly Reference[]) =>
  rewritten({ ...read('POST', '/networks/create'), body, references })

const targets: readonly [what: string, method: string, target: string, sent: string][] = [
  ['a name', 'POST', '/v1.41/containers/web/start', `/v1.41/containers/${id}/start`],
  ['a link alias', 'DELETE', '/containers/mine/v?force=1', `/containers/${id}?force=1`],
  ['a checkpoint', 'DELETE', '/containers/a/checkpoints/b', `/containers/${id}/checkpoints/b`],
  ['a volume', 'DELETE', '/volumes/data', '/volumes/data'],
  ['a network', 'POST', '/networks/n/connect', `/networks/${id}/connect`],
  ['a commit', 'POST', '/commit?repo=a&container=web', `/commit?repo=a&container=${id}`],
  [
    'a filter by what was before it',
    'GET',
    '/containers/json?filters={"name":["x"],"since":["web"]}',
    `/containers/json?filters=%7B%22name%22:%7B%22x%22:true%7D,%22since%22:%7B%22${id}%22:true%7D%7D`,
  ],
  ['a new name', 'POST', '/containers/a/rename?name=b', `/containers/${id}/rename?name=b`],
  ['a new tag', 'POST', '/images/a/tag?repo=b&tag=c', `/images/sha256:${id}/tag?repo=b&tag=c`],
  ['an image read', 'GET', '/images/a:v1/json', `/images/sha256:${id}/json`],
  ['an image deleted by name', 'DELETE', '/images/a:v1', '/images/a:v1'],
  ['an image deleted by id', 'DELETE', '/images/abc', `/images/sha256:${id}`],
  ['an image pushed', 'POST', '/images/r.io/a/push?tag=b', '/images/r.io/a/push?tag=b'],
  [
    'images saved',
    'GET',
    '/images/get?names=a:v1&names=abc',
    `/images/get?names=a:v1&names=sha256:${id}`,
  ],
  [
    'a joined container',
    'POST',
    '/build?networkmode=container:web&t=a',
    `/build?networkmode=container:${id}&t=a`,
  ],
  [
    'cache sources',
    'POST',
    '/build?cachefrom=["a","b"]',
    `/build?cachefrom=%5B%22sha256:${id}%22,%22sha256:${id}%22%5D`,
  ],
  [
    'what the engine ignores',
    'POST',
    '/containers/w/attach?hijack=1&stream=1',
    `/containers/${id}/attach?stream=1`,
  ],
  [
    'a repeated body',
    'POST',
    '/containers/create?Image=a&Cmd=b&Cmd=c&name=d',
    '/containers/create?name=d',
  ],
]

describe('a resolved request', () => {
  for (const [what, method, target, sent] of targets) {
    it(`is sent with ${what}`, () => {
      const operation = rewritten(read(method, target))
      assert.equal(formatTarget(operation.target), sent)
      const again = read(method, sent)
      assert.deepEqual(again.params, operation.params)
      assert.deepEqual(again.target, operation.target)
    })
  }

  it('keeps what could not be resolved', () => {
    const operation = read('POST', '/containers/web/start')
    assert.deepEqual(withThings(operation, new Map()).target, operation.target)
  })

  it('has ids in its body, whatever stands around them', () => {
    const { body } = withBody({ A: [{ B: 'container:x:rw' }, 'y'], C: 'z' }, [
      at({ in: 'body', at: ['A', 0, 'B'] }, 'container', { before: 'container:', after: ':rw' }),
      at({ in: 'body', at: ['C'] }, 'network'),
    ])
    assert.equal(
      JSON.stringify(body),
      JSON.stringify({ A: [{ B: `container:${id}:rw` }, 'y'], C: id }),
    )
  })

  it('has ids for keys in its body, and below them', () => {
    const body: JsonObject = { E: { x: { Links: ['x'] }, y: null } }
    const sent = withBody(body, [
      at({ in: 'body-key', at: ['E', 'x'] }, 'network'),
      at({ in: 'body', at: ['E', 'x', 'Links', 0] }, 'container', { after: ':alias' }),
    ])
    assert.equal(
      JSON.stringify(sent.body),
      JSON.stringify({ E: { [id]: { Links: [`${id}:alias`] }, y: null } }),
    )
    assert.equal(JSON.stringify(body), '{"E":{"x":{"Links":["x"]},"y":null}}')
  })

  it('is refused where two keys turn out to be one thing', () => {
    const body: JsonObject = { E: { x: null, y: null } }
    const both = ['x', 'y'].map((key) => at({ in: 'body-key', at: ['E', key] }, 'network'))
    assert.throws(
      () => withBody(body, both),
      (error) => error instanceof GatewayError && error.failure.code === 'bad-body',
    )
  })

  it('keeps an unnamed part of its body as it is', () => {
    const body: JsonObject = JSON.parse('{"__proto__":{"a":1},"b":[2]}')
    const sent = withBody(body, [at({ in: 'body', at: ['b', 0] }, 'network')])
    assert.equal(JSON.stringify(sent.body), `{"__proto__":{"a":1},"b":["${id}"]}`)
  })
})
