import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { corpus, play, type Cast, type Outcome } from '../helpers/corpus.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'

const roles = `grants:
  - to: { name: alice }
    roles: [developer]
  - to: { name: bob }
    roles: [developer]
`

let gateway: GatewayProcess
let cast: Cast
before(async () => {
  gateway = await startGatewayProcess({ roles })
  const player = (name: string) => ({
    door: gateway.door(gateway.identity(name)),
    // Their own things they make through the gateway too: what it labels is what it finds again.
    workshop: gateway.door(gateway.identity(name)),
    labels: { 'dockgate.owner': name },
  })
  cast = { own: player('alice'), victim: player('bob') }
})
after(() => gateway.stop())

function shown({ answer }: Outcome): string {
  return answer === undefined ? 'no answer' : `${answer.status} ${answer.body.toString()}`
}

describe('a developer behind the gateway', { concurrency: 2 }, () => {
  for (const entry of corpus) {
    if (entry.expect === 'allow') {
      it(`may ${entry.id}: ${entry.method} ${entry.path}`, async () => {
        const outcome = await play(entry, cast)
        assert.ok(outcome.effect, shown(outcome))
      })
      continue
    }
    it(`gets nowhere by ${entry.id}: ${entry.effect}`, async () => {
      const outcome = await play(entry, cast)
      assert.equal(outcome.effect, false, shown(outcome))
      assert.deepEqual(outcome.created, [])
      const status = outcome.answer?.status ?? 0
      assert.ok(status >= 400 && status < 500, shown(outcome))
    })
  }
})
