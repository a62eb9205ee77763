import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { assert as check, property, string } from 'fast-check'
import { logFiles } from '../../src/audit/files.ts'
import { headPathOf } from '../../src/audit/head.ts'
import { formatLine, origin } from '../../src/audit/line.ts'
import { publicPathOf } from '../../src/audit/signing-key.ts'
import {
  auditFolder,
  day,
  decided,
  fill,
  linesOf,
  writeLines,
  type AuditFolder,
} from '../helpers/audit-log.ts'

let log: AuditFolder
beforeEach(() => {
  log = auditFolder()
})
afterEach(() => log.remove())

type Fields = Readonly<Record<string, unknown>>
const records = (path = log.path): Fields[] =>
  linesOf(path).map((line): Fields => JSON.parse(Buffer.from(line, 'latin1').toString()))
const events = (path = log.path): unknown[] => records(path).map(({ event }) => event)
const messages = async (): Promise<string> => {
  const { findings, notes } = await log.verify()
  return [...findings, ...notes].map(({ message }) => message).join('\n')
}

describe('the audit', () => {
  it('keeps its files and its key to their owner', () => {
    log.open().close()
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
    assert.deepEqual([log.path, headPathOf(log.path), log.keyPath].map(mode), ['600', '600', '600'])
    assert.equal(mode(publicPathOf(log.keyPath)), '644')
  })

  it('goes on where the last process stopped, with the key that it had', async () => {
    const first = log.open()
    fill(first, 3)
    first.close()
    const key = readFileSync(log.keyPath, 'utf8')
    fill(log.open(), 3)
    assert.equal(readFileSync(log.keyPath, 'utf8'), key)
    const opened = records().filter(({ event }) => event === 'opened')
    assert.deepEqual(
      opened.map(({ how }) => how),
      ['new', 'after-close'],
    )
    const { sound, notes } = await log.verify()
    assert.deepEqual([sound, notes], [true, []])
  })

  it('signs what it wrote after 1,000 records', async () => {
    fill(log.open(), 1_200)
    const signed = records().filter(({ why }) => why === 'count')
    assert.equal(signed.length, 2)
    assert.equal((await log.verify()).sound, true)
  })

  it('lets no text of a client make a line or move a terminal', () => {
    const hostile = string({ unit: 'binary' })
    const nasty = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/
    check(
      property(hostile, (text) => {
        const line = formatLine(origin, '2026', 'decided', { who: text })
        assert.doesNotMatch(line, nasty)
        assert.doesNotMatch(line, /\p{C}/u)
        const read: { who: string; event: string } = JSON.parse(line)
        assert.deepEqual([read.who, read.event], [text, 'decided'])
      }),
      {
        numRuns: 2_000,
        examples: [
          '\r\n{"seq":1}',
          '\u2028',
          '\u202e',
          '\u001b[2J',
          '\u009b2J',
          '\u{e0041}',
          '\ud800',
        ].map((text) => [text] as [string]),
      },
    )
  })
})

