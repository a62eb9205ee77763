// What well-known clients call, written down from their sources, held against the presets.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { permissions } from '../../src/docker/catalog.ts'
import { readOperation } from '../../src/docker/read.ts'
import { parseRoles } from '../../src/config/roles-file.ts'
import { isFailure } from '../../src/errors.ts'
import { admit } from '../../src/policy/authorize.ts'
import { compilePolicy } from '../../src/policy/policy.ts'
import { presets } from '../../src/policy/presets.ts'
import { person } from '../helpers/person.ts'

const run = 'POST /containers/create,POST /containers/x/start,POST /containers/x/attach,POST /containers/x/wait,POST /containers/x/stop,POST /containers/x/kill,DELETE /containers/x,GET /containers/x/logs' // prettier-ignore
const exec = 'POST /containers/x/exec,POST /exec/x/start,GET /exec/x/json'
const look = 'GET /containers/json?all=1,GET /containers/x/json'

/** May call all of the first, none of the second. */
const clients: readonly (readonly [name: string, calls: string, never: string])[] = [
  ['console', 'GET /_dockgate/console/sessions,GET /_dockgate/console/decisions,GET /_dockgate/console/denials,GET /_dockgate/console/roles,GET /_dockgate/console/certificates,GET /_dockgate/console/health', 'DELETE /_dockgate/sessions/x,GET /containers/json'], // prettier-ignore
  ['console-own', 'GET /_dockgate/console/sessions,DELETE /_dockgate/sessions/x,GET /_dockgate/console/denials', 'GET /_dockgate/console/health,GET /info'], // prettier-ignore
  ['traefik', `GET /version,${look},GET /events`, 'POST /containers/x/stop,GET /containers/x/logs'],
  ['traefik-swarm', 'GET /services,GET /networks,GET /tasks,GET /nodes/x', 'GET /secrets'],
  ['portainer-read', `${look},GET /images/json,GET /networks/x,GET /volumes/x,GET /info,GET /system/df,GET /nodes`, 'POST /containers/create,GET /swarm'], // prettier-ignore
  ['portainer', `${look},${run},${exec},POST /build,POST /images/create?fromImage=a,POST /networks/create,POST /volumes/create,POST /services/create,GET /plugins`, 'POST /plugins/pull?remote=a,POST /swarm/leave'], // prettier-ignore
  ['watchtower', `${look},GET /images/x/json,POST /containers/x/kill,DELETE /containers/x,POST /containers/create,POST /networks/x/disconnect,POST /networks/x/connect,POST /containers/x/start,POST /containers/x/rename,POST /images/create?fromImage=a,DELETE /images/x,${exec}`, 'POST /images/create?fromSrc=a'], // prettier-ignore
  ['dozzle', `GET /info,${look},GET /containers/x/stats,GET /containers/x/logs,GET /events`, 'POST /containers/x/start,POST /containers/x/exec'], // prettier-ignore
  ['dozzle-actions', 'POST /containers/x/start,POST /containers/x/stop,POST /containers/x/restart,DELETE /containers/x', 'POST /containers/x/exec'], // prettier-ignore
  [
    'homepage',
    `${look},GET /containers/x/stats,GET /services,GET /tasks`,
    'GET /containers/x/logs',
  ],
  ['prometheus', 'GET /containers/json,GET /networks,GET /services,GET /tasks,GET /nodes', 'GET /containers/x/json'], // prettier-ignore
  ['cadvisor', 'GET /info,GET /version,GET /images/json,GET /containers/x/json', 'GET /events'],
  ['netdata', 'GET /containers/x/json', 'GET /containers/json'],
  ['diun', `${look},GET /images/x/json,GET /services`, 'POST /images/create?fromImage=a'],
  ['autoheal', 'GET /containers/json,POST /containers/x/restart', 'POST /containers/x/stop'],
  ['gitlab-runner', `${look},${run},POST /exec/x/start,GET /info,GET /images/x/json,POST /images/create?fromImage=a,POST /images/x/tag,GET /networks,POST /networks/create,GET /networks/x,POST /networks/x/disconnect,DELETE /networks/x,POST /volumes/create,GET /volumes,GET /volumes/x,DELETE /volumes/x`, 'POST /images/x/push'], // prettier-ignore
  ['jenkins', `${look},POST /containers/create,PUT /containers/x/archive,POST /containers/x/exec,POST /build,POST /commit?container=x,POST /images/x/tag,POST /images/x/push,DELETE /images/x`, 'GET /events'], // prettier-ignore
  ['testcontainers', `GET /info,GET /events,${look},${run},${exec},POST /build,POST /commit?container=x,PUT /containers/x/archive,GET /containers/x/archive,POST /networks/create,DELETE /networks/x`, 'POST /images/x/push'], // prettier-ignore
  ['compose', `${look},${run},${exec},POST /containers/x/pause,POST /containers/x/rename,GET /containers/x/top,GET /networks,POST /networks/create,POST /networks/x/connect,DELETE /networks/x,POST /volumes/create,DELETE /volumes/x,POST /images/x/push,GET /events,GET /info`, 'GET /swarm,POST /session'], // prettier-ignore
  ['devcontainers', `${look},${run},${exec},POST /containers/x/resize,GET /images/x/json,GET /volumes/x,POST /build,GET /events,GET /info`, 'POST /images/x/push'], // prettier-ignore
  ['uptime-kuma', look, 'GET /info'],
  ['telegraf', `GET /info,${look},GET /containers/x/logs,GET /containers/x/stats`, 'GET /events'],
  ['containers', look, 'GET /images/json'],
  ['images', 'GET /images/json,GET /images/x/json', 'GET /images/x/get'],
  ['networks', 'GET /networks,GET /networks/x', 'POST /networks/create'],
  ['volumes', 'GET /volumes,GET /volumes/x', 'DELETE /volumes/x'],
  ['services', 'GET /services,GET /services/x', 'GET /services/x/logs'],
  ['tasks', 'GET /tasks,GET /tasks/x', 'GET /tasks/x/logs'],
  ['events', 'GET /events', 'GET /info'],
  ['info', 'GET /info', 'GET /events'],
  ['version', 'GET /version', 'GET /info'],
  ['ping', 'GET /_ping,HEAD /_ping', 'GET /info'],
]

