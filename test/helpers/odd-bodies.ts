// JSON bodies as an attacker would write them: dangerous and harmless values under keys that are
// spelled, doubled, split and misplaced in every way in which Go reads more than it seems.
import * as fc from 'fast-check'

/** Dotted path → JSON texts that may stand there. `NAME` words are replaced by the test. */
export type Vocabulary = Readonly<Record<string, readonly string[]>>

interface Setting {
  readonly path: string
  readonly value: string
  readonly spelling: number
  /** The objects that it stands in are opened once more, beside those that there are. */
  readonly apart: boolean
  readonly beside: number
  /** Without its first step: 20.10 reads fields of HostConfig at the top, too. */
  readonly top: boolean
}

type Pair = [key: string, value: string | Pair[]]

const spellings: readonly ((key: string) => string)[] = [
  (key) => key.toLowerCase(),
  (key) => key.toUpperCase(),
  (key) => key.replace(/s/i, '\u017f'),
  (key) => key.replace(/k/i, '\u212a'),
  (key) => key.replace(/s/i, '\\u017f').replace(/k/i, '\\u212A'),
  (key) => `\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}`,
  (key) => `${key} `,
  (key) => `${key}\\u0000`,
]
const doubles = ['null', '{}', '[]', 'false', '""', '0', '[null]', '[{}]']

const setting = (vocabulary: Vocabulary): fc.Arbitrary<Setting> =>
  fc.constantFrom(...Object.entries(vocabulary)).chain(([path, values]) =>
    fc.record({
      path: fc.constant(path),
      value: fc.constantFrom(...values, ...values, ...values, 'null', '[null]', '""'),
      spelling: rarely(fc.nat(spellings.length - 1)),
      apart: rarely(fc.constant(1)).map((seldom) => seldom >= 0),
      beside: rarely(fc.nat(doubles.length * 2 - 1)),
      top: rarely(fc.constant(1)).map((seldom) => seldom >= 0),
    }),
  )

/** Mostly -1, so that many a body is taken and it is seen what comes of it. */
function rarely(value: fc.Arbitrary<number>): fc.Arbitrary<number> {
  return fc.oneof({ weight: 14, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: value })
}

/** `fixed` are pairs that stand first in every body. */
export function oddBodies(vocabulary: Vocabulary, fixed: string): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.array(setting(vocabulary), { maxLength: 5 }),
      rarely(fc.nat(starts.length - 1)),
      rarely(fc.nat(ends.length - 1)),
    )
    .map(([settings, start, end]) => {
      const pairs: Pair[] = []
      for (const one of settings) put(pairs, one)
      const text = [fixed, ...pairs.map(write)].filter((part) => part !== '').join(',')
      return `${starts[start] ?? ''}{${text}}${ends[end] ?? ''}`
    })
}

const starts = ['\ufeff', '\u00a0', '{}', ' \n\t']
const ends = [' junk', '{}', '}', ']', ',', '\u0000', ' \n', '{"HostConfig":{"Privileged":true}}']

function put(into: Pair[], { path, value, spelling, apart, beside, top }: Setting): void {
  const steps = path.split('.')
  if (top && steps.length > 1) steps.shift()
  const spell = (key: string): string => spellings[spelling]?.(key) ?? key
  let pairs = into
  for (const step of steps.slice(0, -1)) {
    const open = apart ? undefined : pairs.find(([key, inner]) => key === step && inner !== value)
    if (open !== undefined && typeof open[1] !== 'string') {
      pairs = open[1]
    } else {
      const inner: Pair[] = []
      pairs.push([spell(step), inner])
      pairs = inner
    }
  }
  const last = steps.at(-1) ?? ''
  const taken = pairs.findIndex(([key]) => key === last)
  if (taken !== -1 && !apart) pairs.splice(taken, 1)
  const double = doubles[beside % doubles.length]
  if (double !== undefined && beside < doubles.length) pairs.push([last, double])
  pairs.push([spell(last), value])
  if (double !== undefined && beside >= doubles.length) pairs.push([last, double])
}

function write([key, value]: Pair): string {
  return `"${key}":${typeof value === 'string' ? value : `{${value.map(write).join(',')}}`}`
}
