import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { faultOfUriPattern, matchesUri } from '../../src/policy/uri-pattern.ts'

const rows: readonly (readonly [string, string, boolean])[] = [
  ['spiffe://example.org/ci/*', 'spiffe://example.org/ci/a', true],
  ['spiffe://example.org/ci/*', 'spiffe://example.org/ci/a/b', false],
  ['spiffe://example.org/ci/*', 'spiffe://example.org/ci/', false],
  ['spiffe://example.org/ci/*', 'spiffe://example.org/ci', false],
  ['spiffe://example.org/ci/*', 'spiffe://example.org.evil/ci/a', false],
  ['spiffe://example.org/ci/*', 'xspiffe://example.org/ci/a', false],
  ['spiffe://example.org/ci/*', 'spiffe://example.org/ci/..', false],
  ['spiffe://example.org/ci/*', 'spiffe://example.org/ci/a%2Fb', false],
  ['spiffe://example.org/ci/*', 'spiffe://example.org/ci/a?b', false],
  ['spiffe://example.org/ci/*', 'spiffe://example.org/ci/a#b', false],
  ['spiffe://example.org/*/job', 'spiffe://example.org/x/job', true],
  ['spiffe://example.org/*/job', 'spiffe://example.org/x/jobs', false],
  ['spiffe://example.org/ci/a', 'spiffe://example.org/ci/a', true],
  ['spiffe://example.org/ci/a', 'spiffe://example.org/ci/A', false],
]

describe('patterns of URIs', () => {
  for (const [pattern, uri, matches] of rows) {
    it(`${pattern} ${matches ? 'means' : 'does not mean'} ${uri}`, () => {
      assert.equal(matchesUri(pattern, uri), matches)
    })
  }

  for (const pattern of [
    '*',
    'example.org/ci',
    'spiffe://*/ci',
    'spiffe://example.*/ci',
    'spiffe://example.org/ci-*',
    'spiffe://example.org/**',
    '*://example.org/ci',
    'urn:*',
  ]) {
    it(`${pattern} is none`, () => assert.notEqual(faultOfUriPattern(pattern), undefined))
  }
})
