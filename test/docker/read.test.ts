import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { catalog } from '../../src/docker/catalog.ts'
import { unknownQuery } from '../../src/docker/query.ts'
import { readOperation } from '../../src/docker/read.ts'
import { isFailure } from '../../src/errors.ts'
import recorded from '../fixtures/client-lines.json' with { type: 'json' }
import { targetProperties } from '../helpers/target-properties.ts'

const refused: readonly [what: string, method: string, target: string, code: string][] = [
  ['another method', 'BREW', '/debug/pprof/cmdline', 'unknown-operation'],
  ['a method in lower case', 'get', '/info', 'unknown-operation'],
  ['no method', '', '/info', 'unknown-operation'],
  ['a method of every object', 'constructor', '/info', 'unknown-operation'],
  ['HEAD where only GET is', 'HEAD', '/containers/json', 'unknown-operation'],
  ['a path of another case', 'GET', '/Info', 'unknown-operation'],
  ['a version of another case', 'GET', '/V1.41/info', 'unknown-operation'],
  ['the root', 'GET', '/', 'unknown-operation'],
  ['a version alone', 'GET', '/v1.41', 'unknown-operation'],
  ['two versions', 'GET', '/v1.41/v1.41/info', 'unknown-operation'],
  ['a part too many', 'GET', '/info/x', 'unknown-operation'],
  ['an id of two segments where one is read', 'GET', '/services/a/b', 'unknown-operation'],
  ['an encoded slash there', 'GET', '/services/a%2Fb', 'unknown-operation'],
  ['an encoded slash that is read as two ids', 'DELETE', '/nodes/a%2Fb', 'unknown-operation'],
  ['an encoded slash that ends the version', 'POST', '/v1.41%2Fcontainers/create', 'bad-target'],
  ['an encoded slash before the verb', 'POST', '/containers/web%2Fstart', 'bad-target'],
  ['an encoded slash in the middle', 'GET', '/containers/web/attach%2Fws', 'bad-target'],
  ['an encoded slash after the resource', 'POST', '/containers%2Fcreate', 'bad-target'],
  ['an encoded slash before a name', 'DELETE', '/containers%2Fweb', 'bad-target'],
  [
    'encoded slashes around a checkpoint',
    'DELETE',
    '/containers/a%2Fcheckpoints%2Fb',
    'bad-target',
  ],
  ['an encoded slash at the end', 'GET', '/networks%2F', 'bad-target'],
]

const taken: readonly [method: string, target: string, id: string, params: object][] = [
  ['GET', '/_ping', 'SystemPing', {}],
  ['HEAD', '/v1.41/_ping', 'SystemPingHead', {}],
  ['POST', '/containers/create/start', 'ContainerStart', { id: 'create' }],
  ['GET', '/containers/json/json', 'ContainerInspect', { id: 'json' }],
  ['GET', '/containers/a/attach/ws', 'ContainerAttachWebsocket', { id: 'a' }],
  ['GET', '/containers/a/b/attach/ws', 'ContainerAttachWebsocket', { id: 'a/b' }],
  ['POST', '/containers/a/attach', 'ContainerAttach', { id: 'a' }],
  ['DELETE', '/containers/a/b', 'ContainerDelete', { id: 'a/b' }],
  ['DELETE', '/containers/a/checkpoints/b', 'CheckpointDelete', { id: 'a', checkpoint: 'b' }],
  ['DELETE', '/containers/a/checkpoints', 'ContainerDelete', { id: 'a/checkpoints' }],
  ['DELETE', '/containers/a/b/checkpoints/c', 'ContainerDelete', { id: 'a/b/checkpoints/c' }],
  ['GET', '/images/json', 'ImageList', {}],
  ['GET', '/images/r.io:5000%2Fa%2Fb:v1/json', 'ImageInspect', { name: 'r.io:5000/a/b:v1' }],
  ['GET', '/images/a%40sha256%3Aab/history', 'ImageHistory', { name: 'a@sha256:ab' }],
  ['GET', '/images/get', 'ImageGetAll', {}],
  ['GET', '/images/a/get', 'ImageGet', { name: 'a' }],
  ['DELETE', '/images/a/b/c', 'ImageDelete', { name: 'a/b/c' }],
  ['GET', '/networks', 'NetworkList', {}],
  ['GET', '/networks/', 'NetworkListSlash', {}],
  ['GET', '/networks/create', 'NetworkInspect', { id: 'create' }],
  ['PUT', '/volumes/a', 'VolumeUpdate', { name: 'a' }],
  ['POST', '/plugins/r.io/a:b/enable', 'PluginEnable', { name: 'r.io/a:b' }],
  ['GET', '/plugins/privileges?remote=a', 'GetPluginPrivileges', {}],
  ['GET', '/services/create', 'ServiceInspect', { id: 'create' }],
  ['GET', '/distribution/a/b/json', 'DistributionInspect', { name: 'a/b' }],
  ['GET', '/debug/pprof/heap?debug=1', 'DebugPprof', { name: 'heap' }],
  ['OPTIONS', '/any/thing', 'Options', { any: 'any/thing' }],
]

describe('a request line', () => {
  for (const [what, method, target, code] of refused) {
    it(`is refused with ${what}`, () => {
      const answer = readOperation(method, target)
      assert.ok(isFailure(answer), JSON.stringify(answer))
      assert.equal(answer.code, code)
      assert.match(answer.message, /^[\x20-\x7e…]{1,200}$/)
    })
  }

  for (const [method, target, id, params] of taken) {
    it(`is ${id} for ${method} ${target}`, () => {
      const operation = readOperation(method, target)
      assert.ok(!isFailure(operation), JSON.stringify(operation))
      assert.equal(operation.endpoint.id, id)
      assert.deepEqual(operation.params, params)
      assert.ok(Object.isFrozen(operation) && Object.isFrozen(operation.target))
    })
  }

  it('finds every row by its own template, with and without version', () => {
    for (const row of catalog) {
      const path = row.path.replaceAll(/\{[a-z]+\}/g, 'x')
      for (const prefix of ['', '/v1.24', '/v1.56']) {
        const query = row.id === 'ImageCreate' ? '?fromImage=x' : ''
        const operation = readOperation(row.method, `${prefix}${path}${query}`)
        assert.ok(!isFailure(operation) && operation.endpoint === row, row.id)
      }
    }
  })
})

describe('any request line', () => {
  it('is read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (target, verb) => {
        for (const text of [target, `/${target}`]) {
          const answer = readOperation(verb, text)
          if (isFailure(answer)) assert.match(answer.message, /^[\x20-\x7e…]+$/)
        }
      }),
      { numRuns: 1000 },
    )
  })

  for (const { fact, property } of targetProperties) {
    it(fact, () => fc.assert(property, { numRuns: 1000 }))
  }
})

describe('what known clients send for ordinary work', () => {
  for (const line of recorded.lines) {
    it(`is taken, known and kept: ${line.slice(0, 100)}`, () => {
      const [method = '', target = ''] = line.split(' ')
      const operation = readOperation(method, target)
      assert.ok(!isFailure(operation), JSON.stringify(operation))
      assert.deepEqual(unknownQuery(operation), [])
    })
  }
})
