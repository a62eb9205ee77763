// Who sits at a terminal by a role that asks for it is recorded as they saw it, and is ended when nothing
// comes or goes: with the docker command line in a pseudo terminal, on a real engine.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  openStdin,
  runDocker,
  throughTls,
  type RunOptions,
  type RunResult,
} from '../helpers/docker-cli.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor } from '../helpers/raw-http.ts'

const word = uniqueName('terminal')
const box = `${word}-box`
const talker = `${word}-talker`
const roles = `roles:
  seen: { includes: [admin], on: all, limits: none, transcript: true }
  judged: { includes: [operator], allow: [exec.*, container.attach], on: all, transcript: { input: true } }
  idle: { includes: [admin], on: all, limits: none, streams: { idle: 2s } }
grants:
  - { to: { name: seen }, roles: [seen] }
  - { to: { name: judged }, roles: [judged] }
  - { to: { name: idle }, roles: [idle] }
  - { to: { name: free }, roles: [admin] }
`
let gateway: GatewayProcess
before(async () => {
  for (const [name, more] of [
    [box, { Tty: true, OpenStdin: true, Cmd: ['sh'] }],
    [talker, { Cmd: ['sh', '-c', 'echo once; sleep 1000'] }],
  ] as const) {
    const body = { Image: 'busybox:local', ...more }
    await onEngine(`/containers/create?name=${name}`, { method: 'POST', body })
    await onEngine(`/containers/${name}/start`, { method: 'POST' })
  }
  gateway = await startGatewayProcess({ roles, settings: 'transcripts: { size: 64KiB }\n' })
})
after(async () => {
  await gateway.stop()
  await removeAll(word)
})

