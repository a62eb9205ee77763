import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { JsonObject, Operation, Reference, Thing } from '../../src/docker/operation.ts'
import { withThings } from '../../src/docker/rewrite.ts'
import { GatewayError } from '../../src/errors.ts'
import { read } from '../helpers/judge.ts'

/** `~1~`, `~2~`: names in the body. Each is the reference of its kind, and comes back as an id. */
interface Row {
  readonly what: string
  readonly line: string
  readonly body: string
  /** Kind of `~1~`, of `~2~`, …; with a `+` where the request gives or may make that name. */
  readonly kinds: string
}

const create = 'POST /containers/create'
const service = 'POST /services/create'
const rows: readonly Row[] = [
  ['a container’s namespaces', create, '{"HostConfig":{"PidMode":"container:~1~"}}', 'container'],
  ['its IPC', create, '{"HostConfig":{"IpcMode":"container:~1~"}}', 'container'],
  ['its network', create, '{"HostConfig":{"NetworkMode":"container:~1~"}}', 'container'],
  ['a network', create, '{"HostConfig":{"NetworkMode":"~1~"}}', 'network'],
  [
    'networks by key, and as mode',
    create,
    '{"HostConfig":{"NetworkMode":"~1~"},"NetworkingConfig":{"EndpointsConfig":{"~2~":{"Aliases":["a"]},"~3~":{}}}}',
    'network network network',
  ],
  [
    'volumes-from',
    create,
    '{"HostConfig":{"VolumesFrom":["~1~:ro","~2~"]}}',
    'container container',
  ],
  ['links', create, '{"HostConfig":{"Links":["~1~:db"]}}', 'container'],
  ['volumes', create, '{"HostConfig":{"Binds":["~1~:/d:ro","/x"]}}', 'volume+'],
  [
    'mounts',
    create,
    '{"HostConfig":{"Mounts":[{"Type":"volume","Source":"~1~","Target":"/x"},{"Type":"image","Source":"~2~"},{"Type":"tmpfs"}]}}',
    'volume+ image',
  ],
  [
    'a volume of the swarm',
    service,
    '{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"cluster","Source":"~1~","Target":"/x"}]}}}',
    'volume',
  ],
  [
    'what the plugin of such a volume is handed',
    'POST /volumes/create',
    '{"ClusterVolumeSpec":{"Secrets":[{"Key":"a","Secret":"~1~"}],"AccessMode":{"Secrets":[{"Secret":"~2~"}]}}}',
    'secret secret',
  ],
  [
    'the same where it is changed',
    'PUT /volumes/v',
    '{"Spec":{"AccessMode":{"Secrets":[{"Secret":"~1~"}]}}}',
    'secret',
  ],
  ['what joins a network', 'POST /networks/n/connect', '{"Container":"~1~"}', 'container'],
  ['what leaves it', 'POST /networks/n/disconnect', '{"Container":"~1~"}', 'container'],
  [
    'what a service uses',
    service,
    '{"TaskTemplate":{"ContainerSpec":{"Secrets":[{"SecretID":"~1~"}],"Configs":[{"ConfigID":"~2~"}]},"Networks":[{"Target":"~3~"}]},"Networks":[{"Target":"~4~"}]}',
    'secret config network network',
  ],
].map(([what = '', line = '', body = '', kinds = '']) => ({ what, line, body, kinds }))

const nameOf = (index: number): string => `name-${index}`
const idOf = (index: number): string => `${index}`.repeat(64)

function readRow(line: string, body: string): Operation {
  const named = body.replaceAll(/~(\d)~/g, (_, index) => nameOf(Number(index)))
  const operation = read(line, named)
  assert.ok(typeof operation !== 'string', named)
  return operation
}

/** The engine knows `name-1` as `111…`. */
function resolved(references: readonly Reference[]): ReadonlyMap<Reference, Thing> {
  return new Map(
    references
      .filter(({ place }) => place.in !== 'path')
      .map((reference) => {
        const index = Number(reference.name.replace('name-', ''))
        const id = reference.kind === 'volume' ? reference.name : idOf(index)
        return [reference, { kind: reference.kind, id, name: nameOf(index), labels: {} }] as const
      }),
  )
}

