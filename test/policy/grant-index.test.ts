import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { isMeantFor, subjectKinds, type Fact, type Grant } from '../../src/policy/grant.ts'
import { indexGrants } from '../../src/policy/grant-index.ts'
import { person } from '../helpers/person.ts'

const word = fc.constantFrom('a', 'b', 'c')
const uris = ['s://h/a', 's://h/a/b', 's://h/ci/a', 's://h/ci/a/b']
const patterns = [...uris, 's://h/*', 's://h/*/b', 's://h/ci/*', 's://h/*/*', 's://h/ci/*/b']
const addresses = fc.constantFrom('192.0.2.1', '2001:db8:0:0:0:0:0:1')

const fact = fc.constantFrom(...subjectKinds).chain((kind): fc.Arbitrary<Fact> => {
  const values = kind === 'uri' ? fc.constantFrom(...patterns) : kind === 'ip' ? addresses : word
  return values.map((value) => [kind, value] as const)
})
const grant = fc
  .record({ facts: fc.array(fact, { maxLength: 3 }), anyone: fc.boolean() })
  .map(({ facts, anyone }, line = 1): Grant => ({
    facts,
    anyone,
    roles: ['viewer'],
    from: undefined,
    untilMs: undefined,
    line,
  }))
const few = (one: fc.Arbitrary<string>) => fc.array(one, { maxLength: 2 })
const principal = fc
  .record({
    name: word,
    org: few(word),
    unit: few(word),
    dns: few(word),
    email: few(word),
    uri: few(fc.constantFrom(...uris)),
    ip: few(fc.constantFrom('192.0.2.1', '2001:db8::1')),
    serial: word,
  })
  .map((facts) => person(facts.name, facts))

describe('the index of grants', () => {
  it('finds what looking at every grant would find', () => {
    fc.assert(
      fc.property(fc.array(grant, { maxLength: 8 }), principal, (grants, who) => {
        const meant = grants.filter((one) => isMeantFor(one, who))
        assert.deepEqual(new Set(indexGrants(grants)(who)), new Set(meant))
      }),
      { numRuns: 500 },
    )
  })

  it('never takes a grant that names nobody for one that means everybody', () => {
    const nobody: Grant = {
      facts: [],
      anyone: false,
      roles: ['admin'],
      from: undefined,
      untilMs: undefined,
      line: 1,
    }
    assert.deepEqual(indexGrants([nobody])(person('alice')), [])
  })
})
