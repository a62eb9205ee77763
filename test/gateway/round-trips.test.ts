// What ownership costs: how many questions the engine is asked before a request goes to it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { removeAll, uniqueName } from '../helpers/engine.ts'
import { startPeople, type People } from '../helpers/people.ts'
import { startSlowEngine, type SlowEngine } from '../helpers/slow-engine.ts'

const word = uniqueName('trips')
let engine: SlowEngine
let people: People
let id: string
before(async () => {
  engine = await startSlowEngine()
  const roles = 'grants: [{ to: { name: alice }, roles: [developer] }]'
  people = await startPeople(roles, engine.path)
  const body = { Image: 'busybox:local', Cmd: ['sleep', '600'] }
  id = (await people.must('alice', `POST /containers/create?name=${word}-c`, body)).Id
  await people.must('alice', `POST /containers/${id}/start`)
  await people.must('alice', 'POST /volumes/create', { Name: `${word}-v` })
  await people.must('alice', 'POST /networks/create', { Name: `${word}-n` })
})
after(async () => {
  await removeAll(word)
  await people.stop()
  await engine.close()
})

/** The lines that reached the engine while this was asked. */
async function lines(line: string, body?: unknown): Promise<readonly string[]> {
  engine.lines.length = 0
  const { status, body: said } = await people.ask('alice', line.replaceAll('OWN', word), body)
  assert.ok(status < 400, `${line}: ${status} ${said.toString()}`)
  return [...engine.lines]
}

const image = 'busybox:local'
// What is asked, and how many questions of our own come before it.
const rows: readonly [line: string, questions: number, body?: object][] = [
  ['GET /containers/json', 0],
  ['GET /containers/OWN-c/json', 1],
  ['GET /containers/OWN-c/top', 1],
  ['POST /containers/OWN-c/pause', 1],
  ['POST /containers/OWN-c/unpause', 1],
  ['GET /volumes/OWN-v', 1],
  ['GET /networks/OWN-n', 1],
  ['POST /networks/OWN-n/connect', 2, { Container: `${word}-c` }],
  ['POST /networks/OWN-n/disconnect', 2, { Container: `${word}-c` }],
  ['GET /images/busybox:local/json', 1],
  ['POST /volumes/create', 1, { Name: `${word}-v2` }],
  ['POST /networks/create', 1, { Name: `${word}-n2` }],
  // Its image, its name, and what it mounts, joins and borrows from.
  ['POST /containers/create?name=OWN-1', 2, { Image: image }],
  [
    'POST /containers/create?name=OWN-2',
    5,
    {
      Image: image,
      HostConfig: {
        Binds: [`${word}-v:/v`],
        NetworkMode: `${word}-n`,
        VolumesFrom: [`${word}-c`],
      },
    },
  ],
  ['DELETE /containers/OWN-2', 1],
  ['DELETE /volumes/OWN-v2', 1],
  ['DELETE /networks/OWN-n2', 1],
]

describe('a tenant’s request', () => {
  for (const [line, questions, body] of rows) {
    it(`costs ${questions} more: ${line}`, async () => {
      const reached = await lines(line, body)
      assert.equal(reached.length, questions + 1, reached.join('\n'))
      assert.ok(reached.slice(0, -1).every((one) => one.startsWith('GET ')))
    })
  }

  it('costs nothing more by the full id of a container, a network or a command', async () => {
    await lines(`GET /containers/${word}-c/json`)
    for (const line of [`GET /containers/${id}/json`, `GET /containers/${id}/logs?stdout=1`]) {
      assert.equal((await lines(line)).length, 1, line)
    }
    const exec = await people.must('alice', `POST /containers/${id}/exec`, { Cmd: ['true'] })
    // Whose container it is in must be asked once.
    assert.equal((await lines(`POST /exec/${exec.Id}/start`, { Detach: true })).length, 2)
    assert.equal((await lines(`GET /exec/${exec.Id}/json`)).length, 1)
  })

  it('is not answered from memory once its name means something else', async () => {
    await people.must('alice', `POST /containers/${word}-1/rename?name=${word}-was`)
    await people.must('alice', `POST /containers/${id}/rename?name=${word}-1`)
    const line = `GET /containers/${word}-1/json`
    assert.equal((await people.must('alice', line)).Id, id)
  })
})
