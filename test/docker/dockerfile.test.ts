import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  faultInTrigger,
  readDockerfile,
  type Dockerfile,
} from '../../src/docker/dockerfile/read.ts'
import { writeDockerfile } from '../../src/docker/dockerfile/write.ts'
import { expandWord, splitWords } from '../../src/docker/dockerfile/words.ts'

const none = { buildArgs: new Map<string, string>(), remote: false }
const id = 'f'.repeat(64)

function read(text: string, more: Partial<typeof none> = {}): Dockerfile {
  const found = readDockerfile(text, { ...none, ...more })
  assert.ok(typeof found !== 'string', JSON.stringify(found))
  return found
}

/** As it is sent, without the first line and the labels. */
function written(text: string, more: Partial<typeof none> = {}): string {
  return writeDockerfile(read(text, more), (name) => `<${name}>`, {}).replace(/^.*\n/, '')
}

describe('what a Dockerfile is written as', () => {
  const rows: readonly (readonly [title: string, text: string, sent: string])[] = [
    ['a plain base', 'FROM a\nRUN b\n', 'FROM <a>\nRUN b\n'],
    ['any case', 'from a\nrun b', 'FROM <a>\nrun b\n'],
    ['comments and blank lines', '# c\n\nFROM a\n  # d\nRUN b', 'FROM <a>\nRUN b\n'],
    ['a continuation', 'FROM a\nRUN b \\\n  c', 'FROM <a>\nRUN b   c\n'],
    ['blanks behind it', 'FROM a\nRUN b \\ \t\n c', 'FROM <a>\nRUN b  c\n'],
    ['an escaped one', 'FROM a\nRUN b\\\\ x\nRUN c', 'FROM <a>\nRUN b\\\\ x\nRUN c\n'],
    ['comments within it', 'FROM a\nRUN b \\\n# c\n\n d', 'FROM <a>\nRUN b  d\n'],
    ['Windows line ends', 'FROM a\r\nRUN b \\\r\n c\r\n', 'FROM <a>\nRUN b  c\n'],
    ['a byte order mark', '\ufeffFROM a', 'FROM <a>\n'],
    ['another escape', '# escape=`\nFROM a\nRUN C:\\ `\n x', 'FROM <a>\nRUN C:\\  x\n'],
    ['an escape after a comment', '# c\n# escape=`\nFROM a\nRUN b \\\n c', 'FROM <a>\nRUN b  c\n'],
    ['scratch', 'FROM scratch', 'FROM scratch\n'],
    ['SCRATCH, an image', 'FROM Scratch', 'FROM <Scratch>\n'],
    ['a stage', 'FROM a AS B\nFROM b', 'FROM <a> AS b\nFROM b\n'],
    ['a stage of a later name', 'FROM b\nFROM a AS b', 'FROM <b>\nFROM <a> AS b\n'],
    ['a platform', 'FROM --platform=$P a', 'FROM --platform=$P <a>\n'],
    [
      'files of a stage',
      'FROM a AS b\nFROM c\nCOPY --from=B x y',
      'FROM <a> AS b\nFROM <c>\nCOPY --from=b x y\n',
    ],
    [
      'files of a position',
      'FROM a\nFROM c\nCOPY --from=+00 x y',
      'FROM <a>\nFROM <c>\nCOPY --from=0 x y\n',
    ],
    [
      'files of the stage itself',
      'FROM a AS b\nCOPY --from=b x y',
      'FROM <a> AS b\nCOPY --from=<b> x y\n',
    ],
    [
      'files of an image',
      'FROM a\nCOPY --chown=1 --from=b:1 ["x", "y"]',
      'FROM <a>\nCOPY --chown=1 --from=<b:1> ["x", "y"]\n',
    ],
    [
      'a trigger',
      'FROM a AS s\nFROM b\nONBUILD copy --from=S x y',
      'FROM <a> AS s\nFROM <b>\nONBUILD COPY --from=s x y\n',
    ],
    ['a file with a variable', 'FROM a\nADD $X.tgz b /', 'FROM <a>\nADD ./$X.tgz b /\n'],
    ['a file in quotes', 'FROM a\nADD --chown=1 "x" /', 'FROM <a>\nADD --chown=1 ./"x" /\n'],
    ['files as JSON', 'FROM a\nADD ["$X", "/y", "z"]', 'FROM <a>\nADD ["./$X","/y","z"]\n'],
    ['a file from the root', 'FROM a\nADD /$X y', 'FROM <a>\nADD /$X y\n'],
  ]
  for (const [title, text, sent] of rows) {
    it(`keeps ${title}`, () => {
      assert.equal(written(text), sent)
      assert.equal(written(text.replace(/^\ufeff?/, '\ufeff')), sent)
    })
  }

  it('keeps the escape, and labels what is built upon an image', () => {
    const file = read('# escape=`\nFROM a AS s\nFROM s\nFROM scratch\n')
    assert.equal(
      writeDockerfile(file, () => id, { o: 'a"b$c`d\\e' }),
      `# escape=\`\nFROM ${id} AS s\nLABEL "o"="a\`"b\`$c\`\`d\\e"\nFROM s\nFROM scratch\nLABEL "o"="a\`"b\`$c\`\`d\\e"\n`,
    )
  })
})

