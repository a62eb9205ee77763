// Which roles amount to root, by which way.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseRoles } from '../../src/config/roles-file.ts'
import { waysToRoot, type Ground } from '../../src/doctor/root-roles.ts'
import { compilePolicy } from '../../src/policy/policy.ts'

const ground: Ground = {
  sockets: ['/var/run/docker.sock', '/run/docker.sock'],
  keys: ['/srv/dockgate/certs'],
  engineRoot: '/data/docker',
  strong: [
    { name: 'portainer', why: 'mounts /var/run/docker.sock', labels: { tier: 'tools' } },
    { name: 'vpn', why: 'is privileged', labels: {} },
  ],
}

function waysOf(role: string): readonly string[] {
  const read = parseRoles(`roles:\n  it: ${role}\ngrants: []\n`, 'roles.yaml')
  assert.ok('file' in read, JSON.stringify(read))
  const compiled = compilePolicy(read.file, '').roles.get('it')
  assert.ok(compiled !== undefined)
  return waysToRoot(compiled, ground)
}

const create = 'allow: [container.*]'
const rows: readonly (readonly [what: string, role: string, ways: readonly RegExp[]])[] = [
  ['safe limits are not root', `{ ${create} }`, []],
  ['no limits', `{ ${create}, limits: none }`, [/create containers/]],
  [
    'no limits, but for what is denied',
    `{ ${create}, deny: [container.create], limits: none }`,
    [],
  ],
  ['no limits for what only looks', '{ allow: [container.ls, container.logs], limits: none }', []],
  ['plugins without limits', '{ allow: [plugin.install], limits: none }', [/plugins/]],
  ['BuildKit without limits', '{ allow: [builder.grpc], limits: none }', [/BuildKit/]],
  ['privileged', `{ ${create}, limits: { privileged: true } }`, [/limits.privileged/]],
  [
    'privileged, and nothing to create',
    '{ allow: [container.ls], limits: { privileged: true } }',
    [],
  ],
  ['SYS_ADMIN', `{ ${create}, limits: { capabilities: [SYS_ADMIN] } }`, [/SYS_ADMIN/]],
  ['NET_BIND_SERVICE', `{ ${create}, limits: { capabilities: [NET_BIND_SERVICE] } }`, []],
  ['a disk', `{ ${create}, limits: { devices: [/dev/sda] } }`, [/\/dev\/sda/]],
  ['a sound card', `{ ${create}, limits: { devices: [/dev/snd] } }`, []],
  ['all of the host, to read', bind('/', true), [/holds the engine's socket/]],
  ["the socket's folder, to read", bind('/run', true), [/holds the engine's socket/]],
  ['/etc, to read', bind('/etc', true), []],
  ['/etc, to write', bind('/etc', false), [/may be written/]],
  ['a folder of /etc, to write', bind('/etc/cron.d', false), [/may be written and is of \/etc/]],
  ['a folder beside /etc', bind('/etcetera', false), []],
  ["the engine's own files", bind('/data/docker/volumes', false), [/may be written/]],
  ["dockgate's keys, to read", bind('/srv/dockgate', true), [/holds dockgate's keys/]],
  ['data', bind('/srv/shared', false), []],
  [
    'privileged commands',
    '{ allow: [exec.create, exec.start], limits: { exec: { privileged: true } } }',
    [/limits.exec.privileged/],
  ],
  [
    'commands in everybody’s containers',
    '{ allow: [exec.create, exec.start], on: all }',
    [/run commands in the container portainer, which mounts/, /vpn, which is privileged/],
  ],
  [
    'commands in containers with a label',
    '{ allow: [exec.create, exec.start], on: { label: { tier: tools } } }',
    [/portainer/],
  ],
  ['commands in their own', '{ allow: [exec.create, exec.start], on: own }', []],
  [
    'one command in everybody’s',
    '{ allow: [exec.create, exec.start], on: all, limits: { exec: { commands: [ls] } } }',
    [],
  ],
  ['files in everybody’s', '{ allow: [container.cp-in], on: all }', [/write files/, /write files/]],
]

function bind(source: string, readOnly: boolean): string {
  return `{ ${create}, limits: { binds: [{ source: ${source}, readOnly: ${readOnly} }] } }`
}

describe('a role with', () => {
  for (const [what, role, ways] of rows) {
    it(`${what}: ${ways.length === 0 ? 'is not root' : 'is root'}`, () => {
      const found = waysOf(role)
      assert.equal(found.length, ways.length, JSON.stringify(found))
      for (const [index, way] of ways.entries()) assert.match(found[index] ?? '', way)
    })
  }
})
