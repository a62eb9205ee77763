import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import {
  auditFolder,
  day,
  decided,
  linesOf,
  writeLines,
  type AuditFolder,
} from '../helpers/audit-log.ts'
import { projectRoot } from '../helpers/engine.ts'

const main = join(projectRoot, 'dist/main.js')
let log: AuditFolder
const env = () => ({ ...process.env, DOCKGATE_HOME: dirname(log.path) })

function audit(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'audit', ...args], {
    encoding: 'utf8',
    env: env(),
    cwd: dirname(log.path),
  })
  return { status, stdout, stderr, lines: stdout.split('\n').slice(0, -1) }
}

before(() => {
  log = auditFolder()
  const written = log.open()
  const end = { who: 'alice', bytesIn: 0, bytesOut: 9_000_000, durationMs: 61_000 }
  void written.decided(decided('ONE'))
  written.ended({
    ...end,
    id: 'ONE',
    operation: 'container.restart',
    status: 204,
    how: 'client-left',
  })
  log.clock.now += day
  void written.decided(
    decided('TWO', {
      who: 'bob',
      operation: 'container.rm',
      intent: 'remove container db',
      decision: 'deny',
      detail: 'bob may not container.rm here',
    }),
  )
  void written.decided(
    decided('THREE', { who: 'eve\u001b[2J', operation: 'image.pull', intent: 'pull image x' }),
  )
  written.close()
})
after(() => log.remove())

describe('dockgate audit show', () => {
  it('tells who did what, when, by which role, and what came of it', () => {
    const { lines, status } = audit('show')
    assert.equal(status, 0)
    assert.deepEqual(
      lines.filter((line) => !line.includes('the log itself')),
      [
        '2026-11-24 03:00:00Z  alice         192.0.2.7        allowed  restart container web (operator, 204 in 1 min, 8.6 MiB out, the client left)  ONE',
        '2026-11-25 03:00:00Z  bob           192.0.2.7        DENIED   remove container db (bob may not container.rm here)  TWO',
        '2026-11-25 03:00:00Z  eve\\u001b[2J  192.0.2.7        allowed  pull image x (operator)  THREE',
      ],
    )
    assert.match(lines[0] ?? '', /the log itself: opened .*"how":"new"/)
  })

  const rows: readonly (readonly [args: string[], ids: string[]])[] = [
    [['--who', 'alice'], ['ONE']],
    [['--who', 'ali'], []],
    [['--what', 'container.rm'], ['TWO']],
    [
      ['--what', 'container.*'],
      ['ONE', 'TWO'],
    ],
    [['--what', 'container web'], ['ONE']],
    [['--denied'], ['TWO']],
    [['--id', 'THREE'], ['THREE']],
    [['--since', '2026-11-25', '--who', 'bob'], ['TWO']],
    [['--until', '2026-11-25', '--what', '*'], ['ONE']],
    [['--since', '2026-11-24T03:00', '--until', '2026-11-24T05:00+01:00', '--what', '*'], ['ONE']],
    [
      ['--since', '3650d', '--what', '*'],
      ['ONE', 'TWO', 'THREE'],
    ],
    [['--until', '3650d', '--what', '*'], []],
  ]
  for (const [args, ids] of rows) {
    it(`shows ${ids.join(', ') || 'nothing'} for ${args.join(' ')}`, () => {
      const { lines } = audit('show', ...args)
      assert.deepEqual(
        lines.map((line) => line.split('  ').at(-1)),
        ids,
      )
      const records = audit('show', '--json', ...args).lines.map(
        (line): { id: string; event: string } => JSON.parse(line),
      )
      const asked = records.filter(({ event }) => event === 'decided')
      assert.deepEqual(
        asked.map(({ id }) => id),
        ids,
      )
      assert.equal(
        records.some(({ event }) => event === 'ended'),
        ids.includes('ONE'),
      )
    })
  }

  it('refuses a time that is none', () => {
    for (const when of ['yesterday', '2h ago', '2026-13-01', '']) {
      const { status, stderr } = audit('show', '--since', when)
      assert.equal(status, 2, when)
      assert.match(stderr, /--since takes a time or a span/)
    }
  })

  it('names a line that it cannot read, and shows the rest', () => {
    const kept = readFileSync(log.path)
    const lines = linesOf(log.path)
    lines.splice(1, 0, '\u001b[2Jnonsense')
    writeLines(log.path, lines)
    const { status, stderr, stdout } = audit('show')
    writeFileSync(log.path, kept)
    assert.equal(status, 1)
    assert.match(stderr, /audit\.log:2 cannot be read\nhint: dockgate audit verify/)
    assert.match(stdout, /TWO/)
  })

  it('shows nothing that a terminal obeys, also where somebody wrote it into the file', () => {
    const kept = readFileSync(log.path)
    const zeros = '0'.repeat(64)
    const hostile = `{"seq":99,"prev":"${zeros}","time":"\u009b2J","event":"decided","who":"\u202ea","id":"\u009b"}`
    appendFileSync(log.path, `${hostile}\n`)
    const shown = [audit('show').stdout, audit('show', '--json').stdout]
    writeFileSync(log.path, kept)
    for (const text of shown) assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{C}\p{Zl}]/u)
  })

  it('follows the log, across a rotation', async () => {
    const child = spawn(process.execPath, [main, 'audit', 'show', '--follow', '--json'], {
      env: env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const next = async (id: string): Promise<void> => {
      for (;;) {
        const { value, done } = await lines.next()
        if (done === true) throw new Error(`the end came before ${id}`)
        const record: { id?: string } = JSON.parse(value)
        if (record.id === id) return
      }
    }
    await next('THREE')
    const again = log.open()
    void again.decided(decided('FOUR'))
    await next('FOUR')
    log.clock.now += day
    void again.decided(decided('FIVE'))
    await next('FIVE')
    again.close()
    const closed = once(child, 'close')
    child.kill()
    await closed
  })
})