describe('what FROM stands for', () => {
  const buildArgs = new Map([['given', 'g']])
  for (const [text, image] of [
    ['ARG x=a\nFROM $x', 'a'],
    ['ARG x=a\nFROM ${x}:1', 'a:1'],
    ['ARG x=a y=$x/b\nFROM $y', 'a/b'],
    ['ARG x="a"\nFROM b-$x', 'b-a'],
    ["ARG x='$y'\nFROM b-$x", 'b-$y'],
    ['ARG given=a\nFROM $given', 'g'],
    ['ARG given\nFROM $given', 'g'],
    ['FROM b$given', 'b'],
    ['ARG x\nFROM ${x:-a}', 'a'],
    ['ARG x=1\nFROM ${x:+a}', 'a'],
    ['ARG x\nFROM ${x:-${given:-d}}', 'd'],
    ['ARG x=\nFROM b${x-a}', 'b'],
    ['FROM "a"', 'a'],
    ['FROM a\\b', 'ab'],
  ]) {
    it(`is ${image} in ${JSON.stringify(text)}`, () => {
      assert.deepEqual(read(text ?? '', { buildArgs }).images, [image])
    })
  }
})

describe('a Dockerfile that cannot be read', () => {
  for (const [text, why] of [
    ['', /no FROM/],
    ['# only\n', /no FROM/],
    ['RUN x\nFROM a', /line 1: RUN stands before/],
    ['FROM a\n\nFOO x', /line 3: unknown instruction "FOO"/],
    ['FROM a\nR\u00dcN x', /unknown instruction/],
    ['FROM a\n\u212a x', /unknown instruction/],
    ['FROM', /takes an image/],
    ['FROM a b', /takes an image|name of the stage/],
    ['FROM a AS', /name of the stage/],
    ['FROM a AS 1b', /name of the stage/],
    ['FROM a AS b c', /takes an image/],
    ['FROM ${x', /not clear/],
    ['FROM ${x?y}', /not clear/],
    ['FROM $x', /not clear/],
    ['FROM "a', /not clear/],
    ['FROM a\nRUN x\\\\', /ends with the escape/],
    ['FROM a\nRUN x\u0007', /control character/],
    ['FROM a\nRUN x\ry', /control character/],
    ['FROM a\nRUN \ufffd', /not UTF-8/],
    ['# escape=x\nFROM a', /escape directive/],
    ['# escape=`\n# escape=`\nFROM a', /twice/],
    ['FROM a\nRUN --mount=type=cache x', /need BuildKit/],
    ['FROM a\nRUN cat <<EOF', /heredocs/],
    ['FROM a\nCOPY <<EOF /x', /heredocs/],
    ['FROM a\nRUN 3<<-"E" cat', /heredocs/],
    ['FROM a\nCOPY --link x y', /no option "--link"/],
    ['FROM a\nCOPY --from="b" x y', /no option/],
    ['FROM a\nCOPY --from=b --from=c x y', /twice/],
    ['FROM a\nCOPY --from=$b x y', /no variables/],
    ['FROM a\nCOPY --from=0 x y', /no stage 0/],
    ['FROM a\nCOPY --from=-0 x y\nCOPY --from=-1 x y', /no stage/],
    ['FROM a\nCOPY\u2003x y', /unknown instruction/],
    ['FROM a\nCOPY \u2003x y', /white space/],
    ['FROM a\nADD [x y', /as words or as a JSON/],
    ['FROM a\nADD ["x", "y"] z', /as words or as a JSON/],
    ['FROM a\nADD ["x", 1]', /as words or as a JSON/],
    ['FROM a\nADD x', /a source and a destination/],
    ['FROM a\nLABEL $k=v', /holds a variable/],
    ['FROM a\nLABEL a=b "$k"=v', /holds a variable/],
    ['FROM a\nONBUILD FROM b', /not allowed in ONBUILD/],
    ['FROM a\nONBUILD ONBUILD RUN b', /not allowed in ONBUILD/],
    ['FROM a\nONBUILD COPY --from=b x y', /copies from an image/],
    [`FROM a\nRUN ${'x'.repeat(70_000)}`, /longer than/],
  ] as const) {
    it(`is ${JSON.stringify(text.slice(0, 60))}`, () => {
      const found = readDockerfile(text, none)
      assert.ok(typeof found === 'string', JSON.stringify(found))
      assert.match(found, why)
    })
  }
})

