// Presets under the clients that they are for, where these are on this machine.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runDocker, throughTls } from '../helpers/docker-cli.ts'
import { removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'

const compose = '/usr/bin/docker-compose'
const name = uniqueName('presets')
after(() => removeAll(name))
const folder = mkdtempSync(join(tmpdir(), 'dockgate-presets-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const project = `version: "3.7"
services:
  web:
    build: .
    image: ${name}-web
    command: sh -c 'echo kept > /data/x; sleep 60'
    stop_grace_period: 0s
    volumes: ["data:/data"]
  other:
    image: busybox
    command: sleep 60
    stop_grace_period: 0s
    depends_on: [web]
volumes: { data: {} }
`

describe('preset:compose', { skip: !existsSync(compose) }, () => {
  let gateway: GatewayProcess
  before(async () => {
    const roles = 'grants: [{ to: { name: composer }, roles: ["preset:compose"] }]'
    gateway = await startGatewayProcess({ roles })
  })
  after(() => gateway.stop())

  it('lets docker-compose build, run, change and take down a project', async () => {
    writeFileSync(join(folder, 'docker-compose.yml'), project)
    writeFileSync(join(folder, 'Dockerfile'), 'FROM busybox:local\nRUN : web\n')
    const target = throughTls(`tcp://localhost:${gateway.port}`, gateway.certPath('composer'))
    const steps = [
      'build',
      'up -d --no-color',
      'ps',
      'exec -T web cat /data/x',
      'logs --no-color',
      'top',
      'pause',
      'unpause',
      'restart',
      'up -d --scale other=2',
      'images',
      'stop',
      'rm -f',
      'down -v --rmi local',
    ]
    for (const step of steps) {
      const args = ['-p', name, ...step.split(' ')]
      const { exit, stderr } = await runDocker(target, args, { program: compose, cwd: folder })
      assert.equal(exit, 0, `${step}: ${stderr}`)
      assert.doesNotMatch(stderr, /dockgate:/, step)
    }
    assert.doesNotMatch(gateway.logs(), /"decision":"deny"[^\n]*"reason":"not-permitted"/)
  })
})
