import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { assert as check, asyncProperty, constantFrom, nat, tuple } from 'fast-check'
import { calculateJwkThumbprint, compactVerify, exportJWK, importSPKI } from 'jose'
import { headPathOf } from '../../src/audit/head.ts'
import { hashLine, parseLine } from '../../src/audit/line.ts'
import { publicPathOf } from '../../src/audit/signing-key.ts'
import type { Report } from '../../src/audit/verify.ts'
import { auditFolder, fill, linesOf, writeLines, type AuditFolder } from '../helpers/audit-log.ts'

/** A log of several files, closed as it should be, and its bytes to put back after each edit. */
let log: AuditFolder
let whole: ReadonlyMap<string, Buffer>
before(async () => {
  log = auditFolder()
  const audit = log.open({ rotate: { bytes: 12_000, daily: true } })
  fill(audit, 60)
  audit.close()
  whole = new Map([...log.files(), headPathOf(log.path)].map((path) => [path, readFileSync(path)]))
})
after(() => log.remove())

function restore(): void {
  for (const [path, bytes] of whole) writeFileSync(path, bytes)
}

/** Verifies after an edit, and puts everything back. */
async function verifyEdited(edit: () => void): Promise<Report> {
  restore()
  edit()
  const report = await log.verify()
  restore()
  return report
}

function near(report: Report, file: string, line: number): boolean {
  return report.findings.some(
    (finding) => finding.file === file && Math.abs(finding.line - line) <= 1,
  )
}

const anyLine = tuple(nat(), nat())
/** The file and the line, from 1, that two numbers choose. */
function choose([a, b]: readonly [number, number]): { file: string; line: number } {
  const files = log.files()
  const file = files[a % files.length] ?? ''
  return { file, line: 1 + (b % linesOf(file).length) }
}

