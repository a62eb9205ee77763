import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatTarget, parseTarget } from '../../src/docker/target.ts'
import { isFailure, type FailureCode } from '../../src/errors.ts'

const refused: readonly [what: string, raw: string, code: FailureCode, why: RegExp][] = [
  ['nothing', '', 'bad-target', /does not begin with a slash/],
  ['asterisk form', '*', 'bad-target', /does not begin with a slash/],
  ['absolute form', 'http://d/containers/json', 'bad-target', /does not begin with a slash/],
  ['an opaque scheme', 'foo:/containers/create', 'bad-target', /does not begin with a slash/],
  ['a scheme without host', 'http:///containers/create', 'bad-target', /does not begin with a sl/],
  ['authority form', 'd:2376', 'bad-target', /does not begin with a slash/],
  ['a host before the path', '//evil/containers/create', 'bad-target', /empty segment/],
  ['an empty segment', '/containers//create', 'bad-target', /empty segment/],
  ['an encoded empty segment', '/v1.41/%2Fcontainers/create', 'bad-target', /empty segment/],
  ['a leading slash in a name', '/containers/%2Fweb/json', 'bad-target', /empty segment/],
  ['a dot segment', '/./containers/json', 'bad-target', /dot segment/],
  ['two dots', '/images/../containers/create', 'bad-target', /dot segment/],
  ['two dots at the end', '/containers/..', 'bad-target', /dot segment/],
  ['encoded dots', '/images/%2e%2e/containers/create', 'bad-target', /%2e need not be encoded/],
  ['dots before an encoded slash', '/images/..%2Fcontainers/json', 'bad-target', /dot segment/],
  ['a trailing slash', '/containers/json/', 'bad-target', /ends in a slash/],
  ['a trailing slash after a version', '/v1.41/', 'bad-target', /ends in a slash/],
  ['an encoded letter', '/containers/%63reate', 'bad-target', /%63 need not be encoded/],
  ['an encoded resource', '/v1.41/%63ontainers/create', 'bad-target', /%63 need not be encoded/],
  ['an encoded version dot', '/v1%2e41/containers/json', 'bad-target', /%2e need not be encoded/],
  ['an encoded v', '/%761.41/containers/json', 'bad-target', /%76 need not be encoded/],
  ['an encoded tilde', '/containers/%7Ea/json', 'bad-target', /%7E need not be encoded/],
  ['double encoding', '/containers/a%252Fb/json', 'bad-target', /percent-encoded twice/],
  ['half an escape', '/containers/a%2/json', 'bad-target', /"%2\/" is no percent-encoding/],
  ['no escape at all', '/containers/a%zz/json', 'bad-target', /"%zz" is no percent-encoding/],
  ['a percent sign at the end', '/containers/a%', 'bad-target', /"%" is no percent-encoding/],
  ['bytes that are no UTF-8', '/containers/%ff%fe/json', 'bad-target', /no UTF-8/],
  ['an overlong slash', '/containers/a%c0%afb/json', 'bad-target', /no UTF-8/],
  ['an encoded surrogate', '/containers/%ed%a0%80/json', 'bad-target', /no UTF-8/],
  ['an encoded NUL', '/containers/a%00/json', 'bad-target', /control character, %00/],
  ['an encoded line end', '/containers/a%0d%0a/json', 'bad-target', /control character, %0d/],
  ['an encoded DEL', '/containers/a%7f/json', 'bad-target', /control character, %7f/],
  ['an encoded next-line', '/containers/a%c2%85/json', 'bad-target', /encoded control/],
  ['an encoded line separator', '/containers/a%e2%80%a8/json', 'bad-target', /encoded control/],
  ['an encoded backslash', '/containers/a%5Cb/json', 'bad-target', /encoded backslash/],
  ['a backslash', '/containers\\create', 'bad-target', /holds a backslash/],
  ['a backslash host', '/\\evil/containers/create', 'bad-target', /holds a backslash/],
  ['a fragment', '/containers/a?a#&force=1', 'bad-target', /holds a "#"/],
  ['a space', '/containers/a b/json', 'bad-target', /a space, a control/],
  ['a tab', '/containers/\tjson', 'bad-target', /a space, a control/],
  ['a raw byte beyond ASCII', '/containers/é/json', 'bad-target', /a space, a control/],
  ['a third version part', '/v1.41.0/info', 'bad-target', /"1.41.0" is no API version/],
  ['a leading zero', '/v01.41/info', 'bad-target', /"01.41" is no API version/],
  ['a zero before the minor', '/v1.041/info', 'bad-target', /"1.041" is no API version/],
  ['trailing dots', '/v1.41.../info', 'bad-target', /"1.41..." is no API version/],
  ['one dot too many', '/v1.41./info', 'bad-target', /"1.41." is no API version/],
  ['a major alone', '/v1/info', 'bad-target', /"1" is no API version/],
  ['another major', '/v9.9/containers/a/attach', 'bad-target', /"9.9" is no API version/],
  ['three digits', '/v1.100/info', 'bad-target', /"1.100" is no API version/],
  ['an old version', '/v1.23/containers/a/start', 'version-too-old', /1\.23 is not served.*hint:/],
  ['a very old version', '/v1.0/info', 'version-too-old', /1\.0 is not served/],
  ['the last of the old', '/v1.12/containers/create', 'version-too-old', /1\.12 is not served/],
  ['a semicolon', '/build?t=x;networkmode=none&networkmode=host', 'bad-query', /semicolon/],
  ['a bad escape in the query', '/build?t=%zz', 'bad-query', /"t" is not percent-encoded/],
  ['a query of no UTF-8', '/build?t=%ff', 'bad-query', /"t" is not percent-encoded/],
  ['a parameter without name', '/build?=x', 'bad-query', /"" is no parameter's name/],
  ['a line end in a name', '/build?a%0ab=x', 'bad-query', /"a\\u000ab" is no parameter's name/],
]

const taken: readonly [what: string, raw: string, canonical: string][] = [
  ['a path without version', '/containers/json', '/containers/json'],
  ['the oldest version', '/v1.24/info', '/v1.24/info'],
  ['a version to come', '/v1.99/info', '/v1.99/info'],
  ['an endpoint that begins with v', '/volumes', '/volumes'],
  ['the version endpoint', '/v1.41/version', '/v1.41/version'],
  ['a trailing slash on networks', '/v1.41/networks/', '/v1.41/networks/'],
  ['an empty query', '/info?', '/info'],
  ['empty pairs', '/info?&a=1&&b=2&', '/info?a=1&b=2'],
  ['a name alone', '/info?all', '/info?all='],
  ['a plus sign', '/info?a=b+c', '/info?a=b%20c'],
  ['an encoded plus sign', '/info?a=b%2Bc', '/info?a=b%2Bc'],
  ['a plus sign in the path', '/images/a+b/json', '/images/a+b/json'],
  ['a needless escape in the query', '/info?%61=%62', '/info?a=b'],
  ['slash and colon in the query', '/info?a=b%2Fc%3Ad', '/info?a=b/c:d'],
  ['an apostrophe in the query', "/info?a='b'", '/info?a=%27b%27'],
  ['braces that were not encoded', '/info?f={"a":["b"]}', '/info?f=%7B%22a%22:%5B%22b%22%5D%7D'],
  ['an encoded semicolon', '/info?a=%3B', '/info?a=%3B'],
  ['a percent sign in a value', '/info?a=100%25', '/info?a=100%25'],
  ['an encoded hash', '/info?a=%23&force=1', '/info?a=%23&force=1'],
  ['a line end in a value', '/commit?comment=a%0Ab', '/commit?comment=a%0Ab'],
  ['an encoded colon in the path', '/images/a%3Ab/json', '/images/a:b/json'],
  ['an encoded question mark', '/networks/a%3Fb', '/networks/a%3Fb'],
  ['an encoded hash in the path', '/networks/a%23b', '/networks/a%23b'],
  ['a name beyond ASCII', '/networks/%c3%a9', '/networks/%C3%A9'],
  ['an encoded space', '/networks/a%20b', '/networks/a%20b'],
  ['a second question mark', '/info?a=b?c', '/info?a=b%3Fc'],
]

describe('a request target', () => {
  for (const [what, raw, code, why] of refused) {
    it(`is refused with ${what}`, () => {
      const answer = parseTarget(raw)
      assert.ok(isFailure(answer), JSON.stringify(answer))
      assert.equal(answer.code, code)
      assert.match(answer.message, why)
      assert.match(answer.message, /^[\x20-\x7e…]{1,260}$/)
    })
  }

  for (const [what, raw, canonical] of taken) {
    it(`is read with ${what}`, () => {
      const target = parseTarget(raw)
      assert.ok(!isFailure(target), JSON.stringify(target))
      assert.equal(formatTarget(target), canonical)
    })
  }

  it('keeps apart what the client sent as slash and as encoded slash', () => {
    const target = parseTarget('/v1.41/images/a%2Fb/c%2fd/json')
    assert.ok(!isFailure(target))
    assert.equal(target.path, '/images/a/b/c/d/json')
    assert.deepEqual(target.encodedSlashes, [9, 13])
  })

  it('cuts long input short in its message', () => {
    const answer = parseTarget(`x${'y'.repeat(10_000)}`)
    assert.ok(isFailure(answer) && answer.message.length < 250)
  })
})
