// Request lines made at random near those that are taken, and what holds for every one of them.
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { catalog } from '../../src/docker/catalog.ts'
import type { Operation } from '../../src/docker/operation.ts'
import { readOperation } from '../../src/docker/read.ts'
import { formatTarget } from '../../src/docker/target.ts'
import { isFailure } from '../../src/errors.ts'
import { asEngineRoutes } from './engine-router.ts'

interface Line {
  readonly method: string
  readonly target: string
}

const piece = fc.constantFrom(
  ...'/ %2F %2f %2e . .. // %25 %20 %3F %23 % %5C \\ # ? & = ; + %3B %26 \' " { ^ | : @ é'.split(
    ' ',
  ),
  ...'%c3%a9 %ff a v1.41 /v1.41 v01.41 containers create json attach ws checkpoints'.split(' '),
  ...'images networks force=1 names=a filters={} get start \r\n \u0000'.split(' '),
)
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS')

/** A true target with pieces put in at random, so that many come near to being taken. */
const mutated = fc
  .tuple(
    fc.constantFrom(...catalog),
    fc.constantFrom('', '/v1.41', '/v1.23', '/v1.41.0'),
    fc.constantFrom('web', 'a/b', 'a%2Fb', 'localhost:5000/a', 'checkpoints', 'sha256:ab', 'json'),
    fc.constantFrom(
      '',
      '?',
      '?all=1',
      '?fromImage=a',
      '?name=a&filters={"label":["a=b"]}',
      '?t=a&t=b',
    ),
    fc.array(fc.tuple(fc.nat(80), fc.nat(3), piece), { maxLength: 3 }),
  )
  .map(([row, version, name, query, edits]) => {
    let target = `${version}${row.path.replaceAll(/\{[a-z]+\}/g, name)}${query}`
    for (const [at, drop, text] of edits) {
      const place = at % (target.length + 1)
      target = `${target.slice(0, place)}${text}${target.slice(place + drop)}`
    }
    return { method: row.method, target }
  })
const wild = fc.record({
  method,
  target: fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
})
const request: fc.Arbitrary<Line> = fc.oneof(
  { weight: 4, arbitrary: mutated },
  { weight: 1, arbitrary: wild },
)

interface TargetProperty {
  readonly fact: string
  readonly property: fc.IProperty<[Line]>
}

/** What holds for every request line; each is run by the tests, and without end by the fuzzer. */
export const targetProperties: readonly TargetProperty[] = [
  {
    fact: 'is sent as what was judged',
    property: judged((operation, line) => {
      assert.deepEqual(readOperation(line.method, formatTarget(operation.target)), operation)
    }),
  },
  {
    fact: 'is not changed by a URL parser',
    property: judged((operation) => {
      const sent = formatTarget(operation.target)
      const url = new URL(`http://engine${sent}`)
      assert.equal(url.pathname + url.search, sent)
      assert.equal(new URL(sent, 'http://engine').href, url.href)
      assert.match(sent, /^\/[!-~]*$/)
    }),
  },
  {
    fact: 'is routed by the engine as it was judged, as it came and as it is sent',
    property: judged((operation, line) => {
      const { endpoint, params, target } = operation
      const expected = { id: endpoint.id, params: Object.values(params), version: target.version }
      assert.deepEqual(asEngineRoutes(line.method, line.target), expected)
      assert.deepEqual(asEngineRoutes(line.method, formatTarget(target)), expected)
    }),
  },
  {
    fact: 'gives the engine the pairs that were judged, and no others',
    property: judged(({ target }, line) => {
      const url = new URL(`http://engine${formatTarget(target)}`)
      assert.deepEqual([...url.searchParams], target.query)
      const [, came = ''] = line.target.split(/\?(.*)/s)
      const pairs = [...new URLSearchParams(`?${came}`)]
      assert.deepEqual(pairs.filter(isExact), target.query.filter(isExact))
    }),
  },
]

/** A property of the lines that are taken; a line that is refused must say why in printable words. */
function judged(holds: (operation: Operation, line: Line) => void): fc.IProperty<[Line]> {
  return fc.property(request, (line) => {
    const operation = readOperation(line.method, line.target)
    if (isFailure(operation)) assert.match(operation.message, /^[\x20-\x7e…]+$/)
    else holds(operation, line)
  })
}

// Filters are written anew; what they mean is held by a property of their own.
function isExact(pair: readonly string[]): boolean {
  return pair[0] !== 'filters'
}