describe('the audit after a crash', () => {
  /** A process that died: nothing was closed. */
  function crashed(count = 3): void {
    fill(log.open(), count)
  }

  it('cuts off a torn line, and says so for ever', async () => {
    crashed()
    appendFileSync(log.path, '{"seq":9,"prev":"ab\u001b')
    const before = await log.verify()
    assert.equal(before.sound, true)
    assert.match(await messages(), /20 bytes of a record stand here/)
    log.open().close()
    const report = await log.verify()
    assert.equal(report.sound, true)
    assert.match(await messages(), /cut off 20 bytes of a record torn by a crash/)
    const [torn] = records().filter(({ event }) => event === 'recovered')
    assert.equal(torn?.['text'], '{"seq":9,"prev":"ab\u001b')
  })

  it('takes a log that is one record ahead of its head, and no more', async () => {
    crashed()
    const head = readFileSync(headPathOf(log.path))
    const size = statSync(log.path).size
    const lines = linesOf(log.path)
    writeLines(log.path, lines.slice(0, -1))
    const [last = ''] = lines.slice(-1)
    rmSync(headPathOf(log.path))
    log.open().close()
    assert.match(await messages(), /found its head file gone/)
    writeLines(log.path, lines)
    assert.equal(statSync(log.path).size, size)
    writeFileSync(headPathOf(log.path), head)
    assert.equal((await log.verify()).sound, true)
    const second: { prev: string; seq: number } = JSON.parse(last)
    const behind = `${String(second.seq - 1).padStart(16, '0')} ${second.prev}\n`
    writeFileSync(headPathOf(log.path), behind)
    assert.equal((await log.verify()).sound, true)
    log.open().close()
    assert.equal((await log.verify()).sound, true)
  })

  const edits: readonly (readonly [string, () => void, RegExp])[] = [
    [
      'a tail cut off',
      () => writeLines(log.path, linesOf(log.path).slice(0, -2)),
      /7 to 8 were gone/,
    ],
    ['a file taken away', () => rmSync(log.path), /records 1 to 8 were gone/],
    [
      'a last record changed',
      () =>
        writeFileSync(
          log.path,
          readFileSync(log.path, 'latin1').replace(/alice(?=[^}]*\}\n$)/, 'bobby'),
        ),
      /record 8 was changed/,
    ],
    [
      'a last line that is none',
      () => writeLines(log.path, [...linesOf(log.path).slice(0, -1), 'x']),
      /unreadable end/,
    ],
  ]
  for (const [name, edit, said] of edits) {
    it(`records ${name}, and hides it by nothing that follows`, async () => {
      crashed()
      edit()
      const again = log.open()
      fill(again, 2)
      again.close()
      const third = log.open()
      fill(third, 2)
      third.close()
      const report = await log.verify()
      assert.equal(report.sound, false)
      assert.match(await messages(), said)
    })
  }

  it('never takes a long torn end for all of the file', () => {
    crashed()
    appendFileSync(log.path, 'x'.repeat(5 << 20))
    const size = statSync(log.path).size
    assert.throws(() => log.open(), /is no line of a log/)
    assert.equal(statSync(log.path).size, size)
  })
})

describe('the audit while somebody touches its files', () => {
  /** It looks at its path every 20 ms. */
  const laterOn = (): void => void (log.clock.now += 20)

  it('notices a cut, and leaves the gap open', async () => {
    const audit = log.open()
    fill(audit, 3)
    writeLines(log.path, linesOf(log.path).slice(0, -1))
    laterOn()
    fill(audit, 1)
    audit.close()
    assert.equal((await log.verify()).sound, false)
    assert.match(await messages(), /found that records 8 to 8 were gone/)
  })

  it('notices records that it did not write, though their hashes fit', async () => {
    const audit = log.open()
    fill(audit, 3)
    const other = auditFolder(dirname(log.path))
    fill(other.open(), 1)
    laterOn()
    fill(audit, 1)
    audit.close()
    assert.equal((await log.verify()).sound, false)
    assert.match(await messages(), /which it had not written/)
  })

  it('goes on in a new file when its own is moved away, as logrotate does', async () => {
    const audit = log.open()
    fill(audit, 3)
    const moved = `${dirname(log.path)}/audit-2026-11-24-001.log`
    renameSync(log.path, moved)
    laterOn()
    fill(audit, 3)
    audit.close()
    assert.equal(logFiles(log.path).length, 2)
    assert.equal((await log.verify()).sound, true)
    assert.deepEqual(events().slice(0, 1), ['checkpoint'])
  })

  it('begins its head file anew at the next checkpoint, and says so', async () => {
    const audit = log.open()
    fill(audit, 3)
    rmSync(headPathOf(log.path))
    audit.close()
    assert.ok(existsSync(headPathOf(log.path)))
    assert.match(await messages(), /found its head file gone/)
  })

  it('writes nothing into a folder that is gone, counts it, and goes on when it is back', async () => {
    const audit = log.open()
    fill(audit, 1)
    const folder = dirname(log.path)
    renameSync(folder, `${folder}.away`)
    laterOn()
    await assert.rejects(audit.decided(decided('lost')))
    await assert.rejects(audit.decided(decided('lost too')))
    fill({ ...audit, decided: () => Promise.resolve() }, 1)
    assert.equal(log.told.length, 1)
    renameSync(`${folder}.away`, folder)
    fill(audit, 1)
    audit.close()
    assert.equal(log.told.at(-1), 'recovered')
    assert.equal((await log.verify()).sound, true)
    assert.match(await messages(), /2 decisions and 1 ends are not on record/)
  })

  it('leaves the gap when the folder comes back empty', async () => {
    const audit = log.open()
    fill(audit, 1)
    rmSync(log.path)
    rmSync(headPathOf(log.path))
    mkdirSync(dirname(log.path), { recursive: true })
    laterOn()
    fill(audit, 1)
    audit.close()
    assert.equal((await log.verify()).sound, false)
    assert.match(await messages(), /records 1 to 4 were gone/)
  })
})