const policy = compilePolicy({ roles: [], grants: [] }, '')

function isAdmitted(role: string, call: string): boolean {
  const [method = '', target = ''] = call.split(' ')
  const operation = readOperation(method, `/v1.41${target}`)
  if (isFailure(operation)) assert.fail(`${call}: ${operation.message}`)
  const compiled = policy.roles.get(role)
  assert.ok(compiled)
  return !('allow' in admit([compiled], person('app'), operation))
}

describe('presets', () => {
  it('are all held against their clients here', () => {
    const named = clients.map(([name]) => `preset:${name}`).toSorted()
    assert.deepEqual(presets.map(({ name }) => name).toSorted(), named)
  })

  for (const [name, calls, never] of clients) {
    it(`let ${name} do what it does, and nothing beyond`, () => {
      for (const call of calls.split(',')) assert.ok(isAdmitted(`preset:${name}`, call), call)
      for (const call of never.split(',')) assert.ok(!isAdmitted(`preset:${name}`, call), call)
    })
  }

  it('name permissions that there are, and never lift a limit', () => {
    for (const { name, allow, limits } of presets) {
      assert.notEqual(limits, 'none', name)
      for (const one of allow) assert.ok(permissions.has(one) || one.endsWith('.*'), one)
    }
  })

  it('can be included, with the reach of the role that includes them', () => {
    const read = parseRoles('roles: {a: {includes: [preset:netdata], on: team}}', 'roles.yaml')
    assert.ok('file' in read)
    const role = compilePolicy(read.file, '').roles.get('a')
    assert.deepEqual([role?.on.kind, [...(role?.allows ?? [])]], ['team', ['container.inspect']])
  })

  it('are proposed to whoever mistypes one', () => {
    const read = parseRoles('grants: [{to: {name: a}, roles: [preset:traefic]}]', 'roles.yaml')
    assert.ok('faults' in read)
    assert.equal(read.faults[0]?.hint, 'did you mean preset:traefik?')
  })
})