const inBody = (operation: Operation): readonly Reference[] =>
  operation.references.filter(({ place }) => place.in.startsWith('body'))

describe('the things that a body names', () => {
  for (const { what, line, body, kinds } of rows) {
    it(`are found: ${what}`, () => {
      const found = inBody(readRow(line, body)).map(
        ({ kind, name, wants }) => `${kind}${wants === 'make' ? '+' : ''} ${name}`,
      )
      const expected = kinds.split(' ').map((kind, index) => `${kind} ${nameOf(index + 1)}`)
      assert.deepEqual(found.toSorted(), expected.toSorted())
    })

    it(`are sent by their ids, and nothing else changes: ${what}`, () => {
      const operation = readRow(line, body)
      const sent = withThings(operation, resolved(operation.references))
      const kindOf = (index: number): string => kinds.split(' ')[index - 1] ?? ''
      const expected = body.replaceAll(/~(\d)~/g, (_, text) => {
        const index = Number(text)
        return kindOf(index).startsWith('volume') ? nameOf(index) : idOf(index)
      })
      assert.equal(JSON.stringify(sent.body), expected)
    })
  }

  const none: readonly (readonly [string, JsonObject])[] = [
    [
      'modes of the engine',
      { HostConfig: { NetworkMode: 'bridge', PidMode: 'host', IpcMode: '' } },
    ],
    ['paths of the host', { HostConfig: { Binds: ['/a:/b', '/c'] } }],
    ['binds as mounts', { HostConfig: { Mounts: [{ Type: 'bind', Source: '/a' }] } }],
    [
      'aliases',
      { NetworkingConfig: { EndpointsConfig: { none: { Links: ['x:y'], Aliases: ['z'] } } } },
    ],
    ['labels and variables', { Labels: { a: 'container:x' }, Env: ['A=container:x'] }],
  ]
  for (const [what, body] of none) {
    it(`are none in ${what}`, () => {
      const operation = read(create, body)
      assert.ok(typeof operation !== 'string')
      assert.deepEqual(inBody(operation), [])
    })
  }

  it('includes the empty key, which begins every network’s id', () => {
    const operation = read(create, { NetworkingConfig: { EndpointsConfig: { '': {} } } })
    assert.ok(typeof operation !== 'string')
    assert.deepEqual(
      inBody(operation).map(({ kind, name }) => [kind, name]),
      [['network', '']],
    )
  })

  it('is refused where two names mean one network, whichever stands first', () => {
    for (const [one, other] of [
      ['name-1', idOf(1)],
      [idOf(1), 'name-1'],
    ] as const) {
      const operation = read(create, {
        NetworkingConfig: { EndpointsConfig: { [one]: { Aliases: ['a'] }, [other]: {} } },
      })
      assert.ok(typeof operation !== 'string')
      const thing: Thing = { kind: 'network', id: idOf(1), name: 'name-1', labels: {} }
      const things = new Map(inBody(operation).map((reference) => [reference, thing]))
      assert.throws(() => withThings(operation, things), GatewayError)
    }
  })

  it('change in any mixture of fields at their own places only', () => {
    const part = fc.constantFrom(...rows.filter(({ line }) => line === create))
    // `~0~` stands for a name in these rows.
    const text = fc.string().filter((one) => !/~\d~/.test(one))
    fc.assert(
      fc.property(part, fc.dictionary(text, text), fc.array(text), (row, map, list) => {
        const extra = { Labels: map, Env: list }
        const asked = { ...(JSON.parse(row.body) as JsonObject), ...extra }
        const operation = readRow(create, JSON.stringify(asked))
        const before = JSON.stringify(operation.body)
        const sent = withThings(operation, resolved(inBody(operation)))
        assert.equal(JSON.stringify(sent.body?.['Labels']), JSON.stringify(map))
        assert.equal(JSON.stringify(sent.body?.['Env']), JSON.stringify(list))
        assert.equal(JSON.stringify(operation.body), before)
      }),
      { numRuns: 300 },
    )
  })
})
