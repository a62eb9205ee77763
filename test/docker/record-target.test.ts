import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readOperation } from '../../src/docker/read.ts'
import { recordTarget } from '../../src/docker/record-target.ts'
import { isFailure } from '../../src/errors.ts'

const table: readonly [method: string, target: string, recorded: string][] = [
  ['GET', '/v1.41/containers/json?all=1', '/v1.41/containers/json?all=1'],
  ['POST', '/secrets/create?Name=s&Data=cHc%3D', '/secrets/create?Name=***&Data=***'],
  [
    'POST',
    '/containers/create?name=web&Env=PW%3Dx&Env=A%3D',
    '/containers/create?name=web&Env=***&Env=***',
  ],
  [
    'POST',
    '/build?t=a&buildargs={"TOKEN":"x"}&labels={"a":"x"}',
    '/build?t=a&buildargs=%7B%22TOKEN%22:%22***%22%7D&labels=%7B%22a%22:%22***%22%7D',
  ],
  ['POST', '/build?buildargs=x', '/build?buildargs=***'],
  [
    'POST',
    '/build?remote=https://me:pw@example.com/x.git?key=y%23main',
    '/build?remote=https://***@example.com/x.git%3F***',
  ],
  ['POST', '/build?remote=me:pw@example.com:x.git', '/build?remote=***@example.com:x.git'],
  [
    'POST',
    '/images/create?fromSrc=http://pw@example.com/a.tar',
    '/images/create?fromSrc=http://***@example.com/a.tar',
  ],
  ['POST', '/commit?container=a&changes=ENV+A%3Db', '/commit?container=a&changes=ENV%20***'],
  ['POST', '/commit?container=a&changes=pw', '/commit?container=a&changes=***'],
  ['POST', '/images/create?fromImage=a&authconfig=pw', '/images/create?fromImage=a&authconfig=***'],
  ['GET', '/info?constructor=x&empty', '/info?constructor=***&empty='],
]

describe('the target in a record', () => {
  for (const [method, target, recorded] of table) {
    it(`of ${target} is ${recorded}`, () => {
      const operation = readOperation(method, target)
      assert.ok(!isFailure(operation))
      assert.equal(recordTarget(operation), recorded)
    })
  }
})
