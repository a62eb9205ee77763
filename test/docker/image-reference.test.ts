import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { maybeImageId, parseImageReference } from '../../src/docker/image-reference.ts'

const hex = '1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a'
const digest = `sha256:${hex}`

// After normalize_test.go and reference_test.go of github.com/distribution/reference.
const taken: readonly [text: string, canonical: string][] = [
  ['busybox', 'docker.io/library/busybox:latest'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36'],
  ['library/busybox', 'docker.io/library/busybox:latest'],
  ['docker.io/busybox', 'docker.io/library/busybox:latest'],
  ['docker.io/library/busybox', 'docker.io/library/busybox:latest'],
  ['index.docker.io/busybox', 'docker.io/library/busybox:latest'],
  ['index.docker.io/library/busybox', 'docker.io/library/busybox:latest'],
  ['user/app', 'docker.io/user/app:latest'],
  ['index.docker.io/user/app', 'docker.io/user/app:latest'],
  ['localhost/app', 'localhost/app:latest'],
  ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
  ['localhost', 'docker.io/library/localhost:latest'],
  ['127.0.0.1:5000/library/debian', '127.0.0.1:5000/library/debian:latest'],
  ['192.168.0.1', 'docker.io/library/192.168.0.1:latest'],
  ['192.168.0.1:80', 'docker.io/library/192.168.0.1:80'],
  ['192.168.0.2:25000/debian', '192.168.0.2:25000/debian:latest'],
  ['[fc00::1]:5000/debian', '[fc00::1]:5000/debian:latest'],
  ['[fc00::1]/debian', '[fc00::1]/debian:latest'],
  ['registry.example.com/a/b/c', 'registry.example.com/a/b/c:latest'],
  ['Registry/app', 'Registry/app:latest'],
  ['a__b/c-d/e---f/g.h', 'docker.io/a__b/c-d/e---f/g.h:latest'],
  [`busybox@${digest}`, `docker.io/library/busybox@${digest}`],
  [`busybox:1.36@${digest}`, `docker.io/library/busybox:1.36@${digest}`],
  [`docker.io/${hex}`, `docker.io/library/${hex}:latest`],
  [hex.slice(1), `docker.io/library/${hex.slice(1)}:latest`],
  ['app:latest.', 'docker.io/library/app:latest.'],
  ['app:_x', 'docker.io/library/app:_x'],
]

const refused: readonly string[] = [
  '',
  ' ',
  hex,
  digest,
  'https://github.com/docker/docker',
  'docker/Docker',
  'Docker',
  '-docker',
  '-docker/docker',
  '-docker.io/docker/docker',
  'docker///docker',
  'docker.io/docker/Docker',
  'docker.io/docker///docker',
  '[fc00::1]',
  '[fc00::1]:5000',
  'fc00::1:5000/debian',
  '[fe80::1%eth0]:5000/debian',
  '[2001:db8:3:4::192.0.2.33]:5000/debian',
  'a:b/c',
  'a:80:80',
  'app:',
  'app:.x',
  'app:-x',
  `app:${'x'.repeat(129)}`,
  'app@',
  'app@sha256:abc',
  `app@sha256:${hex.toUpperCase()}`,
  `app@md5:${hex}`,
  `app@${digest}@${digest}`,
  'app..x',
  'app___x',
  'app_',
  '_app',
  '.app',
  '/app',
  'app/',
  'docker.io/',
  'docker.io/../app',
  'registry.example.com./app',
  'registry_x.example.com/app',
  'app\n',
  'app:latest\n',
  'äpp',
  'app x',
  `registry.example.com/${'x'.repeat(256)}`,
]

describe('an image reference', () => {
  for (const [text, canonical] of taken) {
    it(`is read as ${canonical} from ${text}`, () => {
      assert.equal(parseImageReference(text)?.canonical, canonical)
    })
  }

  for (const text of refused) {
    it(`is refused from ${JSON.stringify(text.slice(0, 80))}`, () => {
      assert.equal(parseImageReference(text), undefined)
    })
  }

  it('means the same when its canonical form is read again', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,5}$/)
    const part = fc
      .tuple(word, fc.constantFrom('', '.x', '_y', '__z', '--w'))
      .map(([a, b]) => a + b)
    const domain = fc.constantFrom(
      '',
      'docker.io/',
      'index.docker.io/',
      'localhost/',
      'r.io:5/',
      'UP/',
    )
    const tag = fc.constantFrom('', ':v1', ':Latest_1.0')
    const pinned = fc.constantFrom('', `@${digest}`)
    const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
    fc.assert(
      fc.property(domain, path, tag, pinned, (...texts) => {
        const first = parseImageReference(texts.join(''))
        assert.ok(first, texts.join(''))
        assert.deepEqual(parseImageReference(first.canonical), first)
        assert.equal(first.name, `${first.domain}/${first.path}`)
        assert.ok(first.tag !== undefined || first.digest !== undefined)
      }),
      { numRuns: 500 },
    )
  })

  it('is read or refused for any text, and never holds what its grammar does not', () => {
    const piece = fc.constantFrom(
      'a',
      'A',
      '/',
      ':',
      '@',
      '.',
      '-',
      '_',
      '[',
      ']',
      'docker.io',
      '5',
      '\n',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const read = parseImageReference(pieces.join(''))
        if (read === undefined) return
        assert.match(
          read.canonical,
          /^[\w.:[\]-]+(?:\/[a-z0-9._-]+)+(?::[\w.-]+)?(?:@sha256:[a-f0-9]+)?$/,
        )
        assert.deepEqual(parseImageReference(read.canonical), read)
      }),
      { numRuns: 1000 },
    )
  })

  it('may be an id only when it is hexadecimal', () => {
    for (const text of ['abc', '0', hex, digest, 'sha256:ab']) assert.ok(maybeImageId(text), text)
    for (const text of ['busybox', 'ABC', 'a:b', 'abc\n', '', 'sha256:', `${hex}0`]) {
      assert.ok(!maybeImageId(text), text)
    }
  })
})
