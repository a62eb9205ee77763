import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cleanPath, ignores } from '../../src/docker/ignore-file.ts'

describe('a .dockerignore', () => {
  const rows: readonly (readonly [text: string, path: string, ignored: boolean])[] = [
    ['Dockerfile', 'Dockerfile', true],
    ['/Dockerfile', 'Dockerfile', true],
    ['./Dockerfile\r', 'Dockerfile', true],
    ['\ufeffDockerfile', 'Dockerfile', true],
    ['dockerfile', 'Dockerfile', false],
    ['#Dockerfile', 'Dockerfile', false],
    [' # Dockerfile', 'Dockerfile', false],
    ['Docker', 'Dockerfile', false],
    ['Dockerfile*', 'Dockerfile', true],
    ['Dockerfile?', 'Dockerfile', false],
    ['Docker????', 'Dockerfile', true],
    ['*', 'Dockerfile', true],
    ['*', 'sub/Dockerfile', true],
    ['*.x', 'sub/Dockerfile', false],
    ['sub', 'sub/Dockerfile', true],
    ['sub/*', 'sub/Dockerfile', true],
    ['sub/', 'sub/Dockerfile', true],
    ['su', 'sub/Dockerfile', false],
    ['**', 'sub/Dockerfile', true],
    ['**/Dockerfile', 'Dockerfile', true],
    ['**/Dockerfile', 'a/b/Dockerfile', true],
    ['**/Dockerfile', 'a/xDockerfile', false],
    ['a/**/Dockerfile', 'a/Dockerfile', true],
    ['a/**/Dockerfile', 'a/b/c/Dockerfile', true],
    ['a/**/Dockerfile', 'b/Dockerfile', false],
    ['**/b/**', 'a/b/Dockerfile', true],
    ['*\n!Dockerfile', 'Dockerfile', false],
    ['!Dockerfile\n*', 'Dockerfile', true],
    ['*\n! /Dockerfile', 'Dockerfile', false],
    ['Docker\\file', 'Dockerfile', true],
    ['', 'Dockerfile', false],
    ['/', 'Dockerfile', false],
  ]
  for (const [text, path, ignored] of rows) {
    it(`${ignored ? 'hides' : 'shows'} ${path} by ${JSON.stringify(text)}`, () => {
      assert.equal(ignores(text, path), ignored)
    })
  }

  it('takes no time that its writer could choose', () => {
    const before = performance.now()
    assert.equal(ignores('**/a'.repeat(500), `${'a/'.repeat(100)}b`), false)
    assert.ok(performance.now() - before < 2_000)
  })
})

describe('a path', () => {
  for (const [path, clean] of [
    ['./a', 'a'],
    ['/a//b/', 'a/b'],
    ['a/../b', 'b'],
    ['../../a', 'a'],
    ['.', ''],
  ] as const) {
    it(`${path} is ${JSON.stringify(clean)}`, () => assert.equal(cleanPath(path), clean))
  }
})
