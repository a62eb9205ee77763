import assert from 'node:assert/strict'
import { request } from 'node:https'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { askEngine, onEngine, removeAll, uniqueName } from '../helpers/engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { startHitServer, type HitServer } from '../helpers/hit-server.ts'
import { paxEntry, tarEntry, tarOf, type TarEntry } from '../helpers/tar.ts'

const word = uniqueName('build')
const base = `${word}-base`
const roles = `roles:
  narrow:
    includes: [developer]
    limits: { images: ["docker.io/library/${word}-*"] }
  fetcher:
    includes: [developer]
    limits: { build: { remote: true } }
  mine:
    includes: [developer]
    limits: none
grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: bob }, roles: [developer] }
  - { to: { name: narrow }, roles: [narrow] }
  - { to: { name: fetcher }, roles: [fetcher] }
  - { to: { name: mine }, roles: [mine] }
`

interface Built {
  readonly status: number
  readonly text: string
}

let gateway: GatewayProcess
let hits: HitServer
let victim: { readonly Id: string; readonly digest: string }

async function build(
  who: string,
  body: Buffer | TarEntry[],
  query: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Built> {
  const bytes = Buffer.isBuffer(body) ? body : tarOf(body)
  const search = new URLSearchParams({ t: `${word}-out`, nocache: '1', ...query })
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...gateway.identity(who),
        host: '127.0.0.1',
        port: gateway.port,
        servername: 'localhost',
        ca: gateway.authority.ca,
        method: 'POST',
        path: `/v1.41/build?${search.toString()}`,
        headers: { 'content-type': 'application/x-tar', ...headers },
        agent: false,
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => (text += part))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      },
    )
    sent.on('error', reject)
    sent.end(bytes)
  })
}

const dockerfile = (content: string, path = 'Dockerfile'): TarEntry => ({ path, content })

async function imageIds(): Promise<ReadonlySet<string>> {
  const images = await onEngine<readonly { Id: string }[]>('/images/json?all=1')
  return new Set(images.map(({ Id }) => Id))
}

/** Nothing must come of it: no image, not even one on the way. */
async function buildsNothing(attempt: () => Promise<Built>): Promise<Built> {
  const known = await imageIds()
  const built = await attempt()
  assert.ok(built.status >= 400 && built.status < 500, `${built.status} ${built.text}`)
  assert.equal((await askEngine(`/images/${word}-out/json`)).status, 404)
  const made = [...(await imageIds())].filter((id) => !known.has(id))
  assert.deepEqual(made, [])
  return built
}

before(async () => {
  gateway = await startGatewayProcess({ roles })
  hits = await startHitServer()
  await onEngine(`/images/busybox:local/tag?repo=${base}&tag=latest`, { method: 'POST' })
  const built = await build('bob', [dockerfile(`FROM ${base}\nRUN echo of-bob > /secret\n`)], {
    t: `${word}-secret`,
  })
  assert.equal(built.status, 200, built.text)
  const { Id } = await onEngine<{ Id: string }>(`/images/${word}-secret/json`)
  victim = { Id, digest: Id.replace('sha256:', '') }
})
after(async () => {
  await removeAll(word)
  await hits.close()
  await gateway.stop()
})