describe('verifying the audit', () => {
  it('finds nothing in a log that nobody touched', async () => {
    const report = await log.verify()
    assert.deepEqual([report.sound, report.findings, report.notes], [true, [], []])
    assert.ok(report.files.length >= 4)
    assert.equal(report.signedThrough, report.records)
    assert.equal(report.last?.seq, report.records)
  })

  it('finds any byte that is another, and its line', async () => {
    await check(
      asyncProperty(anyLine, nat(), nat(254), async (chosen, offset, other) => {
        const { file, line } = choose(chosen)
        const lines = linesOf(file)
        const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0)
        // The newline is one of them.
        const place = start + (offset % ((lines[line - 1] ?? '').length + 1))
        const report = await verifyEdited(() => {
          const bytes = readFileSync(file)
          bytes[place] = ((bytes[place] ?? 0) + 1 + other) % 256
          writeFileSync(file, bytes)
        })
        assert.equal(report.sound, false)
        assert.ok(near(report, file, line), JSON.stringify(report.findings))
      }),
      { numRuns: 400 },
    )
  })

  it('finds a line that is gone, stands twice, elsewhere or changed places, and where', async () => {
    const edits: Record<string, (lines: string[], at: number, to: number) => void> = {
      gone: (lines, at) => void lines.splice(at, 1),
      twice: (lines, at) => void lines.splice(at, 0, lines[at] ?? ''),
      'again later': (lines, at) => void lines.push(lines[at] ?? ''),
      swapped: (lines, at) => void lines.splice(at, 2, lines[at + 1] ?? '', lines[at] ?? ''),
      moved: (lines, at, to) => void lines.splice(to, 0, ...lines.splice(at, 1)),
      'cut in two': (lines, at) => {
        const text = lines[at] ?? ''
        lines.splice(at, 1, text.slice(0, 50), text.slice(50))
      },
      'an empty one before': (lines, at) => void lines.splice(at, 0, ''),
    }
    const edit = tuple(anyLine, nat(), constantFrom(...Object.keys(edits)))
    await check(
      asyncProperty(edit, async ([chosen, other, name]) => {
        const { file, line } = choose(chosen)
        const lines = linesOf(file)
        const untouched = [...lines]
        // The last two have nothing after them to change places with.
        const at = Math.min(line - 1, lines.length - (name === 'swapped' ? 2 : 1))
        const to = other % lines.length
        edits[name]?.(lines, at, to)
        if (lines.join('\n') === untouched.join('\n')) return
        const report = await verifyEdited(() => writeLines(file, lines))
        assert.equal(report.sound, false, name)
        const where = name === 'again later' ? lines.length : at + 1
        const next = log.files()[log.files().indexOf(file) + 1]
        // What is missing at the end of a file shows at the beginning of the next one.
        const found =
          near(report, file, where) ||
          near(report, file, to + 1) ||
          (next !== undefined && at >= lines.length - 1 && near(report, next, 1))
        assert.ok(found, `${name} at ${where}: ${JSON.stringify(report.findings)}`)
      }),
      { numRuns: 400 },
    )
  })

  it('finds that the log was cut off, wherever', async () => {
    await check(
      asyncProperty(nat(), async (cut) => {
        const size = whole.get(log.path)?.length ?? 0
        const report = await verifyEdited(() => truncateSync(log.path, cut % size))
        assert.equal(report.sound, false)
        assert.match(report.findings.map(({ message }) => message).join(), /cut off/)
      }),
      { numRuns: 100 },
    )
  })

  it('finds that a file is gone, the first and the last too', async () => {
    for (const file of log.files()) {
      const report = await verifyEdited(() => rmSync(file))
      assert.equal(report.sound, false, file)
      assert.match(report.findings.map(({ message }) => message).join(), /missing/)
    }
  })

  it('finds a tail that was forged without the key, once a checkpoint should have come', async () => {
    // Hashes need no key: whoever can write the file can make a chain that holds.
    const forge = (count: number, head: boolean): void => {
      let { seq, hash } = { seq: 0, hash: '' }
      const lines = linesOf(log.path)
      const last = Buffer.from(lines.at(-1) ?? '')
      seq = parseLine(last)?.seq ?? 0
      hash = hashLine(last)
      for (let index = 0; index < count; index++) {
        seq += 1
        const line = `{"seq":${seq},"prev":"${hash}","time":"2026-11-24T04:00:00.000Z","event":"decided","who":"bob"}`
        hash = hashLine(Buffer.from(line))
        appendFileSync(log.path, `${line}\n`)
      }
      if (head) writeFileSync(headPathOf(log.path), `${String(seq).padStart(16, '0')} ${hash}\n`)
    }
    const short = await verifyEdited(() => forge(2, false))
    assert.match(short.findings.map(({ message }) => message).join(), /the head stands at/)
    const long = await verifyEdited(() => forge(1_100, true))
    assert.match(long.findings.map(({ message }) => message).join(), /without a checkpoint/)
  })

  it('takes no checkpoint of another key, and none from another place', async () => {
    const other = auditFolder()
    fill(other.open(), 1)
    copyFileSync(publicPathOf(log.keyPath), publicPathOf(other.keyPath))
    const foreign = await other.verify()
    other.remove()
    assert.match(foreign.findings.map(({ message }) => message).join(), /signed with another key/)

    const lines = linesOf(log.path)
    const jws = /"jws":"([^"]+)"/
    const [first = ''] = lines
    const moved = lines.map((line, index) =>
      index === lines.length - 1 ? line.replace(jws, `"jws":"${jws.exec(first)?.[1]}"`) : line,
    )
    const report = await verifyEdited(() => writeLines(log.path, moved))
    assert.match(report.findings.map(({ message }) => message).join(), /for another place/)
  })

  it('says what it cannot know of a part, and finds no fault with it', async () => {
    const [, second = '', third = ''] = log.files()
    const { verifyLog } = await import('../../src/audit/verify.ts')
    const { readPublicKey } = await import('../../src/audit/signing-key.ts')
    const keys = [readPublicKey(publicPathOf(log.keyPath))]
    const part = await verifyLog([third, second], { keys, complete: false })
    assert.deepEqual([part.sound, part.findings], [true, []])
    const unanchored = linesOf(second).slice(1)
    const copy = `${second}.part`
    writeLines(copy, unanchored)
    const cut = await verifyLog([copy], { keys, complete: false })
    rmSync(copy)
    assert.match(
      cut.findings.map(({ message }) => message).join(),
      /no checkpoint vouches for that/,
    )
  })

  it('signs checkpoints that any JOSE library verifies', async () => {
    const pem = readFileSync(publicPathOf(log.keyPath), 'utf8')
    const key = await importSPKI(pem, 'ES256', { extractable: true })
    const jws = /"jws":"([^"]+)"/.exec(linesOf(log.path).at(-1) ?? '')?.[1] ?? ''
    const { payload, protectedHeader } = await compactVerify(jws, key)
    assert.equal(protectedHeader.kid, await calculateJwkThumbprint(await exportJWK(key)))
    const line = parseLine(Buffer.from(linesOf(log.path).at(-1) ?? ''))
    const { seq, prev, time } = line ?? {}
    assert.deepEqual(JSON.parse(new TextDecoder().decode(payload)), { seq, prev, time })
  })
})
