// What an archive of images says of names, owners and layers is read once, judged, and written anew, so that
// nothing comes of what could be read otherwise.
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { uniqueName } from '../helpers/engine.ts'
import { sha256 } from '../helpers/image-archive.ts'
import { imageIds, inspect, loading } from '../helpers/loading.ts'
import { paxEntry, tarEntry, tarOf, type TarEntry } from '../helpers/tar.ts'

const word = uniqueName('forge')
const declared = `  narrow: { includes: [developer], limits: { images: ["docker.io/library/${word}-ok*"] } }
  marked: { includes: [developer], limits: { labels: [stage] } }
`
const { archiveOf, layerOf, load, loadsNothing, people } = loading(word, declared, [
  'alice developer',
  'bob developer',
  'narrow narrow',
  'marked marked',
])

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
      people().ask(`alice-${word}`, `POST /images/busybox:local/tag?repo=${name}`),
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

  it('are not taken up where somebody else’s load broke off', async () => {
    const large = tarOf([{ path: `${word}-large`, content: Buffer.alloc(3 * 1024 * 1024, 'x') }])
    const broken = tarOf(archiveOf({ layers: [large] }).entries()).subarray(0, 2 * 1024 * 1024)
    await loadsNothing('bob', broken)
    const name = `${word}-after:1`
    const loaded = await load(
      'alice',
      archiveOf({ tags: [name], layers: [layerOf('after')] }).entries(),
    )
    assert.equal(loaded.status, 200, loaded.text)
    await inspect(name)
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
