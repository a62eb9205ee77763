import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { catalog } from '../../src/docker/catalog.ts'
import type { Endpoint } from '../../src/docker/operation.ts'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor } from '../helpers/raw-http.ts'

// What each built-in role may, written a second time by hand: a slip in the one is seen in the other.
const look = `container.ls container.inspect container.logs container.stats container.top container.diff
  container.wait image.ls image.inspect image.history network.ls network.inspect volume.ls
  volume.inspect service.ls service.inspect service.logs task.ls task.inspect task.logs node.ls
  node.inspect secret.ls config.ls plugin.ls plugin.inspect system.info system.events system.df`
const open = 'system.ping system.version'
const matrix: Readonly<Record<string, string>> = {
  viewer: look,
  operator: `${look} container.start container.stop container.restart container.kill container.pause
    container.unpause`,
  monitor: `system.info system.df system.events container.ls container.inspect container.stats image.ls
    network.ls volume.ls service.ls task.ls node.ls`,
  admin: catalog.map(({ permission }) => permission).join(' '),
  nobody: '',
  // What these reach is their own; of what creates, only what needs no body is tried here.
  builder: `image.ls image.inspect image.history image.pull image.tag image.push image.rm image.prune
    image.import image.load builder.prune distribution.inspect system.info image.build`,
  developer: `container.* exec.* network.* volume.* image.ls image.inspect image.history image.pull
    image.build image.tag image.rm image.import image.load image.prune builder.prune system.info system.events system.df`,
  deployer: `container.* network.* volume.* service.* task.* secret.* config.* image.ls image.inspect
    image.pull system.info system.events system.df`,
}
const roles = ['grants:']
  .concat(
    Object.keys(matrix)
      .filter((name) => name !== 'nobody')
      .map((name) => `  - to: { name: ${name}-person }\n    roles: [${name}]`),
  )
  .join('\n')

const queries: Readonly<Record<string, string>> = { ImageCreate: '?fromImage=busybox&tag=1' }

function pathOf(endpoint: Endpoint): string {
  const path = endpoint.path
    .replace('{any}', 'containers/json')
    .replaceAll(/\{[a-z]+\}/g, endpoint.refers === 'image' ? 'busybox' : 'thing')
  return `${path}${queries[endpoint.id] ?? ''}`
}

function mayBe(allowed: ReadonlySet<string>, permission: string): boolean {
  return allowed.has(permission) || allowed.has(`${permission.split('.')[0]}.*`)
}

let engine: FakeEngine
let gateway: GatewayProcess
before(async () => {
  engine = await startFakeEngine('developer-person')
  gateway = await startGatewayProcess({ roles, enginePath: engine.path })
})
after(async () => {
  await gateway.stop()
  await engine.close()
})

/** Bounds on what a role reaches and creates come after its permission, with words of their own. */
const bounded = new Set(['builder', 'developer', 'deployer'])

for (const [role, permissions] of Object.entries(matrix)) {
  const allowed = new Set(`${permissions} ${open}`.split(/\s+/))
  describe(`the role ${role}`, () => {
    for (const endpoint of catalog) {
      const { id, method, permission } = endpoint
      const may = mayBe(allowed, permission)
      it(`${may ? 'may' : 'may not'} ${permission} (${id})`, async () => {
        engine.take()
        const door = gateway.door(gateway.identity(`${role}-person`))
        const json = endpoint.body === 'json' && method !== 'GET'
        const answer = await askDoor(door, {
          method,
          path: pathOf(endpoint),
          ...(json ? { body: '{}', headers: { 'Content-Type': 'application/json' } } : {}),
        })
        const said = answer.body.toString()
        const reached = engine.take().map(({ line }) => line)
        if (!may) {
          assert.equal(answer.status, 403, said)
          if (method !== 'HEAD') {
            const words = role === 'nobody' ? 'no grant gives them a role' : 'does not allow it'
            const { message } = JSON.parse(said)
            assert.match(message, new RegExp(`^dockgate: ${role}-person may not .*: .*${words}`))
          }
          assert.deepEqual(reached, [])
        } else if (bounded.has(role) && !open.includes(permission)) {
          assert.doesNotMatch(said, /does not allow it|no grant gives them/)
        } else {
          assert.equal(answer.status, 200, said)
          assert.ok(reached.at(-1)?.startsWith(`${method} `), reached.join(', '))
        }
      })
    }
  })
}
