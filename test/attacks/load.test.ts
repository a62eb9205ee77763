// `docker load` by those who may not do everything: what an archive says of names, owners and layers is read
// once, judged, and written anew, so that nothing comes of what could be read otherwise.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { writeTarHeader } from '../../src/docker/tar-header.ts'
import { runDocker, throughTls } from '../helpers/docker-cli.ts'
import { onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startPeople, type People } from '../helpers/people.ts'
import { imageArchive, sha256, type ArchiveParts } from '../helpers/image-archive.ts'
import { paxEntry, tarEntry, tarOf, type TarEntry } from '../helpers/tar.ts'

const word = uniqueName('load')
const roles = `roles:
  loader: { allow: ['image.*', 'container.*'] }
  narrow: { allow: ['image.*'], limits: { images: ["docker.io/library/${word}-ok*"] } }
  few: { allow: ['image.*'], limits: { imageCount: 2 } }
  small: { allow: ['image.*'], limits: { imageSize: 1MiB } }
  marked: { allow: ['image.*'], limits: { labels: [stage] } }
  mine: { allow: ['image.*'], limits: none }
grants:
${['alice', 'bob'].map((who) => `  - { to: { name: ${who}-${word} }, roles: [loader] }`).join('\n')}
${['narrow', 'few', 'small', 'marked', 'mine']
  .map((who) => `  - { to: { name: ${who}-${word} }, roles: [${who}] }`)
  .join('\n')}
`
let people: People
before(async () => {
  people = await startPeople(roles)
})
after(async () => {
  await removeAll(word)
  await people.stop()
})

interface Loaded {
  readonly status: number
  readonly text: string
}

async function load(who: string, archive: Buffer | readonly TarEntry[]): Promise<Loaded> {
  const body = Buffer.isBuffer(archive) ? archive : tarOf(archive)
  const answer = await people.ask(`${who}-${word}`, 'POST /images/load?quiet=1', body)
  return { status: answer.status, text: answer.body.toString() }
}

/** A layer of one small file, another one for each word. */
const layerOf = (text: string): Buffer => tarOf([{ path: `${word}-${text}`, content: text }])
const archiveOf = (parts: Partial<ArchiveParts>) =>
  imageArchive({ layers: [layerOf('a')], ...parts })

interface Image {
  readonly Id: string
  readonly RepoTags: readonly string[]
  readonly Config: { readonly Labels: Readonly<Record<string, string>>; readonly Env: string[] }
  readonly RootFS: { readonly Layers: readonly string[] }
}

const inspect = (name: string): Promise<Image> => onEngine<Image>(`/images/${name}/json`)

async function imageIds(): Promise<readonly string[]> {
  const images = await onEngine<readonly Image[]>('/images/json?all=1')
  return images.map(({ Id }) => Id).toSorted()
}

/** Nothing must come of it. */
async function loadsNothing(who: string, archive: Buffer | readonly TarEntry[]): Promise<Loaded> {
  const known = await imageIds()
  const loaded = await load(who, archive)
  assert.ok(loaded.status >= 400 && loaded.status < 500, `${loaded.status} ${loaded.text}`)
  assert.deepEqual(await imageIds(), known)
  return loaded
}

