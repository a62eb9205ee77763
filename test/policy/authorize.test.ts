import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { catalog, permissions } from '../../src/docker/catalog.ts'
import type { Operation, Reference, Thing } from '../../src/docker/operation.ts'
import { readOperation } from '../../src/docker/read.ts'
import { formatTarget } from '../../src/docker/target.ts'
import { isFailure } from '../../src/errors.ts'
import { admit, authorize } from '../../src/policy/authorize.ts'
import type { Decision } from '../../src/policy/decision.ts'
import { compilePolicy } from '../../src/policy/policy.ts'
import type { Role } from '../../src/policy/role.ts'
import { person } from '../helpers/person.ts'
import { safeLimits } from '../../src/policy/limits.ts'

const builtin = compilePolicy({ roles: [], grants: [] }, '').roles

function role(name: string): Role {
  const found = builtin.get(name)
  assert.ok(found)
  return found
}

function ask(method: string, target: string): Operation {
  const operation = readOperation(method, target)
  assert.ok(!isFailure(operation), `${method} ${target}`)
  return operation
}

function thing(kind: Thing['kind'], name: string, labels: Record<string, string> = {}): Thing {
  return { kind, id: `${name}-id`, name, labels }
}

/** The whole way: `known` is what the engine has, by name. */
function decide(roles: readonly Role[], operation: Operation, known: readonly Thing[]): Decision {
  const admission = admit(roles, person('alice'), operation)
  if ('allow' in admission) return admission
  if ('through' in admission) return { allow: true, role: admission.through.name, operation }
  const things = new Map<Reference, Thing | undefined>()
  for (const reference of operation.references) {
    things.set(
      reference,
      known.find((one) => one.name === reference.name),
    )
  }
  return authorize(admission.judge, person('alice'), operation, things)
}

const mine = thing('container', 'web', { 'dockgate.owner': 'alice' })
const foreign = thing('container', 'db', { 'dockgate.owner': 'bob' })
const nobodys = thing('container', 'old')
const base = thing('image', 'busybox')

const rows: readonly (readonly [string[], string, string, true | string])[] = [
  [[], 'GET', '/_ping', true],
  [[], 'HEAD', '/_ping', true],
  [[], 'GET', '/v1.41/version', true],
  [[], 'GET', '/containers/json', 'no-role'],
  [['viewer'], 'GET', '/containers/json', true],
  [['viewer'], 'GET', '/containers/db/json', true],
  [['viewer'], 'POST', '/containers/db/stop', 'not-permitted'],
  [['viewer'], 'GET', '/swarm', 'not-permitted'],
  [['viewer'], 'GET', '/configs/x', 'not-permitted'],
  [['viewer'], 'GET', '/containers/db/export', 'not-permitted'],
  [['operator'], 'POST', '/containers/db/stop?t=1', true],
  [['operator'], 'POST', '/containers/db/start?checkpoint=x', 'not-judged'],
  [['operator'], 'POST', '/containers/db/stop?nonsense=1', 'not-judged'],
  [['operator'], 'POST', '/containers/create', 'not-permitted'],
  [['viewer', 'operator'], 'POST', '/containers/db/kill', true],
  [['developer'], 'POST', '/containers/create', 'not-judged'],
  [['developer'], 'POST', '/containers/web/exec', 'not-judged'],
  [['developer'], 'POST', '/build', true],
  [['developer'], 'POST', '/build?networkmode=host', 'limit'],
  [['developer'], 'POST', '/build?version=2', 'limit'],
  [['developer'], 'POST', '/session', 'not-permitted'],
  [['developer'], 'POST', '/containers/web/start', true],
  [['developer'], 'POST', '/containers/db/start', 'not-theirs'],
  [['developer'], 'POST', '/containers/old/start', 'not-theirs'],
  [['developer'], 'POST', '/containers/nosuch/start', 'not-theirs'],
  [['developer'], 'GET', '/containers/db/json', 'not-theirs'],
  [['developer'], 'GET', '/containers/db/attach/ws?stdin=1', 'not-theirs'],
  [['developer'], 'GET', '/images/busybox/json', true],
  [['developer'], 'DELETE', '/images/busybox', 'not-permitted'],
  [['developer'], 'GET', '/events', true],
  [['builder'], 'GET', '/events', 'not-permitted'],
  [['admin'], 'POST', '/containers/create', true],
  [['admin'], 'POST', '/grpc', true],
  [['admin', 'viewer'], 'GET', '/debug/vars', true],
]