const run = (who: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
  runDocker(throughTls(`tcp://localhost:${gateway.port}`, gateway.certPath(who)), args, options)
const folder = (): string => join(gateway.home, 'transcripts')

interface Ended {
  readonly id: string
  readonly how: string
  readonly why?: string
  readonly transcript?: { path: string; sha256: string; bytes: number; broke?: string }
}

/** The end of the last session of an operation, once it is on record. */
async function endOf(who: string, operation: string, than?: Ended): Promise<Ended> {
  for (;;) {
    const last = readFileSync(join(gateway.home, 'audit.log'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"event":"ended"') && line.includes(`"who":"${who}"`))
      .map((line) => JSON.parse(line) as Ended & { operation: string })
      .findLast((record) => record.operation === operation)
    if (last !== undefined && last.id !== than?.id) return last
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

type Event = readonly [seconds: number, code: string, text: string]

function read({ transcript }: Ended): { head: Record<string, unknown>; events: Event[] } {
  const text = readFileSync(transcript?.path ?? '', 'utf8')
  assert.equal(createHash('sha256').update(text).digest('hex'), transcript?.sha256)
  assert.equal(Buffer.byteLength(text), transcript?.bytes)
  const [head, ...events] = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  return { head: head as Record<string, unknown>, events: events as Event[] }
}

const textOf = (events: readonly Event[], of: string): string =>
  events.flatMap(([, code, text]) => (code === of ? text : [])).join('')

const shell = ['exec', '-it', box, 'sh']

describe('a terminal by a role with a transcript', () => {
  it('is kept as it was seen, with its sizes and without what was typed unseen', async () => {
    const terminal = [
      { expect: '# ', send: "until stty size | grep '31 99'; do echo wait; sleep 0.1; done\n" },
      { expect: 'wait\r\n', resize: { rows: 31, columns: 99 } },
      {
        expect: '31 99\r\n',
        send: "stty -echo; echo asked; read secret; stty echo; echo 'h€llo ✓'\n",
      },
      { expect: 'asked\r\n', send: 'hunter2\n' },
      { expect: 'h€llo ✓\r\n', send: 'exit 5\n' },
    ]
    const result = await run('seen', shell, { terminal })
    assert.equal(result.exit, 5, result.stdout + result.stderr)
    const ended = await endOf('seen', 'exec.start')
    const { head, events } = read(ended)
    assert.equal(head['version'], 2)
    assert.ok(Math.abs(Number(head['timestamp']) - Date.now() / 1_000) < 600)
    const shown = textOf(events, 'o')
    assert.equal(shown, result.stdout)
    assert.match(shown, /h€llo ✓/)
    assert.doesNotMatch(JSON.stringify(events), /hunter2/)
    assert.equal(textOf(events, 'i'), '')
    assert.ok(
      events.some(([, code, text]) => code === 'r' && text === '99x31'),
      JSON.stringify(events),
    )
    const times = events.map(([seconds]) => seconds)
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
    assert.equal(ended.transcript?.path, join(folder(), `${ended.id}.cast`))
    assert.equal(statSync(ended.transcript?.path ?? '').mode & 0o777, 0o600)
    assert.equal(statSync(folder()).mode & 0o777, 0o700)
  })

  it('is kept with what was typed where the role says so, and limits judge the body', async () => {
    const terminal = [
      { expect: '# ', send: 'stty -echo; echo asked; read secret; stty echo; exit 3\n' },
      { expect: 'asked\r\n', send: 'hunter2\n' },
    ]
    const result = await run('judged', shell, { terminal })
    assert.equal(result.exit, 3, result.stdout + result.stderr)
    const { events } = read(await endOf('judged', 'exec.start'))
    assert.match(textOf(events, 'i'), /hunter2/)
    assert.equal(textOf(events, 'o'), result.stdout)
  })

  it('is kept of attach and of run -it', async () => {
    const args = ['run', '--rm', '-it', '--name', `${word}-run`, 'busybox:local', 'sh']
    const terminal = [{ expect: '# ', send: 'echo $((6*7))x; exit\n' }]
    const result = await run('seen', args, { terminal })
    assert.equal(result.exit, 0, result.stdout + result.stderr)
    const { events } = read(await endOf('seen', 'container.attach'))
    assert.match(textOf(events, 'o'), /42x/)
  })

  it('leaves nothing of what has no terminal, is detached or does not begin', async () => {
    const count = readdirSync(folder()).length
    const piped = await run('seen', ['exec', '-i', box, 'cat'], { stdin: 'data' })
    assert.equal(piped.stdout, 'data')
    assert.equal((await endOf('seen', 'exec.start')).transcript, undefined)
    assert.equal((await run('seen', ['exec', '-dt', box, 'true'])).exit, 0)
    const door = gateway.door(gateway.identity('seen'))
    const headers = { 'Content-Type': 'application/json' }
    const path = `/exec/${'0'.repeat(64)}/start`
    const missing = await askDoor(door, { method: 'POST', path, headers, body: '{"Tty":true}' })
    assert.equal(missing.status, 404)
    assert.equal(readdirSync(folder()).length, count)
    await run('free', shell, { terminal: [{ expect: '# ', send: 'exit\n' }] })
    assert.equal(readdirSync(folder()).length, count)
  })

  it('is refused over a websocket, which is not recorded', async () => {
    const door = gateway.door(gateway.identity('seen'))
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const path = `/containers/${box}/attach/ws?stream=1&stdout=1`
    const answer = await askDoor(door, { method: 'GET', path, headers })
    assert.equal(answer.status, 403)
    assert.match(answer.body.toString(), /role \\"seen\\" has terminals recorded/)
  })

  it('ends when its transcript is full, and says so there, here and in the audit', async () => {
    const earlier = await endOf('seen', 'exec.start')
    const result = await run('seen', ['exec', '-it', box, 'sh', '-c', 'yes abcdefghijkl'], {
      terminal: [],
    })
    assert.match(result.stdout.slice(-300), /dockgate: this was ended: its transcript is full/)
    const ended = await endOf('seen', 'exec.start', earlier)
    assert.equal(ended.how, 'ended')
    assert.match(ended.why ?? '', /its transcript is full \(transcripts\.size\)/)
    const { events } = read(ended)
    assert.match(textOf(events, 'o').slice(-300), /its transcript is full/)
    assert.ok((ended.transcript?.bytes ?? 0) < 512 * 1024, `${ended.transcript?.bytes} bytes`)
  })

  async function withSettings(text: string, act: () => Promise<void>): Promise<void> {
    const path = join(gateway.home, 'dockgate.yaml')
    const usual = readFileSync(path, 'utf8')
    for (const [settings, then] of [
      [text, act],
      [usual, async () => {}],
    ] as const) {
      writeFileSync(path, settings)
      const { status, stderr } = await runDockgate(['reload'], { DOCKGATE_HOME: gateway.home })
      assert.equal(status, 0, stderr)
      await then()
    }
  }

  it('is refused where its transcript cannot be opened', () =>
    withSettings('transcripts: { folder: roles.yaml/under }\n', async () => {
      const result = await run('seen', shell, { terminal: [] })
      assert.match(result.stdout, /dockgate: this terminal is to be recorded, and its transcript/)
      assert.match(gateway.logs(), /"decision":"refuse","reason":"transcript-failed"/)
      const free = await run('free', shell, { terminal: [{ expect: '# ', send: 'exit 4\n' }] })
      assert.equal(free.exit, 4)
    }))

  it('ends when its transcript cannot be written any more, and what is there is whole', () =>
    withSettings('transcripts: { folder: disk }\n', async () => {
      const disk = join(gateway.home, 'disk')
      mkdirSync(disk)
      const how = ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', disk]
      assert.equal(spawnSync('mount', how).status, 0)
      try {
        const earlier = await endOf('seen', 'exec.start')
        const result = await run('seen', ['exec', '-it', box, 'yes', 'abcdefghijkl'], {
          terminal: [],
        })
        assert.match(result.stdout.slice(-300), /its transcript cannot be written \(ENOSPC\)/)
        const ended = await endOf('seen', 'exec.start', earlier)
        assert.match(ended.why ?? '', /its transcript cannot be written \(ENOSPC\)/)
        assert.equal(ended.transcript?.broke, 'ENOSPC')
        assert.ok(read(ended).events.length > 1)
      } finally {
        spawnSync('umount', [disk])
      }
    }))

  it('is held against the audit: what was changed or taken away is found', async () => {
    const env = { DOCKGATE_HOME: gateway.home }
    const sound = await runDockgate(['audit', 'verify'], env)
    // The one on the disk that was unmounted is gone, and is told of.
    assert.equal(sound.stdout.match(/MISSING/g)?.length, 1, sound.stdout)
    assert.match(sound.stdout, /transcripts as they were written: [3-9]/)
    const [one = '', other = ''] = readdirSync(folder())
    appendFileSync(join(folder(), one), '[9.0,"o","I was never here"]\n')
    rmSync(join(folder(), other))
    const { status, stdout } = await runDockgate(['audit', 'verify'], env)
    assert.equal(status, 1)
    assert.match(stdout, new RegExp(`${one} was CHANGED`))
    assert.match(stdout, new RegExp(`${other} is MISSING`))
  })
})

describe('streams.idle', () => {
  it('ends who says nothing at a terminal, tells them and the audit why', async () => {
    const began = Date.now()
    const result = await run('idle', shell, { terminal: [] })
    const lasted = Date.now() - began
    assert.ok(lasted >= 2_000 && lasted < 20_000, `${lasted} ms`)
    assert.match(
      result.stdout,
      /dockgate: this was ended: nothing came or went .*\(streams\.idle\)/,
    )
    const { how, why } = await endOf('idle', 'exec.start')
    assert.equal(how, 'ended')
    assert.match(why ?? '', /role "idle" lets it be idle \(streams\.idle\)/)
  })

  it('ends exec -i and attach, never logs, events or an attach that only looks', async () => {
    const exec = await run('idle', ['exec', '-i', talker, 'cat'], { stdin: openStdin })
    assert.notEqual(exec.exit, 'timeout')
    assert.match((await endOf('idle', 'exec.start')).why ?? '', /streams\.idle/)
    // The command line then waits for the container's end.
    void run('idle', ['attach', box], { terminal: [] })
    const attach = await endOf('idle', 'container.attach')
    assert.match(attach.why ?? '', /streams\.idle/, JSON.stringify(attach))
    // After those: each has an end on record too, when its time is over.
    const still: Promise<RunResult>[] = []
    for (const args of [
      ['logs', '-f', talker],
      ['attach', '--no-stdin', talker],
    ]) {
      still.push(run('idle', args, { stdin: openStdin, timeoutMs: 9_000 }))
    }
    still.push(run('idle', ['events'], { timeoutMs: 9_000 }))
    for (const { exit } of await Promise.all(still)) assert.equal(exit, 'timeout')
  })

  it('lets go on who is seen or says something', async () => {
    const args = [
      'exec',
      '-t',
      box,
      'sh',
      '-c',
      'for i in 1 2 3 4 5; do sleep 1; echo $i; done; exit 6',
    ]
    assert.equal((await run('idle', args, { terminal: [] })).exit, 6)
  })
})
