// What a small archive, or a small body, can cost the gateway: neither its memory nor everybody's time.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { imageArchive } from '../helpers/image-archive.ts'
import { askDoor, type RawAnswer } from '../helpers/raw-http.ts'
import { standIn, type StandIn } from '../helpers/stand-in.ts'
import { paxEntry, tarOf, type TarEntry } from '../helpers/tar.ts'

const id = 'a'.repeat(64)
let mostConnections = 0
const sockets = new Set<Socket>()
/** Knows every image, and no volume. */
const engine = createServer((request, response) => {
  request.resume().on('error', () => {})
  const { url = '' } = request
  if (/^\/(build|images\/load)/.test(url)) request.once('end', () => response.end('{}'))
  else if (url.startsWith('/info')) response.end('{}')
  else if (/^\/images\/.*\/json/.test(url)) {
    response.end(JSON.stringify({ Id: `sha256:${id}`, RepoTags: ['a:latest'], Config: {} }))
  } else if (url.includes('/json') || url.includes('/volumes?')) response.end('[]')
  else response.writeHead(404).end('{"message":"no such thing"}')
}).on('connection', (socket) => {
  sockets.add(socket)
  mostConnections = Math.max(mostConnections, sockets.size)
  socket.once('close', () => sockets.delete(socket))
})
let inPlace: StandIn
let gateway: GatewayProcess
before(async () => {
  inPlace = await standIn(engine)
  const roles = `grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: admin }, roles: [admin] }
`
  gateway = await startGatewayProcess({ roles, enginePath: inPlace.path })
})
after(async () => {
  await gateway.stop()
  inPlace.close()
})

/** The most that it ever held, in MiB. */
function peak(): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** What it answers, while somebody else asks all the time. */
async function whileOthersAsk(ask: () => Promise<RawAnswer>): Promise<RawAnswer> {
  const over = new AbortController()
  let slowestMs = 0
  const admin = gateway.door(gateway.identity('admin'))
  const other = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const startedAt = performance.now()
      assert.equal((await askDoor(admin, { method: 'GET', path: '/info' })).status, 200)
      slowestMs = Math.max(slowestMs, performance.now() - startedAt)
    }
  }
  const asking = other()
  try {
    return await ask()
  } finally {
    over.abort()
    await asking
    assert.ok(slowestMs < 3_000, `somebody else waited for ${Math.round(slowestMs)} ms`)
    assert.ok(peak() < 700, `it held ${Math.round(peak())} MiB`)
  }
}

function send(path: string, body: Buffer, type = 'application/x-tar'): Promise<RawAnswer> {
  const door = gateway.door(gateway.identity('alice'))
  const headers = { 'Content-Type': type }
  return whileOthersAsk(() => askDoor(door, { method: 'POST', path, headers, body }))
}

function build(entries: readonly TarEntry[], query = ''): Promise<RawAnswer> {
  return send(`/build?${query}`, gzipSync(tarOf(entries)))
}

describe('a Dockerfile', () => {
  const texts: Readonly<Record<string, string>> = {
    'of a stage in each line': 'FROM a\n'.repeat(140_000),
    'that copies from another image in each line': `FROM a\n${Array.from({ length: 40_000 }, (_, index) => `COPY --from=i${index} / /\n`).join('')}`,
    'of an argument that doubles in each line': `ARG A=${'x'.repeat(60_000)}\n${'ARG A=$A$A\n'.repeat(13)}FROM $A\n`,
  }
  for (const [how, content] of Object.entries(texts)) {
    it(`${how} is refused`, async () => {
      const { status, body } = await build([{ path: 'Dockerfile', content }])
      assert.equal(status, 400, body.toString())
    })
  }

  it('under a long name, beside what ignores by many rules, is refused', async () => {
    const long = 'a'.repeat(8_000)
    const entries = [
      { path: '.dockerignore', content: '*a'.repeat(30_000) },
      paxEntry({ path: long }),
      { path: 'a', content: 'FROM a\n' },
    ]
    const { status, body } = await build(entries, `dockerfile=${long}`)
    assert.equal(status, 400, body.toString())
  })
})

describe('an archive of images', () => {
  const history = Array.from({ length: 60_000 }, () => ({ author: 'a' }))
  it('that names one image thirty thousand times is refused', async () => {
    const { config } = imageArchive({ layers: [], settings: { history } })
    const manifest = Array.from({ length: 30_000 }, () => ({ Config: 'c', Layers: [] }))
    const entries = [
      { path: 'c', content: config.content },
      { path: 'manifest.json', content: JSON.stringify(manifest) },
    ]
    const { status, body } = await send('/images/load', gzipSync(tarOf(entries)))
    assert.equal(status, 400, body.toString())
  })

  it('that gives one image forty thousand names is refused', async () => {
    const tags = Array.from({ length: 40_000 }, (_, index) => `a${index}:1`)
    const { status, body } = await send(
      '/images/load',
      tarOf(imageArchive({ layers: [], tags }).entries()),
    )
    assert.equal(status, 400, body.toString())
  })
})

it('a body that names twenty thousand volumes asks the engine of few at a time', async () => {
  const Binds = Array.from({ length: 20_000 }, (_, index) => `v${index}:/v${index}`)
  const body = JSON.stringify({ Image: 'a', HostConfig: { Binds } })
  mostConnections = 0
  await send('/containers/create', Buffer.from(body), 'application/json')
  assert.ok(mostConnections < 100, `${mostConnections} connections`)
})

it('a bomb behind the end of an archive is not unpacked', async () => {
  const ticks = (): number => {
    const fields =
      readFileSync(`/proc/${gateway.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return Number(fields[11]) + Number(fields[12])
  }
  const one = tarOf([{ path: 'Dockerfile', content: 'FROM a\n' }])
  const zipped = gzipSync(Buffer.concat([one, Buffer.alloc(1024 ** 3)]))
  const earlier = ticks()
  assert.equal((await send('/build', zipped)).status, 200)
  const spent = ticks() - earlier
  assert.ok(spent < 100, `${spent} hundredths of a second`)
})
