// The end of the audit, the newest first.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { readRecent } from '../../src/audit/recent.ts'
import { temporaryFolder } from '../helpers/ca-store.ts'

const start = Date.parse('2026-11-24T00:00:00Z')
/** One a second; `padding` makes lines of all lengths. */
function linesOf(from: number, to: number, padding = 0): string {
  let text = ''
  for (let seq = from; seq <= to; seq += 1) {
    const time = new Date(start + seq * 1_000).toISOString()
    const fields = { seq, prev: '0'.repeat(64), time, event: seq % 3 === 0 ? 'ended' : 'decided' }
    text += `${JSON.stringify({ ...fields, detail: 'ü'.repeat((seq * 37) % (padding + 1)) })}\n`
  }
  return text
}

async function seen(path: string, since: number, maxBytes: number, most = Infinity) {
  const found: number[] = []
  const read = await readRecent(path, { since, maxBytes }, (line) => {
    found.push(line.seq)
    return found.length < most
  })
  return { found, ...read }
}
const decided = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => to - index).filter((seq) => seq % 3 !== 0)

describe('what was decided lately', () => {
  for (const padding of [0, 900, 9_000]) {
    it(`is read whole across pieces and files, with lines of up to ${2 * padding + 150} bytes`, async () => {
      const folder = temporaryFolder()
      const path = join(folder, 'audit.log')
      writeFileSync(join(folder, 'audit-2026-11-24-001.log'), linesOf(1, 400, padding))
      writeFileSync(path, linesOf(401, 800, padding))
      const { found, cut, backTo } = await seen(path, 0, 1e9)
      assert.deepEqual(found, decided(1, 800))
      assert.deepEqual([cut, backTo], [false, 0])
    })
  }

  it('is of all chains where several processes serve, in the order of time', async () => {
    const path = join(temporaryFolder(), 'audit.log')
    const one = linesOf(1, 90).split('\n')
    const pick = (slot: number): string =>
      one
        .filter((line, index) => line !== '' && index % 3 === slot)
        .map((line) => `${line}\n`)
        .join('')
    writeFileSync(path, pick(0))
    writeFileSync(path.replace('.log', '.w1.log'), pick(1))
    writeFileSync(path.replace('.log', '.w2.log'), pick(2))
    const { found, cut } = await seen(path, start + 5_000, 1e9)
    assert.deepEqual([found, cut], [decided(5, 90), false])
  })

  it('ends where it was asked to, by time, by bytes and by count', async () => {
    const path = join(temporaryFolder(), 'audit.log')
    writeFileSync(path, linesOf(1, 5_000))
    const byTime = await seen(path, start + 4_900_000, 1e9)
    assert.deepEqual([byTime.found, byTime.cut], [decided(4_900, 5_000), false])
    const byBytes = await seen(path, 0, 1)
    assert.ok(byBytes.cut && byBytes.found.length > 100 && byBytes.found.length < 2_000)
    assert.equal(byBytes.backTo, start + (byBytes.found.at(-1) ?? 0) * 1_000)
    const byCount = await seen(path, 0, 1e9, 3)
    assert.deepEqual([byCount.found, byCount.cut], [[5_000, 4_999, 4_997], true])
  })

  it('passes over what is no record, and a line that is being written', async () => {
    const path = join(temporaryFolder(), 'audit.log')
    writeFileSync(path, `${linesOf(1, 2)}garbage\n\n${linesOf(4, 4)}{"seq":5,"ev`)
    assert.deepEqual((await seen(path, 0, 1e9)).found, [4, 2, 1])
  })
})
