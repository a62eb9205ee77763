// What nobody foresaw while a request was judged: nothing is done, and the client, and the operator in the
// log, are told of it under one id.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { connect } from 'node:tls'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { createAudit } from '../../src/audit/log.ts'
import { compileRoles, loadSettings } from '../../src/config/load.ts'
import { createClaims } from '../../src/gateway/claims.ts'
import { createKeeper } from '../../src/gateway/state.ts'
import { createStation } from '../../src/gateway/station.ts'
import { createStreamCounts } from '../../src/gateway/stream-counts.ts'
import { createTurns } from '../../src/gateway/turns.ts'
import { createAuthority } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import { startGatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor } from '../helpers/raw-http.ts'

it('logs what nobody foresaw with the id that the client is to quote', async () => {
  const home = mkdtempSync(join(tmpdir(), 'dockgate-unexpected-'))
  const authority = createAuthority('test authority')
  authority.write(join(home, 'certs'))
  writeFileSync(join(home, 'roles.yaml'), '')
  const env = { DOCKGATE_HOME: home, DOCKGATE_LISTEN: '127.0.0.1:0' }
  const now = (): number => Date.now()
  const logged: string[] = []
  const log = pino(
    new Writable({
      write(line, _encoding, done) {
        logged.push(String(line))
        done()
      },
    }),
  )
  const policy = compileRoles('grants: [{ to: { name: alice }, roles: [admin] }]')
  const keeper = createKeeper(
    {
      settings: () => loadSettings(env, home),
      policy: () => policy,
      now,
    },
    () => {},
  )
  const { settings } = keeper.current
  const broken = {
    ...policy,
    rolesOf: () => {
      throw new Error('nobody foresaw this')
    },
  }
  const state = { ...keeper.current, policy: broken }
  const station = await createStation({
    settings,
    log,
    now,
    state: () => state,
    lastReload: () => keeper.lastReload,
    reload: (why) => keeper.reload(why),
    audit: createAudit({ ...settings.audit, now, failing: () => {}, recovered: () => {} }),
    turns: { volumes: createTurns(), quotas: createTurns(), images: createClaims() },
    countStream: createStreamCounts(),
  })
  const { port } = await station.listen(settings.listen)
  try {
    const identity = authority.issue({ subject: sequence(rdn(CN, 'alice')) })
    const answer = await askDoor(
      async () =>
        connect({
          host: '127.0.0.1',
          port,
          servername: 'localhost',
          ca: authority.ca,
          ...identity,
        }),
      { method: 'GET', path: '/containers/json' },
    )
    assert.equal(answer.status, 500)
    const [, id] = /nothing was done \(quote ([0-9A-Z]{26})\)/.exec(answer.body.toString()) ?? []
    const found = logged.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'unexpected')
    assert.equal(found?.err.message, 'nobody foresaw this')
    assert.ok(id !== undefined && found.id === id, JSON.stringify([id, found]))
  } finally {
    await station.close(0)
    rmSync(home, { recursive: true })
  }
})

it('ends with one line of its log where nobody knows what holds, and the next start says so', async () => {
  const fault = "process.on('SIGUSR2', () => { throw new Error('nobody foresaw this') })"
  const started = {
    roles: 'grants: [{ to: { name: alice }, roles: [admin] }]\n',
    enginePath: '/nowhere/engine.sock',
  }
  const gateway = await startGatewayProcess({
    ...started,
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}` },
  })
  process.kill(gateway.pid, 'SIGUSR2')
  while (!gateway.log().includes('"level":60')) await sleep(20)
  await gateway.kill()
  const lines = gateway.log().trimEnd().split('\n')
  const { level, msg, err } = JSON.parse(lines.at(-1) ?? '')
  assert.deepEqual([level, err.message], [60, 'nobody foresaw this'], msg)
  const next = await startGatewayProcess({ ...started, after: gateway })
  assert.match(next.logs(), /"event":"opened","how":"after-crash"/)
  await next.stop()
})
