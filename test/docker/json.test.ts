import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { readJson } from '../../src/docker/json.ts'
import { isFailure } from '../../src/errors.ts'
import { jsonProperties } from '../helpers/json-properties.ts'

const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

const taken = [
  'null',
  '0',
  '"a"',
  ' {"a":[1,2.5,-3,1e3],"b":{"a":null}} \r\n\t',
  '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
  '{"__proto__":{"__proto__":1},"constructor":2}',
  '{"1":1,"01":2,"a":3,"A":4}',
  '{":":":","\\"":"\\"","{":"}"}',
  '"\\ud83d\\udc0b"',
  '"\\\\ud800"',
  '{"a\\u0000":"\\u0000"}',
  '9007199254740991',
  '-9007199254740991',
  '0.1000000000000000055511151231257827',
  deep(64),
]

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** J-… are the differentials of Go's decoder that each closes. */
const refused: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ['nothing', '', /not one JSON value/],
  ['a key twice (J-3)', '{"a":1,"a":2}', /the key "a" stands twice/],
  ['a key twice with the same value', '{"a":1,"a":1}', /"a" stands twice/],
  ['a key twice by an escape', '{"a":1,"\\u0061":2}', /"a" stands twice/],
  ['a key twice within', '{"x":[{"y":{"a":1,"b":2,"a":3}}]}', /"a" stands twice/],
  ['__proto__ twice', '{"__proto__":{"a":1},"__proto__":{}}', /"__proto__" stands twice/],
  ['__proto__ twice by an escape', '{"__proto__":1,"\\u005f_proto__":2}', /stands twice/],
  ['the empty key twice', '{"":1,"":2}', /the key "" stands twice/],
  ['a number as a key twice', '{"1":1,"a":0,"1":2}', /"1" stands twice/],
  ['a key twice that must not be printed', '{"\\n":1,"\\n":2}', /"\\u000a" stands twice/],
  ['null behind true (J-4)', '{"Privileged":true,"Privileged":null}', /"Privileged" stands twice/],
  ['a list behind a list (J-5)', '{"Mounts":[{"a":1}],"Mounts":[{}]}', /"Mounts" stands twice/],
  ['words behind it (J-8)', '{} junk', /not one JSON value/],
  ['a second value', '{}{}', /not one JSON value/],
  ['a brace behind it', '{}}', /not one JSON value/],
  ['a bracket behind it', '{}]', /not one JSON value/],
  ['a comma at the end (J-12)', '{"a":1,}', /not one JSON value/],
  ['a comment', '{/**/}', /not one JSON value/],
  ['a byte order mark', bytes('efbbbf 7b7d'), /not one JSON value/],
  ['UTF-16', bytes('fffe 7b007d00'), /not UTF-8/],
  ['a space that JSON has not', '\u00a0{}', /not one JSON value/],
  ['a line separator', '{}\u2028', /not one JSON value/],
  ['NUL', '{}\u0000', /not one JSON value/],
  ['a line break in a string', '"\n"', /not one JSON value/],
  ['an open string', '{"a', /not one JSON value/],
  ['an open string that ends in an escape', '{"a\\', /not one JSON value/],
  ['half a pair (J-13)', '"\\ud800"', /half of a surrogate pair/],
  ['half a pair as a key', '{"\\uDC00":1}', /half of a surrogate pair/],
  ['two halves in the wrong order', '"\\udc0b\\ud83d"', /half of a surrogate pair/],
  ['half a pair within', '{"a":[{"b":"x\\uD83D"}]}', /half of a surrogate pair/],
  ['half a pair in UTF-8', bytes('22 eda080 22'), /not UTF-8/],
  ['a byte that is no UTF-8', bytes('22 ff 22'), /not UTF-8/],
  ['a long zero', bytes('22 c080 22'), /not UTF-8/],
  ['a character cut off', bytes('22 e282 22'), /not UTF-8/],
  ['2^53 and one (J-10)', '9007199254740993', /too large: 9007199254740993/],
  ['2^53, which its neighbor reads as too', '9007199254740992', /too large/],
  ['2^64', '{"a":18446744073709551616}', /too large: 18446744073709551616/],
  ['a large number with a fraction', '9007199254740993.5', /too large/],
  ['a large number by an exponent', '1e16', /too large: 1e16/],
  ['infinity', '1e400', /too large: 1e400/],
  ['minus infinity', '-1E+400', /too large/],
  ['a number of many digits', `0.${'1'.repeat(100)}`, /too large: 0\.1+$/],
  ['a number of a great many digits', '1'.repeat(300_000), /too large: 1{40}$/],
  ['NaN', 'NaN', /not one JSON value/],
  ['a plus sign', '+1', /not one JSON value/],
  ['a leading zero', '01', /not one JSON value/],
  ['a number that stops', '1.', /not one JSON value/],
  ['hexadecimal', '0x10', /not one JSON value/],
  ['65 lists in each other', deep(65), /deeper than 64/],
  ['200,000 lists in each other', deep(200_000), /deeper than 64/],
  ['an object in 64 lists', `${'['.repeat(64)}{}${']'.repeat(64)}`, /deeper than 64/],
]

describe('JSON', () => {
  for (const text of taken) {
    const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
    it(`is taken as JSON.parse takes it: ${JSON.stringify(shown)}`, () => {
      assert.deepEqual(readJson(Buffer.from(text)), { value: JSON.parse(text) })
    })
  }

  for (const [what, text, why] of refused) {
    it(`is refused for ${what}`, () => {
      const found = readJson(Buffer.from(text))
      assert.ok(isFailure(found))
      assert.match(found.message, why)
      assert.ok(found.message.length < 200)
    })
  }

  it('is refused for a key twice even behind a string of a megabyte', () => {
    const found = readJson(Buffer.from(`{"x":"${'\\"a'.repeat(300_000)}","a":1,"a":2}`))
    assert.ok(isFailure(found))
    assert.match(found.message, /"a" stands twice/)
  })

  it('reads minus zero as the zero that is sent', () => {
    const found = readJson(Buffer.from('{"a":-0}'))
    assert.equal(JSON.stringify(found), '{"value":{"a":0}}')
  })

  it('takes a value that looks like a failure for what it is', () => {
    const found = readJson(Buffer.from('{"code":"denied","status":200,"message":"x"}'))
    assert.ok(!isFailure(found) && !isFailure(found.value as object))
  })

  for (const { fact, property } of jsonProperties) {
    it(fact, () => {
      fc.assert(property, { numRuns: 1000 })
    })
  }
})