describe('a trigger of a base image', () => {
  for (const trigger of [
    'COPY . /app',
    'RUN make',
    'COPY --from=s /x /y',
    'COPY --from=0 /x /y',
    'ADD a /b',
    'ENV a=b',
  ]) {
    it(`may be ${trigger}`, () => {
      assert.ok(typeof faultInTrigger(trigger, ['s'], false) !== 'string')
    })
  }
  for (const trigger of [
    'COPY --from=victim /x /y',
    'COPY --from=1 /x /y',
    'COPY . /app\nCOPY --from=victim / /',
    'COPY \\\n. /app',
    '# comment',
    '# escape=`',
    '',
    ' COPY . /app',
    'FROM x',
    'ONBUILD RUN x',
    'ADD $X /y',
    'ADD "a" /y',
    'RUN --mount=from=victim x',
  ]) {
    it(`may not be ${JSON.stringify(trigger)}`, () => {
      assert.equal(typeof faultInTrigger(trigger, ['s'], false), 'string')
    })
  }

  it('tells of its URLs and labels', () => {
    assert.deepEqual(faultInTrigger('ADD http://x /y', [], false), {
      urls: ['http://x'],
      labels: [],
    })
    const labels = faultInTrigger('LABEL a=b c=d', [], false)
    assert.deepEqual(labels, { urls: [], labels: ['a', 'c'] })
  })
})

describe('words', () => {
  it('end where the builder ends them', () => {
    assert.deepEqual(splitWords(`a="b c" d\\ e 'f\\' g\u2003h`, '\\'), [
      'a="b c"',
      'd\\ e',
      "'f\\'",
      'g',
      'h',
    ])
  })

  it('lose their quotes and escapes as in a shell', () => {
    const values = new Map([['x', 'X']])
    for (const [word, means] of [
      [`"a\\"b\\c$x"'$x'\\$x`, 'a"b\\cX$x$x'],
      ['${x:-y}${z:-y}', 'Xy'],
      ['$', undefined],
      ['${x', undefined],
    ] as const) {
      assert.equal(expandWord(word, values, '\\'), means)
    }
  })
})

describe('any text', () => {
  const piece = fc.constantFrom(
    'FROM',
    'COPY',
    'ADD',
    'ARG',
    'RUN',
    'ONBUILD',
    'LABEL',
    'AS',
    ' ',
    '\t',
    '\n',
    '\r\n',
    '\\',
    '`',
    '\\\n',
    '#',
    '# escape=`\n',
    '--from=',
    '--platform=',
    'victim',
    'a',
    'b',
    '0',
    '$a',
    '${a}',
    '"',
    "'",
    '[',
    ']',
    ',',
    '=',
    '<<E',
    'http://x',
    '\u00a0',
    '\u2028',
    'scratch',
  )
  const text = fc
    .tuple(fc.array(piece, { maxLength: 40 }), fc.constantFrom('', 'FROM a\n', 'FROM a AS b\n'))
    .map(([pieces, first]) => first + pieces.join(''))

  it('is written so that it reads as the same again, with no image but those that were judged', () => {
    fc.assert(
      fc.property(text, (input) => {
        const first = readDockerfile(input, none)
        if (typeof first === 'string') return
        const sent = writeDockerfile(first, () => id, {})
        const again = read(sent)
        assert.ok(
          again.images.every((name) => name === id),
          sent,
        )
        assert.equal(
          writeDockerfile(again, () => id, {}),
          sent,
        )
        assert.equal(again.steps.length, first.steps.length)
      }),
      { numRuns: 5_000 },
    )
  })
})
