// Whoever asks and leaves before the answer: the engine goes on with most that it has begun, and until it
// is done nobody gets between what was judged and what is still being made.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { askEngine, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { imageArchive } from '../helpers/image-archive.ts'
import { startPeople, type People } from '../helpers/people.ts'
import { requestBytes } from '../helpers/raw-http.ts'
import { startSlowEngine, type SlowEngine } from '../helpers/slow-engine.ts'
import { tarOf } from '../helpers/tar.ts'

const word = uniqueName('left')
const roles = `roles:
  few: { includes: [developer], limits: { containers: 1 } }
  veiled: { includes: [developer], hide: [labels] }
grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: bob }, roles: [developer] }
  - { to: { name: few }, roles: [few] }
  - { to: { name: veiled }, roles: [veiled] }
`
let engine: SlowEngine
let people: People
before(async () => {
  engine = await startSlowEngine()
  people = await startPeople(roles, engine.path)
})
after(async () => {
  await removeAll(word)
  await people.stop()
  await engine.close()
})

/** Sends what the engine is slow with, leaves, and does something else before the engine is done. */
async function leaveEarly(
  who: string,
  line: string,
  body: object,
  meanwhile: () => Promise<void>,
  isReady: () => boolean = () => true,
): Promise<void> {
  const [method = '', path = ''] = line.split(' ')
  const tcp = connect(people.gateway.port, '127.0.0.1')
  await once(tcp, 'connect')
  const socket = await people.gateway.connect(people.gateway.identity(who), { socket: tcp })
  socket.on('error', () => undefined)
  const answered = new Promise<void>((resolve, reject) => {
    engine.holdNext(new RegExp(`^${method} \\S*${path.split('?')[0]}`), async () => {
      while (!isReady()) await sleep(20)
      // An orderly end would be waited with: whoever has ended their side may still read.
      tcp.resetAndDestroy()
      const left = people.gateway.logs().split('"client-left"').length
      while (people.gateway.logs().split('"client-left"').length === left) await sleep(20)
      const others = meanwhile()
      others.then(resolve, reject)
      // Where the gateway lets them wait for this, to wait for them here would be for ever.
      await Promise.race([others.catch(() => undefined), sleep(1_500)])
    })
  })
  const headers = { 'Content-Type': 'application/json' }
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  socket.write(requestBytes({ method, path, headers, body: bytes.toString('latin1') }), 'latin1')
  await answered
}

interface Labelled {
  readonly Labels: Readonly<Record<string, string>> | null
}

async function ownerOf(image: string): Promise<string | undefined> {
  const { Config } = await onEngine<{ readonly Config: Labelled }>(`/images/${image}/json`)
  return Config.Labels?.['dockgate.owner']
}

/** Until the engine has made it, whoever asked for it. */
async function made(path: string): Promise<void> {
  while ((await askEngine(path)).status !== 200) await sleep(50)
}

const lasting = { Image: 'busybox:local', Cmd: ['sleep', '600'] }

describe('whoever leaves while the engine is at work for them', () => {
  it('does not get the name that somebody else has given an image meanwhile', async () => {
    const name = `${word}-name`
    const { Id } = await people.must('bob', `POST /containers/create?name=${word}-bob`, lasting)
    let hers = 0
    await leaveEarly('bob', `POST /commit?container=${Id}&repo=${name}`, {}, async () => {
      hers = (await people.ask('alice', `POST /images/busybox:local/tag?repo=${name}`)).status
    })
    await made(`/images/${name}/json`)
    await sleep(500)
    const owner = await ownerOf(name)
    assert.ok(hers === 409 ? owner === 'bob' : owner === undefined, `${hers}, and it is ${owner}’s`)
    // When it is done, it is as ever.
    assert.equal((await people.ask('bob', `DELETE /images/${name}`)).status, 200)
    await people.must('alice', `POST /images/busybox:local/tag?repo=${name}`)
  })

  for (const who of ['bob', 'veiled']) {
    it(`lends nobody the volume that comes into being: ${who}`, async () => {
      const Name = `${word}-volume-${who}`
      let hers = { status: 0, owner: '' }
      await leaveEarly(who, 'POST /volumes/create', { Name }, async () => {
        const { status } = await people.ask('alice', 'POST /volumes/create', { Name })
        const { Labels } = await onEngine<Labelled>(`/volumes/${Name}`)
        hers = { status, owner: Labels?.['dockgate.owner'] ?? '' }
      })
      assert.deepEqual(hers, { status: 409, owner: who })
    })
  }

  it('does not get the name of an image that is loaded', async () => {
    const name = `${word}-loaded`
    const archive = imageArchive({
      tags: [`${name}:latest`],
      layers: [tarOf([{ path: word, content: word }])],
    })
    let hers = 0
    const looked = (): boolean =>
      engine.lines.filter((line) => line.includes(`${name}%3Alatest/json`)).length > 1
    await leaveEarly(
      'bob',
      'POST /images/load',
      tarOf(archive.entries()),
      async () => {
        await sleep(200)
        hers = (await people.ask('alice', `POST /images/busybox:local/tag?repo=${name}`)).status
      },
      looked,
    )
    await sleep(1_000)
    const image = await askEngine(`/images/${name}/json`)
    const owner = image.status === 200 ? await ownerOf(name) : undefined
    assert.ok(hers === 409 ? owner !== 'alice' : owner === undefined, `${hers}, ${owner}’s`)
  })

  it('does not get the place of another in what they may have', async () => {
    const line = (n: number) => `POST /containers/create?name=${word}-few${n}`
    let second = 0
    await leaveEarly('few', line(1), lasting, async () => {
      second = (await people.ask('few', line(2), lasting)).status
    })
    await made(`/containers/${word}-few1/json`)
    assert.equal(second, 403)
  })
})
