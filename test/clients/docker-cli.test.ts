import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { describe, it } from 'node:test'
import { onSocket, runDocker } from '../helpers/docker-cli.ts'
import { askEngine, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'

describe('the means of the tests', () => {
  it('passes data on standard input and reports the exit code', async () => {
    const args = ['run', '--rm', '-i', 'busybox', 'sh', '-c', 'cat; echo err >&2; exit 7']
    const result = await runDocker(onSocket(), args, { stdin: 'some data\n' })
    assert.deepEqual(result, { stdout: 'some data\n', stderr: 'err\n', exit: 7 })
  })

  it('acts at a terminal', async () => {
    // Asked again and again: a change of size is announced once, and to whoever listens then.
    const command = 'echo go; while :; do stty size; sleep 0.1; done'
    const args = ['run', '--rm', '-it', 'busybox', 'sh', '-c', command]
    const result = await runDocker(onSocket(), args, {
      terminal: [
        { expect: 'go', resize: { rows: 31, columns: 99 } },
        { expect: '31 99', send: '\x03' },
      ],
    })
    assert.equal(result.exit, 130, result.stdout + result.stderr)
  })

  it('interrupts what would run for ever', async () => {
    const args = [
      'run',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'trap "exit 4" INT; echo go; while :; do sleep 0.1; done',
    ]
    const when = [{ printed: 'go', act: (child: ChildProcess) => child.kill('SIGINT') }]
    assert.equal((await runDocker(onSocket(), args, { when })).exit, 4)
  })

  it('removes what bears a name, and nothing else', async () => {
    const mine = uniqueName('mine')
    const other = uniqueName('other')
    for (const name of [mine, other]) {
      await onEngine('/volumes/create', { method: 'POST', body: { Name: `${name}-v` } })
      await onEngine('/networks/create', { method: 'POST', body: { Name: `${name}-n` } })
      await onEngine(`/images/busybox/tag?repo=${name}`, { method: 'POST' })
      const body = { Image: 'busybox' }
      await onEngine(`/containers/create?name=${name}-c`, { method: 'POST', body })
    }
    await removeAll(mine)
    assert.deepEqual(await statuses(mine), [404, 404, 404, 404])
    assert.deepEqual(await statuses(other), [200, 200, 200, 200])
    await removeAll(other)
  })
})

async function statuses(name: string): Promise<number[]> {
  const paths = [
    `/volumes/${name}-v`,
    `/networks/${name}-n`,
    `/images/${name}/json`,
    `/containers/${name}-c/json`,
  ]
  const answers = await Promise.all(paths.map((path) => askEngine(path)))
  return answers.map((answer) => answer.status)
}