describe('a Dockerfile that names another tenant’s image', () => {
  const forms: Readonly<Record<string, () => string>> = {
    'by name': () => `FROM ${word}-secret\n`,
    'by name and tag': () => `FROM ${word}-secret:latest\n`,
    'by its whole name': () => `FROM docker.io/library/${word}-secret\n`,
    'by id': () => `FROM ${victim.digest}\n`,
    'by its id with the algorithm': () => `FROM ${victim.Id}\n`,
    'by the beginning of its id': () => `FROM ${victim.digest.slice(0, 12)}\n`,
    'in lower case': () => `from ${word}-secret\n`,
    'with a platform': () => `FROM --platform=linux/amd64 ${word}-secret\n`,
    'over two lines': () => `FROM \\\n  ${word}-secret\n`,
    'over a comment': () => `FROM \\\n# comment\n\n  ${word}-secret\n`,
    'with another escape': () => `# escape=\`\nFROM \`\n${word}-secret\n`,
    'behind a directive of a frontend': () => `# syntax=docker/dockerfile:1\nFROM ${word}-secret\n`,
    'by an argument': () => `ARG base=${word}-secret\nFROM $base\n`,
    'by half an argument': () => `ARG half=secret\nFROM ${word}-\${half}\n`,
    'by a default': () => `ARG none\nFROM \${none:-${word}-secret}\n`,
    'in quotes': () => `FROM "${word}-secret"\n`,
    'in a later stage': () => `FROM ${base} AS a\nFROM ${word}-secret\nCOPY --from=a /etc /etc\n`,
    'in a stage that is not built': () => `FROM ${base} AS a\nFROM ${word}-secret AS b\n`,
    'to copy from': () => `FROM ${base}\nCOPY --from=${word}-secret /secret /\n`,
    'to copy from by id': () => `FROM ${base}\nCOPY --from=${victim.digest} /secret /\n`,
    'to copy from as a later stage': () =>
      `FROM ${base}\nCOPY --from=${word}-secret /secret /\nFROM ${base} AS ${word}-secret\n`,
  }
  for (const [how, text] of Object.entries(forms)) {
    it(`builds nothing ${how}, and says that there is no such image`, async () => {
      const { status, text: said } = await buildsNothing(() =>
        build('alice', [dockerfile(text())], { target: '' }),
      )
      assert.equal(status, 404, said)
      assert.match(said, /^\{"message":"No such image: [^"]*"\}\n$/)
    })
  }

  it('builds nothing by a build argument', async () => {
    const text = `ARG base=${base}\nFROM $base\n`
    const buildargs = JSON.stringify({ base: `${word}-secret` })
    await buildsNothing(() => build('alice', [dockerfile(text)], { buildargs }))
  })

  it('builds nothing under a role without limits on their own', async () => {
    await buildsNothing(() => build('mine', [dockerfile(`FROM ${word}-secret\n`)]))
    for (const query of [{ version: '2' }, { remote: 'https://example.com/x.git' }]) {
      await buildsNothing(() => build('mine', [dockerfile(`FROM ${base}\n`)], query))
    }
  })

  it('is not helped by a stage of another spelling, or by what options BuildKit has', async () => {
    for (const line of [
      'COPY --from=$x /secret /',
      `COPY --fr\\om=${word}-secret /secret /`,
      `COPY --from ${word}-secret /secret /`,
      `COPY --link --from=${word}-secret /secret /`,
      'COPY --from=-1 /secret /',
      'COPY --from=0 /secret /',
      `RUN --mount=type=bind,from=${word}-secret,target=/x cat /x/secret`,
      `ADD --from=${word}-secret /secret /`,
      `COPY\u00a0--from=${word}-secret /secret /`,
      `COPY \u00a0--from=${word}-secret /secret /`,
      'RUN <<EOF\ncat\nEOF',
      `ONBUILD COPY --from=${word}-secret /secret /`,
      `ONBUILD FROM ${word}-secret`,
      `\u212aEYWORD x`,
    ]) {
      const { status } = await buildsNothing(() =>
        build('alice', [dockerfile(`FROM ${base}\n${line}\n`)]),
      )
      assert.ok(status === 400 || status === 404, line)
    }
  })

  it('does not come to mean it while it is built', async () => {
    const later = `${word}-later`
    await onEngine(`/images/busybox:local/tag?repo=${later}&tag=latest`, { method: 'POST' })
    const text = `FROM ${base}\nRUN sleep 2\nCOPY --from=${later} / /copied\nRUN ls /copied/secret || true\n`
    const building = build('alice', [dockerfile(text)], { t: `${word}-raced` })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    await onEngine(`/images/${victim.Id}/tag?repo=${later}&tag=latest`, { method: 'POST' })
    const { text: said } = await building
    assert.match(said, /Successfully built/)
    assert.match(said, /ls: \/copied\/secret: No such file/)
  })
})

describe('a base image whose triggers name another’s image', () => {
  const onto = `${word}-onto`
  before(async () => {
    // Made on the socket, as it would come from a registry.
    const text = `FROM ${base}\nONBUILD COPY --from=${word}-secret /secret /\n`
    const answer = await askEngine(`/build?t=${onto}`, {
      method: 'POST',
      body: tarOf([dockerfile(text)]),
    })
    assert.match(answer.body.toString(), /Successfully built/)
  })

  it('builds nothing', async () => {
    const { text } = await buildsNothing(() => build('alice', [dockerfile(`FROM ${onto}\n`)]))
    assert.match(text, /ONBUILD instruction that cannot be judged/)
  })

  it('builds where they name a stage', async () => {
    const text = `FROM ${base} AS ${word}-secret\nRUN echo own > /secret\nFROM ${onto}\n`
    const { text: said } = await build('alice', [dockerfile(text)], { t: `${word}-own` })
    assert.match(said, /Successfully built/)
  })
})

describe('what the engine would fetch', () => {
  it('is not fetched, however the URL is written', async () => {
    const url = `http://127.0.0.1:${hits.port}/x`
    for (const line of [
      `ADD ${url} /x`,
      `ADD "${url}" /x`,
      `ADD ht\\tp://127.0.0.1:${hits.port}/x /x`,
      `ADD ["${url}", "/x"]`,
      `ADD ["\\u0068ttp://127.0.0.1:${hits.port}/x", "/x"]`,
      `ADD ["${url}", "/x"] junk`,
      `ADD a ${url} /x/`,
      `ADD --chown=1:1 ${url} /x`,
      `ONBUILD ADD ${url} /x`,
      `ADD \u00a0${url} /x`,
    ]) {
      await buildsNothing(() =>
        build('alice', [dockerfile(`FROM ${base}\n${line}\n`), { path: 'a', content: '' }]),
      )
    }
    assert.equal(hits.hits.length, 0)
  })

  it('is not fetched where only a variable makes it a URL', async () => {
    const url = `http://127.0.0.1:${hits.port}/x`
    for (const line of [
      `ENV u=${url}\nADD $u /x`,
      `ARG u=${url}\nADD ["\${u}", "/x"]`,
      `ENV h=ht\nADD \${h}tp://127.0.0.1:${hits.port}/x /x`,
      `ENV e=\nADD "$e"http://127.0.0.1:${hits.port}/x /x`,
    ]) {
      const { text } = await build('alice', [dockerfile(`FROM ${base}\n${line}\n`)])
      assert.doesNotMatch(text, /Successfully built/, line)
    }
    assert.equal(hits.hits.length, 0)
  })

  it('is fetched for whom limits.build.remote lets', async () => {
    const text = `FROM ${base}\nADD http://127.0.0.1:${hits.port}/x /x\n`
    await build('fetcher', [dockerfile(text)], { t: `${word}-fetched` })
    assert.ok(hits.hits.length > 0)
  })
})

describe('a context with more than one reading', () => {
  const good = `FROM ${base}\n`
  const evil = `FROM ${word}-secret\nRUN cat /secret\n`
  const contexts: Readonly<Record<string, () => Buffer>> = {
    'two Dockerfiles, the good one first': () => tarOf([dockerfile(good), dockerfile(evil)]),
    'two Dockerfiles, the good one last': () => tarOf([dockerfile(evil), dockerfile(good)]),
    'two spellings of its path': () => tarOf([dockerfile(good), dockerfile(evil, './/Dockerfile')]),
    'a path that leads back to it': () =>
      tarOf([dockerfile(good), dockerfile(evil, 'a/../Dockerfile')]),
    'a Dockerfile that is a symbolic link': () =>
      tarOf([{ path: 'Dockerfile', type: '2', link: 'evil' }, dockerfile(evil, 'evil')]),
    'a Dockerfile that is a hard link': () =>
      tarOf([dockerfile(evil, 'evil'), { path: 'Dockerfile', type: '1', link: 'evil' }]),
    'a PAX path over it': () =>
      tarOf([dockerfile(good), paxEntry({ path: 'Dockerfile' }), dockerfile(evil, 'x')]),
    'a GNU long name over it': () =>
      tarOf([
        dockerfile(good),
        { path: '././@LongLink', type: 'L', content: 'Dockerfile\0' },
        dockerfile(evil, 'x'),
      ]),
    'a link in the place of the .dockerignore': () =>
      tarOf([{ path: '.dockerignore', type: '2', link: 'Dockerfile' }, dockerfile(good)]),
    'a name of the gateway’s': () => tarOf([dockerfile(evil, '.dockgate-x'), dockerfile(good)]),
    'a sparse file': () => tarOf([dockerfile(good), { path: 'x', type: 'S' }]),
    'an entry of unknown type': () => tarOf([dockerfile(good), { path: 'x', type: 'Z' }]),
    'no Dockerfile': () => tarOf([{ path: 'a', content: 'b' }]),
    'no archive': () => Buffer.from(evil.repeat(100)),
    'nothing at all': () => Buffer.alloc(0),
    'half a header': () => tarOf([dockerfile(good)]).subarray(0, 700),
    'gzip that breaks off': () => gzipSync(tarOf([dockerfile(good)])).subarray(0, 60),
  }
  for (const [what, bytes] of Object.entries(contexts)) {
    it(`builds nothing: ${what}`, async () => {
      const { status } = await buildsNothing(() => build('alice', bytes()))
      assert.ok(status === 400 || status === 404)
    })
  }

  it('is built as it was judged: what follows the end, or the gzip stream, is nothing', async () => {
    const end = tarOf([dockerfile(good)])
    for (const bytes of [
      Buffer.concat([end, tarOf([dockerfile(evil)])]),
      Buffer.concat([gzipSync(end), gzipSync(tarOf([dockerfile(evil)]))]),
    ]) {
      const { text } = await build('alice', bytes, { t: `${word}-end` })
      assert.match(text, /Successfully built/)
      assert.doesNotMatch(text, /of-bob/)
    }
  })

  it('takes dockerfile for Dockerfile only where there is none, as the engine does', async () => {
    await buildsNothing(() => build('alice', [dockerfile(evil, 'dockerfile')]))
    const both = [dockerfile(evil, 'dockerfile'), dockerfile(good)]
    assert.match((await build('alice', both, { t: `${word}-both` })).text, /Successfully built/)
    const low = [dockerfile(good, 'dockerfile')]
    assert.match((await build('alice', low, { t: `${word}-low` })).text, /Successfully built/)
  })

  it('reads the Dockerfile that the query names, by any spelling of its path', async () => {
    for (const name of ['sub/evil', './sub/evil', '/sub/evil', 'sub//evil', 'x/../sub/evil']) {
      const entries = [dockerfile(good), dockerfile(evil, 'sub/evil')]
      await buildsNothing(() => build('alice', entries, { dockerfile: name }))
    }
    const linked = [
      { path: 'sub', type: '2', link: 'real' },
      dockerfile(evil, 'real/evil'),
      dockerfile(good),
    ]
    await buildsNothing(() => build('alice', linked, { dockerfile: 'sub/evil' }))
  })

  it('is not hidden by a header of a length that readers see differently', async () => {
    const odd = Buffer.concat([
      tarEntry(paxEntry({ size: '512' })),
      tarEntry({ path: 'x', content: '' }),
      tarEntry(dockerfile(evil)).subarray(0, 512),
      tarOf([dockerfile(good)]),
    ])
    const { text } = await build('alice', odd, { t: `${word}-odd` })
    assert.doesNotMatch(text, /of-bob/)
  })
})

describe('limits and labels', () => {
  it('builds only upon what limits.images names, by whatever name', async () => {
    const text = `FROM busybox:local\n`
    const { text: said } = await buildsNothing(() => build('narrow', [dockerfile(text)]))
    assert.match(said, /limits\.images/)
    const ok = await build('narrow', [dockerfile(`FROM ${base}\n`)], { t: `${word}-narrow` })
    assert.match(ok.text, /Successfully built/)
    const unknown = [dockerfile('FROM registry.example.com/nothing\n')]
    assert.match((await buildsNothing(() => build('narrow', unknown))).text, /limits\.images/)
  })

  it('sets no owner but the builder, in no image on the way either', async () => {
    for (const line of [
      'LABEL dockgate.owner=bob',
      'LABEL "dockgate.owner"=bob',
      'LABEL dock\\gate.owner=bob',
      'LABEL a=b Dockgate.Team=x',
      'LABEL dockgate.owner bob',
      'ENV k=dockgate.owner\nLABEL $k=bob',
      'ONBUILD LABEL dockgate.owner=bob',
    ]) {
      await buildsNothing(() => build('alice', [dockerfile(`FROM ${base}\n${line}\n`)]))
    }
    const known = await imageIds()
    const text = `FROM ${base} AS one\nRUN echo a > /a\nFROM scratch AS two\nCOPY --from=one /a /\nFROM one\nCOPY --from=two /a /b\n`
    const built = await build('alice', [dockerfile(text)], { t: `${word}-stages` })
    assert.match(built.text, /Successfully built/)
    const made = [...(await imageIds())].filter((id) => !known.has(id))
    assert.ok(made.length > 4)
    for (const id of made) {
      const { Config } = await onEngine<{ Config: { Labels: Record<string, string> } }>(
        `/images/${id}/json`,
      )
      assert.equal(Config.Labels['dockgate.owner'], 'alice', id)
    }
  })

  it('labels what --target ends with', async () => {
    const text = `FROM ${base} AS one\nRUN true\nFROM ${base} AS two\nRUN false\n`
    await build('alice', [dockerfile(text)], { t: `${word}-target`, target: 'one' })
    const { Config } = await onEngine<{ Config: { Labels: Record<string, string> } }>(
      `/images/${word}-target/json`,
    )
    assert.equal(Config.Labels['dockgate.owner'], 'alice')
  })
})

describe('a refused build', () => {
  it('is on record with its reason', async () => {
    await build('alice', [dockerfile(`FROM ${word}-secret\n`)])
    await build('alice', [dockerfile(`FROM ${base}\nADD http://x.example.com/?token=y /\n`)])
    assert.match(gateway.logs(), /"decision":"deny"[^\n]*"reason":"not-theirs"/)
    assert.match(gateway.logs(), /"reason":"limit"[^\n]*build\.remote/)
    assert.doesNotMatch(gateway.logs(), /token=y/)
  })
})
