// The file of a transcript, written part by part as the parts of a stream come.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { openTranscript, type Transcript } from '../../src/audit/transcript.ts'

const folder = mkdtempSync(join(tmpdir(), 'dockgate-transcript-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0

function open(maxBytes = 1 << 20): { transcript: Transcript; path: string; told: string[] } {
  const path = join(folder, 'new', `${count++}.cast`)
  const told: string[] = []
  let ms = 100
  const clock = (): number => (ms += 250)
  const startedAt = Date.parse('2026-11-24T03:00:00.900Z')
  const size = { columns: 132, rows: 43 }
  const title = 'exec.start by alice'
  const closed = (): void => undefined
  const transcript = openTranscript({ path, title, ...size, maxBytes, startedAt, clock, closed })
  transcript.failing((why) => told.push(why))
  return { transcript, path, told }
}

const lines = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)

describe('a transcript', () => {
  it('is a line for the terminal and one for each event, with the seconds since the start', () => {
    const { transcript, path } = open()
    transcript.begin()
    transcript.output(Buffer.from('# '))
    transcript.resized(99, 31)
    transcript.input(Buffer.from('ls\r'))
    const sealed = transcript.close()
    assert.deepEqual(lines(path), [
      { version: 2, width: 132, height: 43, timestamp: 1795489200, title: 'exec.start by alice' },
      [0.25, 'o', '# '],
      [0.5, 'r', '99x31'],
      [0.75, 'i', 'ls\r'],
    ])
    const bytes = readFileSync(path)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    assert.deepEqual(sealed, { path, bytes: bytes.length, sha256 })
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(statSync(join(folder, 'new')).mode & 0o777, 0o700)
  })

  it('has every character whole, however the parts are cut', () => {
    const text = 'aé€😀\u009b31m\u202e\u2028"\\\u0000\u001b[0m'
    const bytes = Buffer.from(text)
    for (let step = 1; step <= bytes.length; step++) {
      const { transcript, path } = open()
      transcript.begin()
      for (let at = 0; at < bytes.length; at += step) {
        transcript.output(bytes.subarray(at, at + step))
      }
      transcript.close()
      const shown = (lines(path).slice(1) as [number, string, string][]).map(([, , part]) => part)
      assert.equal(shown.join(''), text, `parts of ${step}`)
      // Whoever looks at the file itself is shown nothing that moves or hides.
      assert.doesNotMatch(readFileSync(path, 'utf8').replaceAll('\n', ''), /[\p{C}\p{Zl}]/u)
    }
  })

  it('of bytes that are no text shows that, and ends with half a character', () => {
    const { transcript, path } = open()
    transcript.begin()
    transcript.output(Buffer.from([0xff, 0x41, 0xe2, 0x82]))
    transcript.close()
    const shown = (lines(path).slice(1) as [number, string, string][]).map(([, , part]) => part)
    assert.equal(shown.join(''), '\ufffdA\ufffd')
  })

  it('that is full tells so once, and has what was seen until then', () => {
    const { transcript, path, told } = open(400)
    transcript.begin()
    for (let index = 0; index < 20; index++) transcript.output(Buffer.alloc(50, 0x61))
    assert.deepEqual(told, ['its transcript is full (transcripts.size)'])
    transcript.close()
    assert.equal(lines(path).length, 21)
  })

  it('of what never began leaves no file', () => {
    const { transcript, path } = open()
    assert.ok(existsSync(path))
    assert.equal(transcript.close(), undefined)
    assert.ok(!existsSync(path))
  })

  it('never writes over a file that is there', () => {
    const { transcript, path } = open()
    count -= 1
    assert.throws(() => open(), /EEXIST/)
    assert.ok(existsSync(path))
    transcript.close()
  })
})