describe('the audit in many files', () => {
  const names = (): string[] => log.files().map((path) => basename(path))

  it('begins a new one by size, and each holds the chain on', async () => {
    const audit = log.open({ rotate: { bytes: 4_000, daily: true } })
    fill(audit, 30)
    audit.close()
    assert.equal(names()[0], 'audit-2026-11-24-001.log')
    assert.ok(names().length > 4)
    for (const path of log.files().slice(1)) assert.equal(events(path)[0], 'checkpoint')
    for (const path of log.files()) assert.ok(statSync(path).size < 4_600)
    const { sound, notes } = await log.verify()
    assert.deepEqual([sound, notes], [true, []])
  })

  it('begins a new one each day, named for the day that it tells of', async () => {
    const audit = log.open()
    for (let index = 0; index < 3; index++) {
      fill(audit, 2)
      log.clock.now += day
    }
    fill(audit, 1)
    audit.close()
    assert.deepEqual(names(), [
      'audit-2026-11-24-001.log',
      'audit-2026-11-25-001.log',
      'audit-2026-11-26-001.log',
      'audit.log',
    ])
    assert.equal((await log.verify()).sound, true)
  })

  it('stays in one file when it is told to', () => {
    const audit = log.open({ rotate: { bytes: 1 << 20, daily: false } })
    fill(audit, 1)
    log.clock.now += 3 * day
    fill(audit, 1)
    assert.equal(names().length, 1)
  })

  it('does not rotate when the clock goes back', () => {
    const audit = log.open()
    fill(audit, 1)
    log.clock.now -= 3 * day
    fill(audit, 1)
    assert.equal(names().length, 1)
  })

  it('numbers on beyond 999 files a day', () => {
    log.open().close()
    const folder = dirname(log.path)
    renameSync(log.path, `${folder}/audit-2026-11-24-999.log`)
    const audit = log.open({ rotate: { bytes: 3_000, daily: true } })
    fill(audit, 20)
    audit.close()
    assert.deepEqual(names().slice(0, 3), [
      'audit-2026-11-24-999.log',
      'audit-2026-11-24-1000.log',
      'audit-2026-11-24-1001.log',
    ])
  })

  const retentions = [
    ['days', { days: 2, files: undefined }, ['2026-11-26', '2026-11-27', '2026-11-28']],
    ['files', { days: undefined, files: 1 }, ['2026-11-28', 'audit.log']],
  ] as const
  for (const [name, keep, kept] of retentions) {
    it(`keeps so many ${name}, on record, and the rest stays proved`, async () => {
      const audit = log.open({ keep })
      for (let index = 0; index < 5; index++) {
        fill(audit, 2)
        log.clock.now += day
      }
      fill(audit, 1)
      audit.close()
      const report = await log.verify()
      assert.deepEqual([report.sound, report.findings], [true, []])
      assert.ok((report.first?.seq ?? 0) > 1)
      for (const word of kept.slice(-1)) assert.ok(names().some((file) => file.includes(word)))
      assert.ok(names().length <= 4)
      // Whoever removes one more is found out.
      rmSync(log.files()[0] ?? '')
      assert.equal((await log.verify()).sound, false)
      assert.match(await messages(), /no record says that they were retired/)
    })
  }

  it('takes the chain up between a rename and the new file', async () => {
    const audit = log.open()
    fill(audit, 2)
    audit.close()
    renameSync(log.path, `${dirname(log.path)}/audit-2026-11-24-001.log`)
    fill(log.open(), 2)
    truncateSync(log.path, statSync(log.path).size)
    assert.equal((await log.verify()).sound, true)
  })
})
