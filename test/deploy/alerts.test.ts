// The rules for Prometheus: they are sound, tell what they should, and ask for nothing that the gateway
// does not say.
import assert from 'node:assert/strict'
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { projectRoot } from '../helpers/engine.ts'
import { startCrowdedGateway, until } from '../helpers/crowded-gateway.ts'

const folder = join(projectRoot, 'scripts/deploy')
const promtool = (...args: string[]): SpawnSyncReturns<string> =>
  spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' })
const skip = promtool('--version').error !== undefined && 'promtool is not here'

describe('the rules for Prometheus', () => {
  for (const args of [
    ['check', 'rules', 'alerts.yaml'],
    ['test', 'rules', 'alerts-test.yaml'],
  ]) {
    it(`stand promtool ${args.join(' ')}`, { skip }, () => {
      const { status, stdout, stderr } = promtool(...args)
      assert.equal(status, 0, `${stdout}${stderr}`)
    })
  }

  for (const workers of [1, 2]) {
    it(`find in the metrics what they ask for, and faults change it, with ${workers} at work`, async () => {
      const roles = 'grants: [{ to: { name: monitor }, roles: [admin] }]\n'
      const site = await startCrowdedGateway(roles, 'audit: { onFailure: allow-reads }\n', workers)
      try {
        const text = String((await site.ask('monitor', '/_dockgate/metrics')).body)
        const asked = readFileSync(join(folder, 'alerts.yaml'), 'utf8').match(/dockgate_\w+/g) ?? []
        assert.ok(asked.length > 8)
        for (const name of asked) assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'))

        const { home } = site.gateway
        const faults = async (): Promise<readonly number[]> => [
          await site.metric('dockgate_audit_failing'),
          await site.metric('dockgate_engine_up'),
          await site.metric('dockgate_files_faulty'),
        ]
        assert.deepEqual(await faults(), [0, 1, 0])
        writeFileSync(join(home, 'roles.yaml'), 'nonsense: 1\n')
        await until(async () => (await faults())[2] === 1)
        const logs = workers === 1 ? ['audit.log'] : ['audit.w1.log', 'audit.w2.log']
        for (const log of logs) {
          renameSync(join(home, log), join(home, `${log}.away`))
          mkdirSync(join(home, log))
        }
        await until(async () => (await faults())[0] === 1)
        for (const log of logs) {
          rmdirSync(join(home, log))
          renameSync(join(home, `${log}.away`), join(home, log))
        }
        await until(async () => (await faults())[0] === 0)
        await site.engine.close()
        await until(async () => (await faults())[1] === 0)
        assert.deepEqual(await faults(), [0, 0, 1])
      } finally {
        await site.gateway.stop()
      }
    })
  }
})
