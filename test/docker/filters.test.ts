import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { readFilters, writeFilters } from '../../src/docker/filters.ts'
import { isFailure } from '../../src/errors.ts'

const refused: readonly [what: string, text: string, why: RegExp][] = [
  ['null', 'null', /no JSON object/],
  ['a string', '""', /no JSON object/],
  ['a list', '[]', /no JSON object/],
  ['a number', '1', /no JSON object/],
  ['a space alone', ' ', /no JSON object/],
  ['a value that is no list', '{"label":"a"}', /no JSON object/],
  ['a null value', '{"label":null}', /no JSON object/],
  ['a null in a list', '{"label":[null]}', /should be there is none/],
  ['a number in a list', '{"label":[1]}', /should be there is none/],
  ['a false value', '{"label":{"a=b":false}}', /"a=b" is not set to true/],
  ['a null mark', '{"label":{"a=b":null}}', /"a=b" is not set to true/],
  ['another word', '{"label":{"a=b":TRUE}}', /"a=b" is not set to true/],
  ['a word that goes on', '{"label":{"a=b":truely}}', /neither comma nor brace/],
  ['a name twice', '{"label":["a"],"label":["b"]}', /"label" stands there twice/],
  ['an encoded twin', '{"label":["a"],"l\\u0061bel":["b"]}', /"label" stands there twice/],
  ['a value twice', '{"label":{"a":true,"a":true}}', /"a" stands there twice/],
  ['both shapes', '{"label":["a"],"name":{"b":true}}', /mixes/],
  ['an empty list and an object', '{"label":[],"name":{"b":true}}', /mixes/],
  ['something after it', '{} {}', /something follows/],
  ['a trailing comma', '{"label":["a",]}', /should be there is none/],
  ['no end', '{"label":["a"]', /neither comma nor brace/],
  ['a list without end', '{"label":["a"', /does not end/],
  ['half a character', '{"label":["\\ud800"]}', /half a character/],
  ['a raw control character', '{"label":["a\nb"]}', /should be there is none/],
  ['a comment', '{/**/}', /should be there is none/],
  ['a byte order mark', '\ufeff{}', /no JSON object/],
  ['a no-break space', '\u00a0{}', /no JSON object/],
]

const taken: readonly [what: string, text: string, written: string][] = [
  ['nothing', '', '{}'],
  ['an empty object', '{}', '{}'],
  ['a list', '{"label":["a=b","c"]}', '{"label":{"a=b":true,"c":true}}'],
  ['a set', '{"label":{"a=b":true}}', '{"label":{"a=b":true}}'],
  ['a value twice in a list', '{"label":["a","a"]}', '{"label":{"a":true}}'],
  ['a name without values', '{"dangling":[]}', '{"dangling":{}}'],
  ['spaces', ' { "a" : [ "b" , "c" ] } ', '{"a":{"b":true,"c":true}}'],
  ['escapes', '{"a":["\\u0062\\n\\"\\/"]}', '{"a":{"b\\n\\"/":true}}'],
  ['names of every object', '{"__proto__":["a"]}', '{"__proto__":{"a":true}}'],
]

describe('filters', () => {
  for (const [what, text, why] of refused) {
    it(`are refused with ${what}`, () => {
      const answer = readFilters(text)
      assert.ok(isFailure(answer), text)
      assert.match(answer.message, why)
    })
  }

  for (const [what, text, written] of taken) {
    it(`are read with ${what}`, () => {
      const filters = readFilters(text)
      assert.ok(!isFailure(filters), JSON.stringify(filters))
      assert.equal(writeFilters(filters), written)
    })
  }

  it('mean to the engine what the client wrote, whatever it wrote', () => {
    const text = fc.oneof(
      fc.dictionary(fc.string(), fc.array(fc.string())),
      fc.dictionary(fc.string(), fc.dictionary(fc.string(), fc.constant(true))),
      fc.dictionary(fc.string(), fc.oneof(fc.boolean(), fc.array(fc.jsonValue()), fc.jsonValue())),
    )
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 2 }), (value, indent) => {
        const sent = JSON.stringify(value, null, indent)
        const filters = readFilters(sent)
        if (isFailure(filters)) return
        assert.deepEqual(asEngine(writeFilters(filters)), asEngine(sent))
      }),
      { numRuns: 500 },
    )
  })

  it('are read for any text without throwing', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', '"a"', '"', ':', ',', 'true', '\\', ' ', 'é')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = pieces.join('')
        const filters = readFilters(text)
        if (!isFailure(filters) && text !== '') JSON.parse(text)
      }),
      { numRuns: 1000 },
    )
  })
})

/** moby's filters.FromJSON for JSON without repeated names: a map of maps, else a map of lists. */
function asEngine(text: string): unknown {
  const value: Record<string, object> = JSON.parse(text)
  const fields = Object.entries(value).map(([name, values]) => {
    const list: unknown[] = Array.isArray(values) ? values : Object.keys(values)
    return [name, new Set(list)] as const
  })
  return new Map(fields)
}
