// JSON texts made at random near those that are taken, and what holds for every one of them.
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { readJson } from '../../src/docker/json.ts'
import type { Json } from '../../src/docker/operation.ts'
import { isFailure } from '../../src/errors.ts'

const oddKeys = [
  'a',
  'b',
  '',
  '__proto__',
  'constructor',
  'A',
  '1',
  '\u017f',
  'é',
  '\u{1f40b}',
  ':',
  '"',
]
const key = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...oddKeys) }, fc.string())
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => isHeld(value)),
  key,
)

/** A value as a tree of its own, because an object of JavaScript cannot hold a key twice. */
type Tree = { readonly text: string } | { readonly list: readonly Tree[] } | Members
interface Members {
  readonly members: readonly (readonly [key: string, value: Tree])[]
}

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf.map((value) => ({ text: JSON.stringify(value) })),
    fc.array(tie('tree'), { maxLength: 4 }).map((list) => ({ list })),
    fc.array(fc.tuple(key, tie('tree')), { maxLength: 4 }).map((members) => ({ members })),
  ),
}))

function isHeld(value: number): boolean {
  return !Number.isInteger(value) || Number.isSafeInteger(value)
}

/** Written with escapes and spaces by chance, as no serializer would. */
function write(value: Tree, chance: () => number): string {
  const space = (): string => ['', '', '', ' ', '\n', '\t', '\r'][chance() % 7] ?? ''
  const name = (text: string): string => {
    const whole = JSON.stringify(text)
    if (chance() % 3 > 0) return whole
    const escaped = Array.from({ length: text.length }, (_, index) => hex(text.charCodeAt(index)))
    return `"${escaped.map((code) => `\\u${code}`).join('')}"`
  }
  if ('text' in value) return `${space()}${value.text}${space()}`
  if ('list' in value) return `[${space()}${value.list.map((one) => write(one, chance)).join(',')}]`
  const members = value.members.map(
    ([member, one]) => `${space()}${name(member)}${space()}:${write(one, chance)}`,
  )
  return `{${space()}${members.join(',')}}${space()}`
}

function hex(code: number): string {
  return code.toString(16).padStart(4, '0')
}

function hasTwins(value: Tree): boolean {
  if ('text' in value) return false
  if ('list' in value) return value.list.some(hasTwins)
  const names = value.members.map(([name]) => name)
  return new Set(names).size < names.length || value.members.some(([, one]) => hasTwins(one))
}

/** What a second reader makes of it: JSON.parse, which takes the last of two. */
function valueOf(text: string): unknown {
  try {
    return { value: JSON.parse(text) as Json }
  } catch {
    return undefined
  }
}

function read(bytes: Uint8Array): { readonly value: Json } | undefined {
  const found = readJson(bytes)
  if (!isFailure(found)) return found
  assert.match(found.message, /^the request body cannot be read: [\x20-\x7e…]+$/)
  return undefined
}

const whole = fc
  .tuple(tree, fc.infiniteStream(fc.nat(1000)))
  .map(([value, numbers]) => ({ value, text: write(value, () => numbers.next().value ?? 0) }))

const piece = fc.constantFrom(
  ...'{ } [ ] , : " \\ \\u d800 \\ud83d\\udc0b \\udc0b null true 1 -0 1e400 1E5 0.1 01 +1 NaN'.split(
    ' ',
  ),
  ...'9007199254740993 // /**/ \u0000 \u00a0 \ufeff \u2028 "a":1, {"a":{"a":[]}}'.split(' '),
)
const mutated = fc
  .tuple(whole, fc.array(fc.tuple(fc.nat(200), fc.nat(3), piece), { minLength: 1, maxLength: 3 }))
  .map(([{ text }, edits]) => {
    let changed = text
    for (const [at, drop, what] of edits) {
      const place = at % (changed.length + 1)
      changed = `${changed.slice(0, place)}${what}${changed.slice(place + drop)}`
    }
    // As bytes: an edit may have cut a pair of surrogates in two.
    return Buffer.from(changed).toString()
  })

interface JsonProperty {
  readonly fact: string
  readonly property: fc.IProperty<[unknown]>
}

function holds<T>(arbitrary: fc.Arbitrary<T>, run: (value: T) => void): JsonProperty['property'] {
  return fc.property(arbitrary, run as (value: unknown) => void)
}

/** Each is run by the tests, and without end by the fuzzer. */
export const jsonProperties: readonly JsonProperty[] = [
  {
    fact: 'is taken just when no object in it has a key twice, however it is written',
    property: holds(whole, ({ value, text }) => {
      const found = read(Buffer.from(text))
      if (hasTwins(value)) assert.equal(found, undefined, text)
      else assert.deepEqual(found, valueOf(text), text)
    }),
  },
  {
    fact: 'means to readJson what it means to JSON.parse, where it is taken at all',
    property: holds(mutated, (text) => {
      const found = read(Buffer.from(text))
      if (found !== undefined) assert.deepEqual(found, valueOf(text), text)
    }),
  },
  {
    fact: 'is written again as what is read the same, and by then has one writing',
    property: holds(mutated, (text) => {
      const found = read(Buffer.from(text))
      if (found === undefined) return
      const again = JSON.stringify(found.value)
      assert.equal(JSON.stringify(read(Buffer.from(again))?.value), again)
    }),
  },
  {
    fact: 'is refused where a byte of it is no UTF-8',
    property: holds(
      fc.tuple(whole, fc.nat(), fc.constantFrom('ff', 'c080', 'eda080', 'f4908080', 'e282', '80')),
      ([{ text }, where, bad]) => {
        const bytes = Buffer.from(text)
        const at = where % (bytes.length + 1)
        const broken = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(bad, 'hex'),
          bytes.subarray(at),
        ])
        if (!isUtf8(broken)) assert.equal(read(broken), undefined)
      },
    ),
  },
  {
    fact: 'is one value or none, whatever the bytes are',
    property: holds(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const found = read(bytes)
      if (found !== undefined) assert.deepEqual(found, valueOf(Buffer.from(bytes).toString()))
    }),
  },
]

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8')).equals(bytes)
}
