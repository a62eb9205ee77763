// The delay of the event loop, as the metrics tell it.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { looksNever, measureLoopDelay } from '../../src/gateway/loop-delay.ts'

describe('the delay of the event loop', () => {
  it('is how long it was held, without the time between two looks', async () => {
    const registry = new Registry()
    const prefix = 'gate_'
    collectDefaultMetrics({ register: registry, prefix, eventLoopMonitoringPrecision: looksNever })
    measureLoopDelay(registry, prefix)
    await sleep(500)
    const until = performance.now() + 600
    while (performance.now() < until);
    await sleep(300)
    const text = await registry.metrics()
    const value = (what: string): number => {
      const lines = text.match(new RegExp(`^gate_nodejs_eventloop_lag_${what}seconds .*$`, 'gm'))
      assert.equal(lines?.length, 1, text)
      return Number(lines?.[0]?.split(' ')[1])
    }
    assert.ok(value('max_') >= 0.45, text)
    assert.ok(value('p99_') >= 0.45, text)
    assert.ok(value('min_') < 0.09, text)
    assert.ok(value('mean_') > 0 && value('mean_') < value('max_'), text)
    assert.ok(value('') >= 0, text)
  })

  it('stays as it was found when it is read again at once', async () => {
    const registry = new Registry()
    measureLoopDelay(registry, '')
    await sleep(500)
    await registry.metrics()
    const text = await registry.metrics()
    const [, min] = /^nodejs_eventloop_lag_min_seconds (.*)$/m.exec(text) ?? []
    assert.ok(Number(min) < 10, text)
  })
})
