// Live streams and steady traffic for a while: nothing grows, nothing is cut, and nothing is left.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { projectRoot } from '../helpers/engine.ts'

describe('a soak', () => {
  it('stays flat with 200 streams', async () => {
    const script = join(projectRoot, 'scripts/soak.mjs')
    const options = ['--streams', '200', '--seconds', '20', '--json']
    const child = spawn(process.execPath, [script, ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const closed = once(child, 'close')
    const [said, complained] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()])
    const [code] = await closed
    assert.equal(code, 0, `${complained.join('')}${said.join('')}`)
    const { counts, last } = JSON.parse(said.join(''))
    assert.ok(counts.ps > 5 && counts.exec > 0)
    assert.ok(last.sessions >= 200)
  })
})
