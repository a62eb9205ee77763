// `docker load` by those who may not do everything: what they load is theirs, and counts.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { Readable } from 'node:stream'
import { before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { writeTarHeader } from '../../src/docker/tar-header.ts'
import { runDocker, throughTls } from '../helpers/docker-cli.ts'
import { onEngine, uniqueName } from '../helpers/engine.ts'
import { inspect, loading, type Loaded } from '../helpers/loading.ts'
import { tarEntry, tarOf, type TarEntry } from '../helpers/tar.ts'

const word = uniqueName('load')
const declared = `  saver: { includes: [developer], allow: [image.save] }
  few: { includes: [developer], limits: { imageCount: 2 } }
  small: { includes: [developer], limits: { imageSize: 1MiB } }
  mine: { includes: [developer], limits: none }
`
const { archiveOf, layerOf, load, loadsNothing, people } = loading(word, declared, [
  'alice saver',
  'bob saver',
  'few few',
  'small small',
  'mine mine',
])

describe('an image that alice has saved', () => {
  const name = `${word}-shared`
  let saved: Buffer
  before(async () => {
    const alice = `alice-${word}`
    const first = archiveOf({ tags: [`${name}:one`], config: { Env: ['A=b'] } })
    assert.equal((await load('alice', first.entries())).status, 200)
    saved = (await people().ask(alice, `GET /images/${name}:one/get`)).body
    assert.equal((await people().ask(alice, `DELETE /images/${name}:one`)).status, 200)
  })

  it('is bob’s when he has loaded it, and what it was', async () => {
    const { status, text } = await load('bob', saved)
    assert.equal(status, 200, text)
    assert.match(text, new RegExp(`Loaded image: ${name}:one`))
    const { Config } = await inspect(`${name}:one`)
    assert.deepEqual(Config.Labels, { 'dockgate.owner': `bob-${word}`, 'dockgate.team': '' })
    assert.deepEqual(Config.Env, ['A=b'])
    assert.equal((await people().ask(`alice-${word}`, `GET /images/${name}:one/json`)).status, 404)
  })

  it('does not move a name that is bob’s by now', async () => {
    const { Id } = await inspect(`${name}:one`)
    const { status, text } = await loadsNothing('alice', saved)
    assert.equal(status, 409, text)
    assert.match(text, /is taken by somebody else/)
    assert.equal((await inspect(`${name}:one`)).Id, Id)
  })

  it('may be loaded again by who has it', async () => {
    assert.equal((await load('bob', saved)).status, 200)
  })

  it('is taken compressed with gzip, and with another compression refused', async () => {
    assert.equal((await load('bob', gzipSync(saved))).status, 200)
    for (const magic of ['BZh9', '\xfd7zXZ\0', '\x28\xb5\x2f\xfd']) {
      const other = Buffer.concat([Buffer.from(magic, 'latin1'), saved])
      assert.match((await loadsNothing('bob', other)).text, /plain or compressed with gzip/)
    }
  })
})

it('the docker command line saves and loads, with its own words', async () => {
  const name = `${word}-cli`
  await people().must(`bob-${word}`, `POST /images/busybox:local/tag?repo=${name}`)
  const bob = throughTls(
    `tcp://localhost:${people().gateway.port}`,
    people().gateway.certPath(`bob-${word}`),
  )
  const file = `${people().gateway.home}/saved.tar`
  assert.equal((await runDocker(bob, ['save', '-o', file, name])).exit, 0)
  await people().ask(`bob-${word}`, `DELETE /images/${name}`)
  await onEngine(`/images/${name}`, { method: 'DELETE' })
  const { exit, stdout, stderr } = await runDocker(bob, ['load', '-i', file])
  assert.equal(exit, 0, stderr)
  assert.match(stdout, new RegExp(`Loaded image: ${name}:latest`))
  const { Config } = await inspect(name)
  assert.equal(Config.Labels['dockgate.owner'], `bob-${word}`)
  const ran = await runDocker(bob, ['run', '--rm', name, 'echo', 'it runs'])
  assert.equal(ran.stdout, 'it runs\n')
})

describe('what is loaded', () => {
  it('counts in how many images somebody may have', async () => {
    const image = (n: number) =>
      archiveOf({ tags: [`${word}-few:${n}`], layers: [layerOf(`few${n}`)] }).entries()
    assert.equal((await load('few', image(1))).status, 200)
    const two = [2, 3].map((n) =>
      archiveOf({ tags: [`${word}-few:${n}`], layers: [layerOf(`few${n}`)] }),
    )
    const both: readonly TarEntry[] = [
      ...two.flatMap(({ config, layers }) => [config, ...layers]),
      { path: 'manifest.json', content: JSON.stringify(two.flatMap(({ manifest }) => manifest)) },
    ]
    assert.match((await loadsNothing('few', both)).text, /limits\.imageCount/)
    assert.equal((await load('few', image(2))).status, 200)
    assert.match((await loadsNothing('few', image(3))).text, /limits\.imageCount/)
  })

  it('counts in how large they may be', async () => {
    const large = tarOf([{ path: 'x', content: Buffer.alloc(2 * 1024 * 1024, 1) }])
    const archive = archiveOf({ tags: [`${word}-small:1`], layers: [large] })
    assert.match((await loadsNothing('small', archive.entries())).text, /limits\.imageSize/)
  })

  it('is their own, too, where they have no limits', async () => {
    const archive = archiveOf({
      tags: [`${word}-mine:1`],
      config: { Labels: { 'dockgate.owner': 'x' } },
    })
    assert.equal((await load('mine', archive.entries())).status, 200)
    const { Config } = await inspect(`${word}-mine:1`)
    assert.equal(Config.Labels['dockgate.owner'], `mine-${word}`)
  })
})

/** Of the gateway's process, in KiB. */
function residentKiB(): number {
  const status = readFileSync(`/proc/${people().gateway.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])
}

describe('a large layer', () => {
  it('takes no memory of the gateway', { timeout: 300_000 }, async () => {
    const size = 512 * 1024 * 1024
    const block = Buffer.alloc(1024 * 1024, 7)
    const hash = createHash('sha256')
    const inner = writeTarHeader('big', size)
    const end = Buffer.alloc(1024)
    hash.update(inner)
    for (let at = 0; at < size; at += block.length) hash.update(block)
    const digest = hash.update(end).digest('hex')
    const { config, manifest } = archiveOf({
      tags: [`${word}-big:1`],
      settings: { rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] } },
    })
    let most = 0
    const atFirst = residentKiB()
    function* bytes(): Generator<Buffer> {
      yield tarEntry(config)
      yield writeTarHeader(manifest[0]?.Layers[0] ?? '', inner.length + size + end.length)
      yield inner
      for (let at = 0; at < size; at += block.length) {
        most = Math.max(most, residentKiB())
        yield block
      }
      yield end
      yield tarOf([{ path: 'manifest.json', content: JSON.stringify(manifest) }])
    }
    const answer = await sendStream(Readable.from(bytes()))
    assert.equal(answer.status, 200, answer.text)
    assert.match(answer.text, new RegExp(`${word}-big:1`))
    assert.ok(most - atFirst < 100 * 1024, `${atFirst} KiB before, ${most} KiB at most`)
  })
})

async function sendStream(body: Readable): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    const { gateway } = people()
    const to = { host: '127.0.0.1', port: gateway.port, servername: 'localhost' }
    const identity = gateway.identity(`bob-${word}`)
    const sent = request(
      {
        ...identity,
        ...to,
        ca: gateway.authority.ca,
        agent: false,
        method: 'POST',
        path: '/images/load',
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => (text += part))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      },
    )
    sent.on('error', reject)
    body.pipe(sent)
  })
}