describe('an image that alice has saved', () => {
  const name = `${word}-shared`
  let saved: Buffer
  before(async () => {
    const alice = `alice-${word}`
    const first = archiveOf({ tags: [`${name}:one`], config: { Env: ['A=b'] } })
    assert.equal((await load('alice', first.entries())).status, 200)
    saved = (await people.ask(alice, `GET /images/${name}:one/get`)).body
    assert.equal((await people.ask(alice, `DELETE /images/${name}:one`)).status, 200)
  })

  it('is bob’s when he has loaded it, and what it was', async () => {
    const { status, text } = await load('bob', saved)
    assert.equal(status, 200, text)
    assert.match(text, new RegExp(`Loaded image: ${name}:one`))
    const { Config } = await inspect(`${name}:one`)
    assert.deepEqual(Config.Labels, { 'dockgate.owner': `bob-${word}`, 'dockgate.team': '' })
    assert.deepEqual(Config.Env, ['A=b'])
    assert.equal((await people.ask(`alice-${word}`, `GET /images/${name}:one/json`)).status, 404)
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
  await people.must(`bob-${word}`, `POST /images/busybox:local/tag?repo=${name}`)
  const bob = throughTls(
    `tcp://localhost:${people.gateway.port}`,
    people.gateway.certPath(`bob-${word}`),
  )
  const file = `${people.gateway.home}/saved.tar`
  assert.equal((await runDocker(bob, ['save', '-o', file, name])).exit, 0)
  await people.ask(`bob-${word}`, `DELETE /images/${name}`)
  await onEngine(`/images/${name}`, { method: 'DELETE' })
  const { exit, stdout, stderr } = await runDocker(bob, ['load', '-i', file])
  assert.equal(exit, 0, stderr)
  assert.match(stdout, new RegExp(`Loaded image: ${name}:latest`))
  const { Config } = await inspect(name)
  assert.equal(Config.Labels['dockgate.owner'], `bob-${word}`)
  const ran = await runDocker(bob, ['run', '--rm', name, 'echo', 'it runs'])
  assert.equal(ran.stdout, 'it runs\n')
})

describe('what an archive says', () => {
  it('of owners and of swarm counts for nothing, in whatever spelling', async () => {
    const forged = {
      'dockgate.owner': 'alice',
      'DOCKGATE.team': 'x',
      'com.docker.swarm.node.id': 'y',
    }
    const archive = archiveOf({
      tags: [`${word}-forged:1`],
      config: { Labels: { ...forged, own: 'z' } },
    })
    assert.equal((await load('bob', archive.entries())).status, 200)
    const { Config } = await inspect(`${word}-forged:1`)
    assert.deepEqual(Config.Labels, {
      own: 'z',
      'dockgate.owner': `bob-${word}`,
      'dockgate.team': '',
    })
  })

  it('in a second spelling of a key is not there for anybody', async () => {
    const settings = {
      Config: { Labels: { 'dockgate.owner': 'alice' } },
      CONFIG: { labels: { 'dockgate.owner': 'alice' }, env: ['X=y'] },
      container_config: { Labels: { 'dockgate.owner': 'alice' } },
      id: 'x',
      parent: `sha256:${'0'.repeat(64)}`,
    }
    const archive = archiveOf({ tags: [`${word}-spelled:1`], settings })
    assert.equal((await load('bob', archive.entries())).status, 200)
    const { Config } = await inspect(`${word}-spelled:1`)
    assert.equal(Config.Labels['dockgate.owner'], `bob-${word}`)
    assert.equal(Config.Env, null)
    const { RepoTags } = await inspect(`${word}-spelled:1`)
    assert.deepEqual(RepoTags, [`${word}-spelled:1`])
  })

  it('twice in one object is refused', async () => {
    const { config, layers, manifest } = archiveOf({ tags: [`${word}-twice:1`] })
    const double = config.content.replace('"config":{}', '"config":{},"config":{"Labels":{}}')
    for (const [path, content] of [
      [config.path, double],
      [
        'manifest.json',
        JSON.stringify(manifest).replace('"RepoTags"', '"RepoTags":["a:1"],"RepoTags"'),
      ],
    ] as const) {
      const entries = [
        config,
        ...layers,
        { path: 'manifest.json', content: JSON.stringify(manifest) },
      ]
      await loadsNothing(
        'bob',
        entries.map((entry) => (entry.path === path ? { path, content } : entry)),
      )
    }
  })

  it('of names is judged by the limits, and is no name without a tag', async () => {
    const { text } = await loadsNothing('narrow', archiveOf({ tags: [`${word}-no:1`] }).entries())
    assert.match(text, /limits\.images/)
    assert.equal(
      (await load('narrow', archiveOf({ tags: [`${word}-ok:1`] }).entries())).status,
      200,
    )
    for (const tag of [
      `${word}-bad`,
      `${word}-bad@sha256:${'0'.repeat(64)}`,
      `${word}-bad:1@sha256:${'0'.repeat(64)}`,
      `sha256:${'0'.repeat(64)}`,
      'A:1',
      '',
    ])
      await loadsNothing('bob', archiveOf({ tags: [tag] }).entries())
  })

  it('must have the labels that its loader’s images must have', async () => {
    const tags = [`${word}-marked:1`]
    assert.match(
      (await loadsNothing('marked', archiveOf({ tags }).entries())).text,
      /limits\.labels/,
    )
    const archive = archiveOf({ tags, config: { Labels: { stage: 'dev' } } })
    assert.equal((await load('marked', archive.entries())).status, 200)
  })
})

describe('a name of another’s', () => {
  const taken = `${word}-taken:1`
  before(async () => {
    assert.equal((await load('alice', archiveOf({ tags: [taken] }).entries())).status, 200)
  })

  it('is not moved, by any road of the archive', async () => {
    const { Id } = await inspect(taken)
    const fresh = archiveOf({ tags: [`${word}-fresh:1`], layers: [layerOf('fresh')] })
    const moves = archiveOf({ tags: [taken], layers: [layerOf('fresh')] })
    const evil = { path: 'manifest.json', content: JSON.stringify(moves.manifest) }
    const repositories = (id: string): TarEntry => ({
      path: 'repositories',
      content: JSON.stringify({ [taken.split(':')[0] ?? '']: { '1': id } }),
    })
    const legacy = [
      { path: 'abc/json', content: JSON.stringify({ id: 'abc', os: 'linux' }) },
      { path: 'abc/VERSION', content: '1.0' },
      { path: 'abc/layer.tar', content: layerOf('fresh') },
      repositories('abc'),
    ]
    const long = `${'./'.repeat(60)}manifest.json`
    const attempts: Readonly<Record<string, readonly TarEntry[]>> = {
      plainly: moves.entries(),
      'by a second manifest': fresh.entries([evil]),
      'by a first manifest': [evil, ...fresh.entries()],
      'by another spelling of the manifest': fresh.entries([{ ...evil, path: './manifest.json' }]),
      'by a folder and back': fresh.entries([{ ...evil, path: 'a/../manifest.json' }]),
      'by the root': fresh.entries([{ ...evil, path: '/manifest.json' }]),
      'by a path out of it': fresh.entries([{ ...evil, path: '../manifest.json' }]),
      'by a GNU name': fresh.entries([
        { path: 'x', type: 'L', content: `${long}\0` },
        { ...evil, path: 'y' },
      ]),
      'by a PAX name': fresh.entries([paxEntry({ path: 'manifest.json' }), { ...evil, path: 'y' }]),
      'by a link': [
        { path: 'other', content: evil.content },
        fresh.config,
        ...fresh.layers,
        { path: 'manifest.json', type: '2', link: 'other' },
      ],
      'by a link over it': fresh.entries([{ path: 'manifest.json', type: '2', link: 'other' }]),
      'by a hard link': fresh.entries([{ path: 'manifest.json', type: '1', link: 'other' }]),
      'by repositories alone': legacy,
      'by an OCI layout alone': [
        { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
        { path: 'index.json', content: '{"schemaVersion":2,"manifests":[]}' },
      ],
      'by a manifest in a folder of its name': [
        ...fresh.entries().slice(0, -1),
        { path: 'manifest.json/', type: '5' },
        ...legacy,
      ],
    }
    for (const [how, entries] of Object.entries(attempts)) {
      const known = await imageIds()
      const { status, text } = await load('bob', entries)
      assert.ok(status >= 400 && status < 500, `${how}: ${status} ${text}`)
      assert.deepEqual(await imageIds(), known, how)
      assert.equal((await inspect(taken)).Id, Id, how)
    }
  })

  it('is not moved by what an engine would read beside manifest.json', async () => {
    const { Id } = await inspect(taken)
    const [repo = ''] = taken.split(':')
    const fresh = archiveOf({ tags: [`${word}-beside:1`], layers: [layerOf('beside')] })
    const annotated = { 'io.containerd.image.name': `docker.io/library/${taken}` }
    const beside = fresh.entries([
      { path: 'repositories', content: JSON.stringify({ [repo]: { '1': 'abc' } }) },
      { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
      {
        path: 'index.json',
        content: JSON.stringify({ schemaVersion: 2, manifests: [{ annotations: annotated }] }),
      },
    ])
    const { status, text } = await load('bob', beside)
    assert.equal(status, 200, text)
    assert.doesNotMatch(text, new RegExp(repo))
    assert.equal((await inspect(taken)).Id, Id)
  })

  it('is not moved by who comes second while it is being given', async () => {
    const name = `${word}-raced`
    const tail = archiveOf({ tags: [`${name}:latest`], layers: [layerOf('raced')] }).entries()
    // The engine unpacks and registers for a while after it has all of it.
    const sleepy = Buffer.concat([
      tarEntry({ path: 'big', content: Buffer.alloc(64 * 1024 * 1024) }),
      tarOf(tail),
    ])
    const [his, hers] = await Promise.all([
      load('bob', sleepy),
      people.ask(`alice-${word}`, `POST /images/busybox:local/tag?repo=${name}`),
    ])
    const owner = (await inspect(`${name}:latest`)).Config.Labels?.['dockgate.owner']
    assert.deepEqual(
      [his.status === 200, hers.status === 201],
      [owner === `bob-${word}`, owner === undefined],
      `${his.status} ${hers.status} ${owner}`,
    )
  })
})

describe('layers', () => {
  it('of somebody else’s image do not come by their digest alone', async () => {
    const secret = layerOf('a secret of alice')
    const hers = archiveOf({ tags: [`${word}-secret:1`], layers: [secret] })
    assert.equal((await load('alice', hers.entries())).status, 200)
    const { config, manifest } = archiveOf({ tags: [`${word}-stolen:1`], layers: [secret] })
    for (const content of [layerOf('junk'), '', 'x'.repeat(2_000_000)]) {
      const { text } = await loadsNothing('bob', [
        config,
        { path: manifest[0]?.Layers[0] ?? '', content },
        { path: 'manifest.json', content: JSON.stringify(manifest) },
      ])
      assert.match(text, /is not what its image says/)
    }
    const none = [config, { path: 'manifest.json', content: JSON.stringify(manifest) }]
    assert.match((await loadsNothing('bob', none)).text, /is not there/)
    const fewer = [{ ...manifest[0], Layers: [] }]
    await loadsNothing('bob', [config, { path: 'manifest.json', content: JSON.stringify(fewer) }])
  })

  it('may be links to one another, as docker save writes them, and lead nowhere else', async () => {
    const one = layerOf('linked')
    const { config, manifest } = archiveOf({ tags: [`${word}-linked:1`], layers: [one, one] })
    const [first] = manifest
    const layers = ['a/layer.tar', 'b/layer.tar']
    const withLink = (link: string): readonly TarEntry[] => [
      config,
      { path: 'a/layer.tar', content: one },
      { path: 'b/layer.tar', type: '2', link },
      { path: 'manifest.json', content: JSON.stringify([{ ...first, Layers: layers }]) },
    ]
    assert.equal((await load('bob', withLink('../a/layer.tar'))).status, 200)
    const { RootFS } = await inspect(`${word}-linked:1`)
    assert.deepEqual(RootFS.Layers, [`sha256:${sha256(one)}`, `sha256:${sha256(one)}`])
    for (const link of [
      '/etc/passwd',
      '../../etc/passwd',
      '../../../../etc/passwd',
      'layer.tar',
      '../c',
      '',
    ])
      await loadsNothing('bob', withLink(link))
    const long = { path: 'x', type: 'K', content: '../a/layer.tar\0' }
    await loadsNothing('bob', withLink('../a/layer.tar').toSpliced(2, 0, long))
    await loadsNothing(
      'bob',
      withLink('x').toSpliced(2, 0, paxEntry({ linkpath: '../a/layer.tar' })),
    )
  })

  it('are taken with gzip, and refused where that breaks off', async () => {
    const one = layerOf('zipped')
    const { config, manifest } = archiveOf({ tags: [`${word}-zipped:1`], layers: [one] })
    const zipped = (content: Buffer): readonly TarEntry[] => [
      config,
      { path: manifest[0]?.Layers[0] ?? '', content },
      { path: 'manifest.json', content: JSON.stringify(manifest) },
    ]
    assert.equal((await load('bob', zipped(gzipSync(one)))).status, 200)
    await loadsNothing('bob', zipped(gzipSync(one).subarray(0, -20)))
    await loadsNothing('bob', zipped(Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(700)])))
  })
})

describe('an archive that is too much', () => {
  it('is refused', async () => {
    const archiveOfOne = archiveOf({ tags: [`${word}-much:1`] })
    const { config, layers, manifest } = archiveOfOne
    const whole = archiveOfOne.entries()
    const many = Array.from({ length: 17_000 }, (_, n) => ({ path: `f${n}` }))
    const held = Array.from({ length: 9 }, (_, n) => ({
      path: `j${n}`,
      content: `{${' '.repeat(1024 * 1024 - 2)}}`,
    }))
    const manifestOf = (content: string): readonly TarEntry[] => [
      config,
      ...layers,
      { path: 'manifest.json', content },
    ]
    for (const archive of [
      [...many, ...whole],
      [...held, ...whole],
      [
        { path: 'n'.repeat(90), type: '5' },
        { path: 'x', type: 'L', content: 'n'.repeat(600) },
        { path: 'y' },
        ...whole,
      ],
      manifestOf(`${JSON.stringify(manifest)}${' '.repeat(1024 * 1024)}`),
      manifestOf('[]'),
      manifestOf('{}'),
      manifestOf('[{"Config":"x"}]'),
      manifestOf('['.repeat(1000)),
      [{ path: 'dev', type: '3' }, ...whole],
      [],
    ])
      await loadsNothing('bob', archive)
    await loadsNothing('bob', tarOf(whole).subarray(0, 1500))
  })
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
  const status = readFileSync(`/proc/${people.gateway.pid}/status`, 'utf8')
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
    const before = residentKiB()
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
    assert.ok(most - before < 100 * 1024, `${before} KiB before, ${most} KiB at most`)
  })
})

async function sendStream(body: Readable): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    const { gateway } = people
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
