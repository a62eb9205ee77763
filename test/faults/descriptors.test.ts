// A limit on open files below what is in use: nobody new is served, which the log and the metrics tell, and
// all is as before when there are some again.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { runDockgate } from '../helpers/dockgate-process.ts'
import { startGatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, RawConnection, requestBytes } from '../helpers/raw-http.ts'

it('says that no file descriptor is free, goes on with whom it has, and recovers', async (t) => {
  const roles = 'grants: [{ to: { name: alice }, roles: [admin] }]\n'
  const gateway = await startGatewayProcess({ roles, enginePath: '/nowhere/engine.sock' })
  t.after(() => gateway.stop())
  const { pid } = gateway
  const limit = (files: number): void => {
    const set = spawnSync('prlimit', [`--pid=${pid}`, `--nofile=${files}:`])
    assert.equal(set.status, 0, String(set.stderr))
  }
  const alice = gateway.identity('alice')
  const kept = new RawConnection(await gateway.connect(alice))
  const descriptorsOut = async (): Promise<string | undefined> => {
    kept.send(requestBytes({ method: 'GET', path: '/_dockgate/metrics' }))
    const answer = await kept.answer()
    return /^dockgate_descriptors_out ([01])$/m.exec(String(answer?.body))?.[1]
  }
  const said = async (words: string): Promise<void> => {
    while (!gateway.log().includes(words)) await sleep(50)
  }

  assert.equal(await descriptorsOut(), '0')
  limit(readdirSync(`/proc/${pid}/fd`).length - 4)
  await said('no file descriptor is free')
  assert.equal(await descriptorsOut(), '1')
  await assert.rejects(gateway.connect(alice))
  const health = await runDockgate(['health'], { DOCKGATE_HOME: gateway.home })
  assert.equal(health.status, 1, health.stderr)

  limit(1_000)
  await said('file descriptors are free again')
  assert.equal(await descriptorsOut(), '0')
  const asked = await askDoor(gateway.door(alice), { method: 'GET', path: '/_dockgate/whoami' })
  assert.equal(asked.status, 200)
  kept.close()
  assert.equal(gateway.log().split('no file descriptor is free').length, 2)
})
