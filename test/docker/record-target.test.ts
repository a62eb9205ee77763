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
  ['POST', '/build?t=a&buildargs={"TOKEN":"x"}', '/build?t=a&buildargs=***'],
  ['POST', '/commit?container=a&changes=ENV+A%3Db', '/commit?container=a&changes=***'],
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
