// Whose certificate ends soon is told so in every answer, and the operator in the log.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { validity } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, type RawAnswer } from '../helpers/raw-http.ts'

const hourMs = 3_600_000
let engine: FakeEngine
let gateway: GatewayProcess
before(async () => {
  engine = await startFakeEngine('alice')
  const roles = 'grants: [{to: {anyone: true}, roles: [viewer]}]\n'
  gateway = await startGatewayProcess({ roles, enginePath: engine.path, settings: 'remind: 24h\n' })
})
after(async () => {
  await gateway.stop()
  await engine.close()
})

const asks = [
  ['a plain one', 'GET', '/containers/json', 200],
  ['a refused one', 'POST', '/containers/x/restart', 403],
  ['one of our own', 'GET', '/_dockgate/whoami', 200],
  ['one that is no operation', 'GET', '/no/such/thing', 403],
] as const

describe('an answer', () => {
  // prettier-ignore
  const lives = [
    ['soon', -8 * 24 * hourMs, 20 * hourMs, true],
    ['in more than a day', -8 * 24 * hourMs, 30 * hourMs, false],
    ['in a last quarter of an hour', -0.8 * hourMs, 0.2 * hourMs, true],
    ['in half an hour of an hour', -0.5 * hourMs, 0.5 * hourMs, false],
  ] as const
  for (const [when, from, until, isTold] of lives) {
    it(`${isTold ? 'tells' : 'does not tell'} whose certificate ends ${when}`, async () => {
      const name = `person-${String(until)}`
      const subject = sequence(rdn(CN, name))
      const identity = gateway.authority.issue({ subject, validity: validity(from, until) })
      const said = ({ headers }: RawAnswer): string | undefined =>
        headers.find(([header]) => header === 'dockgate-certificate-expires')?.[1]
      for (const [what, method, path, status] of asks) {
        const answer = await askDoor(gateway.door(identity), { method, path })
        assert.equal(answer.status, status)
        if (!isTold) {
          assert.equal(said(answer), undefined, what)
          continue
        }
        assert.match(said(answer) ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, what)
        assert.ok(Math.abs(Date.parse(said(answer) ?? '') - Date.now() - until) < 60_000)
      }
      const lines = gateway.log().split('\n').filter((line) => line.includes(`"${name}"`) && line.includes('expires soon')) // prettier-ignore
      assert.equal(lines.length, isTold ? 1 : 0)
    })
  }
})
