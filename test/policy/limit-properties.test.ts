import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { allowed, limitProperties } from '../helpers/limit-properties.ts'

describe('any body', () => {
  for (const { fact, property } of limitProperties) {
    it(fact, () => {
      fc.assert(property, { numRuns: 10_000 })
    })
  }

  it('has a fair chance to be let through, so that these tests can fail', () => {
    for (const [role, count] of Object.entries(allowed)) {
      assert.ok(count > 100, `${role}: ${count}`)
    }
  })
})
