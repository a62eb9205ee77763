import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firstValue, isTrue, readInt, unknownQuery, withValue } from '../../src/docker/query.ts'
import { readOperation } from '../../src/docker/read.ts'
import { formatTarget } from '../../src/docker/target.ts'
import { isFailure } from '../../src/errors.ts'

const read = (method: string, target: string) => {
  const operation = readOperation(method, target)
  assert.ok(!isFailure(operation), JSON.stringify(operation))
  return operation
}

describe('a switch', () => {
  const truths: readonly [boolean, readonly (string | undefined)[]][] = [
    [
      false,
      [undefined, '', '0', 'no', 'false', 'none', 'NO', 'False', 'nOnE', ' 0 ', '\t', '\u00a0no'],
    ],
    [false, ['\u0085no\u0085', '\u3000false', '\u2029']],
    [
      true,
      ['1', 'true', 'yes', 'off', 'f', 'n', 'null', '00', 'disabled', '-1', 'on', 'undefined'],
    ],
    // String#trim takes this one away, Go does not.
    [true, ['\ufeff', '\ufeff0', 'n\u0000o', 'no\u0000', '0.0', 'no no']],
  ]
  for (const [truth, values] of truths) {
    for (const value of values) {
      it(`is ${truth} for ${JSON.stringify(value)}`, () => assert.equal(isTrue(value), truth))
    }
  }
})

describe('a number', () => {
  const numbers: readonly [string | undefined, bigint][] = [
    [undefined, 0n],
    ['', 0n],
    ['12', 12n],
    ['+12', 12n],
    ['-12', -12n],
    ['007', 7n],
    ['9223372036854775807', 9223372036854775807n],
    ['9223372036854775808', 0n],
    ['-9223372036854775808', -9223372036854775808n],
    ['1e9', 0n],
    ['0x10', 0n],
    ['1_000', 0n],
    ['1.0', 0n],
    [' 1', 0n],
    ['١', 0n],
  ]
  for (const [text, value] of numbers) {
    it(`is ${value} for ${JSON.stringify(text)}`, () => assert.equal(readInt(text), value))
  }
})

describe('the query of an operation', () => {
  const refused: readonly [what: string, method: string, target: string, why: RegExp][] = [
    ['a switch twice', 'DELETE', '/containers/a?force=1&force=0', /"force" stands there twice/],
    ['a switch twice, alike', 'DELETE', '/containers/a?v=1&v=1', /"v" stands there twice/],
    ['an encoded twin', 'DELETE', '/containers/a?force=0&%66orce=1', /"force" stands there twice/],
    ['filters twice', 'GET', '/containers/json?filters={}&filters={}', /"filters" stands there/],
    [
      'empty filters first',
      'GET',
      '/containers/json?filters=&filters={}',
      /"filters" stands there/,
    ],
    ['a text twice', 'POST', '/images/create?fromImage=a&fromImage=b', /"fromImage" stands there/],
    ['a switch that says off', 'DELETE', '/containers/a?force=off', /reads as yes/],
    ['a switch that says n', 'DELETE', '/containers/a?v=n', /reads as yes/],
    ['an image and a source', 'POST', '/images/create?fromImage=a&fromSrc=-', /together/],
    ['neither image nor source', 'POST', '/images/create?fromImage=&fromSrc=', /neither/],
  ]
  for (const [what, method, target, why] of refused) {
    it(`is refused with ${what}`, () => {
      const answer = readOperation(method, target)
      assert.ok(isFailure(answer))
      assert.equal(answer.code, 'bad-query')
      assert.match(answer.message, why)
    })
  }

  const taken: readonly [what: string, method: string, target: string, canonical: string][] = [
    ['a list', 'GET', '/images/get?names=a&names=b', '/images/get?names=a&names=b'],
    ['several tags', 'POST', '/build?t=a&q=1&t=b', '/build?t=a&q=1&t=b'],
    ['no filters', 'GET', '/containers/json?filters=&all=1', '/containers/json?all=1'],
    [
      'filters as lists',
      'GET',
      '/containers/json?filters={"label":["a=b","c"]}',
      '/containers/json?filters=%7B%22label%22:%7B%22a%3Db%22:true,%22c%22:true%7D%7D',
    ],
    [
      'a body that dockerode repeats',
      'POST',
      '/containers/create?Image=busybox&Cmd=echo&Cmd=hi&name=web',
      '/containers/create?Image=busybox&Cmd=echo&Cmd=hi&name=web',
    ],
    ['a name of another case', 'DELETE', '/containers/a?Force=1', '/containers/a?Force=1'],
  ]
  for (const [what, method, target, canonical] of taken) {
    it(`is read with ${what}`, () => {
      assert.equal(formatTarget(read(method, target).target), canonical)
    })
  }

  const unknown: readonly [what: string, method: string, target: string, names: string[]][] = [
    ['nothing', 'GET', '/containers/json?all=1', []],
    ['what the engine does not read', 'GET', '/containers/json?a=1&all=1&b=2&a=3', ['a', 'b']],
    ['another case', 'DELETE', '/containers/a?Force=1', ['Force']],
    ['a method override', 'POST', '/containers/create?_method=GET', ['_method']],
    ['not what known clients add', 'POST', '/containers/a/attach?hijack=true&stream=1', []],
    ['not a repeated body', 'POST', '/containers/create?Image=busybox&HostConfig={}', []],
    ['a capital where there is no body', 'POST', '/containers/a/start?Binds=/', ['Binds']],
    [
      'names of every object',
      'GET',
      '/info?constructor=1&__proto__=2',
      ['constructor', '__proto__'],
    ],
  ]
  for (const [what, method, target, names] of unknown) {
    it(`holds as unknown ${what}`, () => {
      assert.deepEqual(unknownQuery(read(method, target)), names)
    })
  }

  it('is frozen', () => {
    const { target } = read('GET', '/containers/json?all=1&x=2')
    assert.ok(Object.isFrozen(target.query) && target.query.every(Object.isFrozen))
  })

  it('gives the first value, as the engine does, and takes another in place of all', () => {
    const { query } = read('GET', '/info?a=1&b=2&a=3').target
    assert.equal(firstValue(query, 'a'), '1')
    assert.equal(firstValue(query, 'c'), undefined)
    assert.deepEqual(withValue(query, 'a', '4'), [
      ['b', '2'],
      ['a', '4'],
    ])
  })
})
