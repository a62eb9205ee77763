// How long transcripts are kept: as long as the days of the audit that tell of them.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { sweepTranscripts } from '../../src/audit/sweep-transcripts.ts'

const dayMs = 86_400_000
const noon = Date.parse('2026-11-24T12:00:00Z')
const nameOf = (day: number): string =>
  `01M8DS9AKD4583G4GMBPH0C${String(day).padStart(3, '0')}.cast`

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dockgate-sweep-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, atMs: number): void {
  writeFileSync(join(folder, name), 'x')
  utimesSync(join(folder, name), atMs / 1_000, atMs / 1_000)
}

describe('transcripts', () => {
  it('go day by day as the clock goes on, the day of the last that is kept whole', () => {
    for (let day = 0; day < 5; day++) write(nameOf(day), noon + day * dayMs)
    const left = (nowMs: number): number => {
      sweepTranscripts(folder, 3, nowMs)
      return readdirSync(folder).length
    }
    const midnight = Date.parse('2026-11-25T00:00:00Z')
    assert.equal(left(noon + 4 * dayMs), 4)
    assert.deepEqual(readdirSync(folder).toSorted(), [1, 2, 3, 4].map(nameOf))
    assert.equal(left(midnight + 4 * dayMs - 1), 4)
    assert.equal(left(midnight + 4 * dayMs), 3)
    assert.equal(left(noon + 400 * dayMs), 0)
  })

  it('stay for ever where the audit does', () => {
    write(nameOf(0), noon)
    sweepTranscripts(folder, undefined, noon + 10_000 * dayMs)
    assert.equal(readdirSync(folder).length, 1)
  })

  it('are all that goes', () => {
    const others = ['audit.log', `${nameOf(1)}.bak`, 'notes.cast', nameOf(2).toLowerCase()]
    for (const name of others) write(name, noon)
    sweepTranscripts(folder, 1, noon + 100 * dayMs)
    assert.deepEqual(readdirSync(folder).toSorted(), others.toSorted())
  })

  it('need no folder', () => {
    sweepTranscripts(join(folder, 'none'), 1, noon)
  })
})
