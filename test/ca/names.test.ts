// What may stand in a certificate: names of clients, organizations, and alternative names.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { alternativeNamesDer, readAlternativeNames } from '../../src/ca/alternative-name.ts'
import { CaError } from '../../src/ca/ca-error.ts'
import { requireAttribute, requireName } from '../../src/ca/client-name.ts'
import { contextName, readHost } from '../../src/ca/client-bundle.ts'
import * as der from '../../src/ca/der.ts'

describe('the name of a client', () => {
  const good = [
    'a',
    'alice',
    'Alice',
    'x'.repeat(64),
    'alice@example.com',
    'ci-build_7',
    '7',
    'a.b+c',
  ]
  for (const name of good) it(`may be ${name.slice(0, 20)}`, () => requireName(name))

  const bad = [
    '', '.', '..', '.hidden', '-rf', '_x', '@a', 'a..b', 'a.', 'a/b', 'a\\b', '/etc', 'a b', ' a', 'a ',
    'a\n', 'a\nb', 'a\0', 'a\tb', 'x'.repeat(65), 'älice', 'аlice', 'a\u200bb', 'a\u202eb', 'a=b',
    'a,b', 'a*', 'a"b', "a'b", 'a;b', 'a$b', 'a`b', 'a:b', '~a', 'a%2fb', 'ａ',
  ] // prettier-ignore
  for (const name of bad) {
    it(`cannot be ${JSON.stringify(name).slice(0, 24)}`, () => {
      assert.throws(() => requireName(name), { code: 'bad-name' })
    })
  }

  it('is always one that is a folder of its own, whatever is asked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 70 }), (name) => {
        try {
          requireName(name)
        } catch {
          return
        }
        assert.match(name, /^[\w.@+-]+$/)
        assert.ok(!name.startsWith('.') && !name.includes('..'))
      }),
      { numRuns: 1000 },
    )
  })

  it('makes a name that docker takes for a context', () => {
    const docker = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/
    for (const name of good) assert.match(contextName(name), docker)
  })
})

describe('an organization or unit', () => {
  for (const text of ['Example', 'Bücher & Söhne', '株式会社', 'x'.repeat(64), '😀'.repeat(64)]) {
    it(`may be ${text.slice(0, 20)}`, () => requireAttribute('a unit', text))
  }
  const bad = [
    '',
    ' a',
    'a ',
    'a\nb',
    'a\0',
    'a\u200bb',
    'a\u202eb',
    'a\u2028b',
    'u\u0308',
    'x'.repeat(65),
  ]
  for (const text of bad) {
    it(`cannot be ${JSON.stringify(text).slice(0, 24)}`, () => {
      assert.throws(() => requireAttribute('a unit', text), { code: 'bad-name' })
    })
  }
})

describe('an alternative name', () => {
  const read = (kind: 'dns' | 'email' | 'uri' | 'ip', name: string): string | undefined =>
    readAlternativeNames({ [kind]: [name] })[kind][0]

  const good = [
    ['dns', 'Gate.Example.COM', 'gate.example.com'],
    ['dns', 'localhost', 'localhost'],
    ['dns', '*.example.com', '*.example.com'],
    ['dns', 'my_service', 'my_service'],
    ['email', 'Alice@Example.COM', 'Alice@example.com'],
    ['uri', 'spiffe://example.org/ci/build', 'spiffe://example.org/ci/build'],
    ['uri', 'urn:example:x', 'urn:example:x'],
    ['ip', '192.0.2.7', '192.0.2.7'],
    ['ip', '2001:DB8:0:0::1', '2001:db8::1'],
    ['ip', '::', '::'],
  ] as const
  for (const [kind, name, expected] of good) {
    it(`may be the ${kind} ${name}`, () => assert.equal(read(kind, name), expected))
  }

  const bad = [
    ['dns', ''], ['dns', '.'], ['dns', 'a..b'], ['dns', 'a.'], ['dns', '-a'], ['dns', 'a-'],
    ['dns', '*'], ['dns', '*.com'], ['dns', 'a.*.com'], ['dns', '192.0.2.7'], ['dns', 'a\0.com'],
    ['dns', 'a b'], ['dns', 'é.com'], ['dns', `${'x'.repeat(64)}.com`], ['dns', 'a.'.repeat(127) + 'aa'],
    ['email', 'alice'], ['email', '@example.com'], ['email', 'a@'], ['email', 'a@b@c d'],
    ['email', 'a\n@b.c'], ['email', 'a..b@c.d'], ['email', 'ä@b.c'],
    ['uri', 'not a uri'], ['uri', '/path'], ['uri', 'https://example.com'], ['uri', 'HTTPS://a/'],
    ['uri', 'https://a/b/../c'], ['uri', 'https://a/\n'], ['uri', 'https://é/'], ['uri', 'javascript:'],
    ['ip', ''], ['ip', '192.0.2'], ['ip', '192.0.2.256'], ['ip', '192.0.2.07'], ['ip', 'fe80::1%eth0'],
    ['ip', '::1/64'], ['ip', 'localhost'],
  ] as const // prettier-ignore
  for (const [kind, name] of bad) {
    it(`cannot be the ${kind} ${JSON.stringify(name).slice(0, 24)}`, () => {
      assert.throws(() => read(kind, name), { code: 'bad-name' })
    })
  }

  it('is there once, however often it is given', () => {
    const names = readAlternativeNames({ dns: ['a.b', 'A.B'], ip: ['::1', '0:0::1'] })
    assert.deepEqual(names, { dns: ['a.b'], email: [], uri: [], ip: ['::1'] })
  })

  it('keeps every address in the octets of its family', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (ip) => {
        const [value] = der.items(alternativeNamesDer(readAlternativeNames({ ip: [ip] })))
        const bytes = der.content(value)
        const groups = bytes.toString('hex').match(/.{4}/g) ?? []
        const expected = new URL(`http://[${bytes.length === 4 ? '::' : groups.join(':')}]`)
        if (bytes.length === 4) assert.equal([...bytes].join('.'), ip)
        else assert.equal(expected.hostname, new URL(`http://[${ip}]`).hostname)
      }),
      { numRuns: 500 },
    )
  })
})

describe('the address of the gateway', () => {
  for (const host of ['tcp://localhost:2376', 'tcp://192.0.2.7:1', 'tcp://[2001:db8::1]:65535']) {
    it(`may be ${host}`, () => assert.equal(readHost(host), host))
  }
  const bad = [
    'localhost:2376', 'tcp://localhost', 'tcp://a:0', 'tcp://a:65536', 'tcp://a:2376/', 'tcp://a b:1',
    "tcp://a';id;':1", 'tcp://$(id):1', 'https://a:1', 'tcp://a:1\n', 'unix:///var/run/docker.sock',
  ] // prettier-ignore
  for (const host of bad) {
    it(`cannot be ${JSON.stringify(host)}`, () => assert.throws(() => readHost(host), CaError))
  }
})