describe('dockgate audit verify', () => {
  it('says that the log is whole, and from where to where', () => {
    const { status, stdout } = audit('verify')
    assert.equal(status, 0)
    assert.match(
      stdout,
      /^records 1 to \d+ \(\d+ lines in 3 files\), .* signed through \d+\nthe audit is whole\n$/,
    )
  })

  it('names file and line of a change, and exits with 1', () => {
    const kept = readFileSync(log.path, 'utf8')
    const [file = ''] = log.files()
    const first = readFileSync(file, 'utf8')
    writeFileSync(file, first.replace('"who":"alice"', '"who":"mallo"'))
    const { status, stdout } = audit('verify')
    const json: { sound: boolean } = JSON.parse(audit('verify', '--json').stdout)
    writeFileSync(file, first)
    assert.equal(readFileSync(log.path, 'utf8'), kept)
    assert.equal(status, 1)
    assert.match(
      stdout,
      /^audit-2026-11-24-001\.log:3: record 3 was changed after it was written\n/,
    )
    assert.match(stdout, /the audit is NOT whole\n$/)
    assert.equal(json.sound, false)
  })

  it('verifies copies with the public key alone', () => {
    const { status, stdout } = audit(
      'verify',
      ...log.files().slice(0, 2),
      '--key',
      'audit-key.pub.pem',
    )
    assert.equal(status, 0, stdout)
  })

  it('says what is missing when there is no key or no log', () => {
    const { status, stderr } = audit('verify', '--key', 'nowhere.pem')
    assert.equal(status, 1)
    assert.match(stderr, /nowhere\.pem/)
    const empty = spawnSync(process.execPath, [main, 'audit', 'verify'], {
      encoding: 'utf8',
      env: { ...process.env, DOCKGATE_HOME: projectRoot, DOCKGATE_AUDIT: '/nonexistent/audit.log' },
    })
    assert.equal(empty.status, 1)
    assert.match(empty.stderr, /dockgate: /)
  })
})