describe('authorize', () => {
  for (const [roles, method, target, expected] of rows) {
    const said = expected === true ? 'lets' : `answers ${expected} to`
    it(`${said} ${method} ${target} as ${roles.join(' and ') || 'nobody'}`, () => {
      const known = [mine, foreign, nobodys, base]
      const decision = decide(roles.map(role), ask(method, target), known)
      assert.equal(decision.allow ? true : decision.reason, expected)
    })
  }

  it('answers for what is another person’s just as for what is not there', () => {
    const developer = [role('developer')]
    const theirs = decide(developer, ask('GET', '/containers/db/json'), [foreign])
    const missing = decide(developer, ask('GET', '/containers/db/json'), [])
    assert.deepEqual(theirs, missing)
    assert.ok(!theirs.allow)
    assert.equal(theirs.message, 'No such container: db')
  })

  it('forwards the id that was judged, not the name', () => {
    const decision = decide([role('developer')], ask('POST', '/v1.41/containers/web/stop'), [mine])
    assert.ok(decision.allow)
    assert.equal(formatTarget(decision.operation.target), '/v1.41/containers/web-id/stop')
  })

  it('confines a list to the owner, whatever the client filters by', () => {
    for (const filters of ['', '?filters={"label":["dockgate.owner=bob"]}', '?filters={}']) {
      const asked = ask(
        'GET',
        `/containers/json${filters.replaceAll('"', '%22').replaceAll('{', '%7B').replaceAll('}', '%7D')}`,
      )
      const decision = decide([role('developer')], asked, [])
      assert.ok(decision.allow)
      const sent = decodeURIComponent(formatTarget(decision.operation.target))
      assert.match(sent, /"dockgate\.owner=alice":true/)
    }
  })

  it('sends no second value of a label that confines, which swarm would believe by chance', () => {
    for (const filter of ['dockgate.owner=bob', 'dockgate.owner', 'dockgate.owner=']) {
      const text = encodeURIComponent(JSON.stringify({ label: [filter, 'tier=dev'] }))
      const decision = decide([role('deployer')], ask('GET', `/secrets?filters=${text}`), [])
      assert.ok(decision.allow)
      const sent = decodeURIComponent(formatTarget(decision.operation.target))
      assert.equal(sent, '/secrets?filters={"label":{"tier=dev":true,"dockgate.owner=alice":true}}')
    }
  })

  it('lets a denial in any role win over every allow', () => {
    const denying: Role = {
      ...role('viewer'),
      name: 'no-logs',
      denies: new Set(['container.logs']),
    }
    for (const roles of [
      [role('admin'), denying],
      [denying, role('admin')],
    ]) {
      const decision = decide(roles, ask('GET', '/containers/web/logs?stdout=1'), [mine])
      assert.equal(decision.allow, false)
      assert.equal(decision.allow ? '' : decision.reason, 'denied-by-role')
    }
  })

  it('never allows what no role of theirs names, in no order of roles', () => {
    const names = fc.uniqueArray(fc.constantFrom(...permissions), { maxLength: 20 })
    const anyRole = fc.record({ allows: names, denies: names, unlimited: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(anyRole, { maxLength: 4 }),
        fc.constantFrom(...catalog),
        (made, endpoint) => {
          const roles = made.map(({ allows, denies, unlimited }, index): Role => ({
            name: `r${index}`,
            allows: new Set(allows),
            denies: new Set(denies),
            on: { kind: 'all' },
            limits: unlimited ? 'none' : safeLimits,
            hide: [],
          }))
          const operation: Operation = {
            endpoint,
            permission: endpoint.permission,
            target: { version: undefined, path: '/', query: [] },
            params: {},
            references: [],
            demands: [],
          }
          const admission = admit(roles, person('alice'), operation)
          const backwards = admit(roles.toReversed(), person('alice'), operation)
          assert.equal('allow' in admission, 'allow' in backwards)
          if ('allow' in admission) return
          const open = ['system.ping', 'system.version'].includes(operation.permission)
          const named = roles.some((one) => one.allows.has(operation.permission))
          const denied = roles.some((one) => one.denies.has(operation.permission))
          assert.ok(open || (named && !denied))
        },
      ),
      { numRuns: 500 },
    )
  })
})
