import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { editJson, parseBytes, type JudgeValue } from '../../src/docker/json-edit.ts'
import { createUnits } from '../../src/docker/json-units.ts'

/** Any JSON in any spelling: white space anywhere, escapes that need not be, numbers as they come. */
interface Spelled {
  readonly text: string
  /** The same with what the judge below hides and leaves out. */
  readonly edited: string
}

const space = fc.constantFrom('', '', ' ', '\n', '\t \r\n')
const scalar: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('null', 'true', 'false', '-0', '1e400', '12345678901234567890', '0.10'),
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.string({ unit: 'grapheme-ascii' }).map((text) => {
    const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
    return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`
  }),
  fc.constantFrom('"\\\\"', '"\\""', '"a\\\\\\"]},{"', '"é\u2028😀"', '"\\/"'),
)

const { tree } = fc.letrec<{ tree: Spelled; node: Spelled }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar.map((text) => ({ text, edited: text })),
    fc.tuple(space, fc.array(fc.tuple(tie('node'), space, space))).map(([inner, items]) => {
      const join = (part: 'text' | 'edited') =>
        items.map(([one, before, after]) => `${before}${one[part]}${after}`).join(',')
      const close = items.length === 0 ? inner : ''
      return { text: `[${close}${join('text')}]`, edited: `[${close}${join('edited')}]` }
    }),
    fc
      .array(
        fc.tuple(
          fc.constantFrom('"key"', '"hide"', '"h\\u0069de"', '"é"', '"a b"', '""', '"__proto__"'),
          tie('node'),
          space,
          space,
        ),
      )
      .map((members) => {
        const join = (part: 'text' | 'edited') =>
          members
            .map(([key, one, before, after]) => {
              const hides = part === 'edited' && (key === '"hide"' || key === '"h\\u0069de"')
              return `${before}${key}${after}:${before}${hides ? '"***"' : one[part]}${after}`
            })
            .join(',')
        return { text: `{${join('text')}}`, edited: `{${join('edited')}}` }
      }),
  ),
  tree: tie('node'),
}))

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')
const hides: JudgeValue = (path) => (path.at(-1) === 'hide' ? { put: '"***"' } : 'inside')

describe('an edit of JSON', () => {
  it('changes what is hidden and not one byte besides', () => {
    fc.assert(
      fc.property(tree, space, space, ({ text, edited }, before, after) => {
        const around = (inner: string) => bytes(`${before}${inner}${after}`)
        assert.equal(editJson(around(text), hides), around(edited))
        assert.equal(
          editJson(around(text), () => 'inside'),
          around(text),
        )
        assert.equal(
          editJson(around(text), () => 'stay'),
          around(text),
        )
      }),
      { numRuns: 1500 },
    )
  })

  it('leaves out what it is told to, and what remains is JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 4 }), space, (value, nth, gap) => {
        const text = bytes(JSON.stringify(value, null, gap === '' ? undefined : 2))
        let seen = 0
        const drops = new Set<string>()
        const edited = editJson(text, (path) => {
          if (path.length === 0 || ++seen % nth !== 0) return 'inside'
          drops.add(JSON.stringify(path))
          return 'leave-out'
        })
        const expected = without(JSON.parse(JSON.stringify(value)), [], drops)
        assert.deepEqual(parseBytes(edited), expected)
      }),
      { numRuns: 1500 },
    )
  })

  for (const text of [
    '',
    '{',
    '[1,',
    '{"a"}',
    '{"a":}',
    '["\\"]',
    '[1]]',
    '{"a":1,}',
    'nul',
    '{a:1}',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => editJson(text, () => 'inside'), /not the JSON that it should be/)
    })
  }

  it('ends on what is too deep, instead of the stack', () => {
    const text = '['.repeat(100_000) + ']'.repeat(100_000)
    assert.throws(() => editJson(text, () => 'inside'), /not the JSON/)
    assert.equal(
      editJson(text, () => 'stay'),
      text,
    )
  })
})

function without(value: unknown, path: readonly (string | number)[], drops: Set<string>): unknown {
  const keeps = (key: string | number) => !drops.has(JSON.stringify([...path, key]))
  if (Array.isArray(value)) {
    return value.flatMap((one, index) =>
      keeps(index) ? [without(one, [...path, index], drops)] : [],
    )
  }
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => keeps(key))
  return Object.fromEntries(kept.map(([key, one]) => [key, without(one, [...path, key], drops)]))
}

/** The units of an answer that comes in these parts, and all that it is made of. */
function cut(answer: Buffer, ends: readonly number[], maxBytes = 1 << 20) {
  const units = createUnits(maxBytes, () => new Error('too large'))
  const at = [...new Set(ends.map((end) => end % (answer.length + 1)))].toSorted((a, b) => a - b)
  const pieces = [0, ...at].flatMap((from, index) =>
    units.feed(answer.subarray(from, at[index] ?? answer.length)),
  )
  pieces.push(...units.end())
  return {
    units: pieces.flatMap((piece) => (piece.kind === 'unit' ? [piece.text] : [])),
    whole: pieces.map((piece) => (piece.kind === 'unit' ? piece.before : '') + piece.text).join(''),
  }
}

const ends = fc.array(fc.nat(), { maxLength: 12 })
const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())

describe('the units of an answer', () => {
  it('are the elements of a list, wherever the answer is cut into parts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.constantFrom(undefined, 1),
        ends,
        (list, gap, at) => {
          const text = `${JSON.stringify(list, null, gap)}\n`
          const { units, whole } = cut(Buffer.from(text), at)
          assert.deepEqual(units.map(parseBytes), JSON.parse(text))
          assert.equal(whole, bytes(text))
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('are the objects of a stream, wherever it is cut into parts', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(object, space)), ends, (list, at) => {
        const text = list.map(([one, gap]) => JSON.stringify(one) + gap).join('')
        const { units, whole } = cut(Buffer.from(text), at)
        assert.deepEqual(
          units.map(parseBytes),
          list.map(([one]) => JSON.parse(JSON.stringify(one))),
        )
        assert.equal(whole, bytes(text))
      }),
      { numRuns: 1500 },
    )
  })

  for (const text of ['[1', '{"a":1', '[1]x', '[}', 'true', '[1][2]', '{}}', 'null1']) {
    it(`are refused in ${text}`, () => {
      for (let at = 0; at <= text.length; at++) {
        assert.throws(() => cut(Buffer.from(text), [at]), /not the JSON/)
      }
    })
  }

  it('are none in null', () => {
    assert.deepEqual(cut(Buffer.from('null\n'), [2]), { units: [], whole: 'null\n' })
  })

  it('may each have so many bytes, however long the answer is', () => {
    const element = JSON.stringify({ a: 'x'.repeat(100) })
    const list = Buffer.from(`[${Array(1000).fill(element).join(',')}]`)
    const everyTen = Array.from({ length: list.length / 10 }, (_, index) => index * 10)
    assert.equal(cut(list, everyTen, 128).units.length, 1000)
    assert.throws(() => cut(list, everyTen, 64), /too large/)
  })
})
