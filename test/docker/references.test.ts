import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readOperation } from '../../src/docker/read.ts'
import { isFailure } from '../../src/errors.ts'

// Each reference as `kind name wants @place`.
const table: readonly [method: string, target: string, references: readonly string[]][] = [
  ['GET', '/containers/json', []],
  ['POST', '/containers/web/start', ['container web target @id']],
  ['GET', '/containers/mine/v/json', ['container mine/v target @id']],
  ['GET', '/containers/mine%2Fv/json', ['container mine/v target @id']],
  ['POST', '/containers/create', []],
  ['POST', '/containers/create?name=', []],
  ['POST', '/containers/create?name=web', ['container web make @?name[0]']],
  ['POST', '/containers/a/rename?name=b', ['container a target @id', 'container b make @?name[0]']],
  ['DELETE', '/containers/a/checkpoints/b', ['container a target @id']],
  ['POST', '/exec/abc/start', ['exec abc target @id']],
  [
    'POST',
    '/commit?container=web&repo=app&tag=v1&changes=a&changes=b',
    ['container web target @?container[0]', 'image docker.io/library/app:v1 make @?repo[0]'],
  ],
  ['POST', '/commit?container=web', ['container web target @?container[0]']],
  [
    'POST',
    '/images/a/tag?repo=r.io/b:old&tag=new',
    ['image a target @name', 'image r.io/b:new make @?repo[0]'],
  ],
  [
    'POST',
    '/images/a/tag?repo=b',
    ['image a target @name', 'image docker.io/library/b:latest make @?repo[0]'],
  ],
  ['POST', '/images/a/tag?repo=NO', ['image a target @name', 'image NO make @?repo[0]']],
  [
    'POST',
    '/images/create?fromImage=busybox&tag=v1&repo=x',
    ['image docker.io/library/busybox:v1 make @?fromImage[0]'],
  ],
  [
    'POST',
    '/images/create?fromImage=localhost:5000/a:v1',
    ['image localhost:5000/a:v1 make @?fromImage[0]'],
  ],
  // By a digest nothing gets a name.
  ['POST', `/images/create?fromImage=busybox&tag=sha256:${'a'.repeat(64)}`, []],
  ['POST', `/images/create?fromImage=busybox@sha256:${'a'.repeat(64)}`, []],
  [
    'POST',
    '/images/create?fromSrc=-&repo=x&tag=v1',
    ['image docker.io/library/x:v1 make @?repo[0]'],
  ],
  [
    'GET',
    '/images/get?names=a&names=b',
    ['image a target @?names[0]', 'image b target @?names[1]'],
  ],
  ['POST', '/images/localhost:5000/a/push?tag=v1', ['image localhost:5000/a target @name']],
  ['GET', '/distribution/a/b/json', []],
  [
    'POST',
    '/build?t=a&t=&t=b:v1&networkmode=host&remote=x',
    ['image docker.io/library/a:latest make @?t[0]', 'image docker.io/library/b:v1 make @?t[2]'],
  ],
  ['POST', '/build?networkmode=container:web', ['container web use @?networkmode[0]']],
  ['POST', '/build?networkmode=backend', ['network backend use @?networkmode[0]']],
  ['POST', '/build?networkmode=default', []],
  [
    'POST',
    '/build?cachefrom=["a","b"]',
    ['image a use @?cachefrom[0].0', 'image b use @?cachefrom[0].1'],
  ],
  ['POST', '/build?cachefrom=["a",1]', []],
  ['POST', '/build?cachefrom=[', []],
  [
    'GET',
    '/containers/json?filters={"before":["a"],"since":["b"],"name":["c"]}',
    ['container a see @filters.before[0]', 'container b see @filters.since[0]'],
  ],
  ['GET', '/images/json?filters={"since":["a:v1"]}', ['image a:v1 see @filters.since[0]']],
  [
    'GET',
    '/tasks?filters={"node":["n"],"service":["s","t"]}',
    [
      'service s see @filters.service[0]',
      'service t see @filters.service[1]',
      'node n see @filters.node[0]',
    ],
  ],
  ['GET', '/networks?filters={"name":["a"]}', []],
  ['DELETE', '/volumes/data', ['volume data target @name']],
  ['POST', '/networks/a/connect', ['network a target @id']],
  ['POST', '/services/a/update?version=1', ['service a target @id']],
  ['GET', '/nodes/self', ['node self target @id']],
  ['GET', '/plugins/a/b:latest/json', ['plugin a/b:latest target @name']],
  ['GET', '/tasks/a/logs', ['task a target @id']],
  ['GET', '/secrets/a', ['secret a target @id']],
  ['POST', '/configs/a/update', ['config a target @id']],
  ['OPTIONS', '/containers/a/json', []],
]

describe('the things that a request names', () => {
  for (const [method, target, expected] of table) {
    it(`in ${method} ${target}`, () => {
      const operation = readOperation(method, target)
      assert.ok(!isFailure(operation), JSON.stringify(operation))
      const found = operation.references.map(({ kind, name, wants, place, before, after }) => {
        assert.equal(
          before,
          name === 'web' && place.in === 'query' && place.name === 'networkmode'
            ? 'container:'
            : '',
        )
        assert.equal(after, '')
        if (place.in === 'path') return `${kind} ${name} ${wants} @${place.parameter}`
        if (place.in === 'filter') {
          return `${kind} ${name} ${wants} @filters.${place.name}[${place.index}]`
        }
        assert.ok(place.in === 'query')
        const at = place.at === undefined ? '' : `.${place.at}`
        return `${kind} ${name} ${wants} @?${place.name}[${place.index}]${at}`
      })
      assert.deepEqual(found, expected)
    })
  }

  it('may miss only where the engine passes over what is not there', () => {
    const operation = readOperation('POST', '/build?t=x&cachefrom=["a"]')
    assert.ok(!isFailure(operation))
    assert.deepEqual(
      operation.references.map(({ mayMiss }) => mayMiss),
      [undefined, true],
    )
  })
})
