// Long request bodies: the engine is sent each byte of one and none of another, wherever they were cut and
// however they were chunked; one that breaks off is never whole, and takes nobody else along.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { array, assert as check, asyncProperty, constantFrom, integer } from 'fast-check'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection } from '../helpers/raw-http.ts'

const roles = 'grants: [{to: {name: admin}, roles: [admin]}]\n'
const folder = mkdtempSync(join(tmpdir(), 'dockgate-long-'))
const path = join(folder, 'engine.sock')
const kib = 1024

interface Got {
  readonly target: string
  readonly bytes: number
  readonly digest: string
}

/** What reached the engine whole, and the targets of what broke off. */
let whole: Got[] = []
const broken: string[] = []
/** Reads nothing of a body before this. */
let ready: Promise<void> | undefined

function answer(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256')
  let bytes = 0
  const target = request.url ?? ''
  const begin = (): void => {
    request.on('data', (part: Buffer) => {
      bytes += part.length
      hash.update(part)
    })
  }
  if (ready === undefined) begin()
  else void ready.then(begin)
  request.on('error', () => broken.push(target))
  request.on('end', () => {
    whole.push({ target, bytes, digest: hash.digest('hex') })
    response.end('{}')
  })
}

function got(target: string, body: Buffer): Got {
  const digest = createHash('sha256').update(body).digest('hex')
  return { target, bytes: body.length, digest }
}

const digits = Buffer.from('\r\n4000\r\n')
/** Also what looks like the framing of chunks, and like requests. */
const contents = {
  random: (length: number) => randomBytes(length),
  zeros: (length: number) => Buffer.alloc(length),
  digits: (length: number) => Buffer.alloc(length, digits),
  lines: (length: number) => Buffer.alloc(length, '8\r\n'),
  ends: (length: number) =>
    Buffer.alloc(length, '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'),
}

/** How clients chunk: sizes, digits, and which parts they write at once. */
const styles = {
  go: ['', ''],
  'in capitals': ['000', ''],
  'with extensions': ['', ';part="1"'],
}

function chunked(body: Buffer, size: number, style: keyof typeof styles, trailer = ''): Buffer[] {
  const [ahead, behind] = styles[style]
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size)
    const digitsOf = part.length.toString(16)
    const said = style === 'in capitals' ? digitsOf.toUpperCase() : digitsOf
    parts.push(Buffer.from(`${ahead}${said}${behind}\r\n`), part, Buffer.from('\r\n'))
  }
  parts.push(Buffer.from(`0\r\n${trailer}\r\n`))
  return parts
}

const head = (target: string, framing: string): Buffer =>
  Buffer.from(`POST ${target} HTTP/1.1\r\nHost: docker\r\n${framing}\r\n\r\n`)

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].toSorted(
    (a, b) => a - b,
  )
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length))
}

async function write(socket: TLSSocket, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    // One part, one record, and mostly one turn of the gateway.
    if (part.length > 0) await new Promise((resolve) => socket.write(part, resolve))
  }
}

const load = '/v1.41/images/load'

describe('a long body', () => {
  const engine = createServer(answer)
  let gateway: GatewayProcess
  before(async () => {
    await once(engine.listen(path), 'listening')
    gateway = await startGatewayProcess({ roles, enginePath: path })
  })
  after(async () => {
    await gateway.stop()
    engine.closeAllConnections()
    engine.close()
    rmSync(folder, { recursive: true })
  })
  const open = async (): Promise<{ socket: TLSSocket; connection: RawConnection }> => {
    const socket = await gateway.connect(gateway.identity('admin'))
    return { socket, connection: new RawConnection(socket) }
  }
  /** By target: each goes its own way to the engine. */
  const take = (): Got[] => {
    const taken = whole
    whole = []
    return taken.toSorted((one, other) => one.target.localeCompare(other.target))
  }

  /** A body for a load and the next for a build, on one connection: the engine has both as they were. */
  const arrive = async (parts: readonly Buffer[], body: Buffer, next: Buffer): Promise<void> => {
    const { socket, connection } = await open()
    await write(socket, parts)
    assert.equal((await connection.answer())?.status, 200)
    assert.equal((await connection.answer())?.status, 200)
    connection.close()
    assert.deepEqual(take(), [got('/v1.41/build', next), got(load, body)])
  }

  const lengths = integer({ min: 70 * kib, max: 900 * kib })
  const places = array(integer({ min: 0, max: 1_000_000 }), { maxLength: 12 })
  const names = constantFrom(...(Object.keys(contents) as (keyof typeof contents)[]))
  const bounded = { numRuns: 60, interruptAfterTimeLimit: 12_000, includeErrorInReport: true }

  it('of a stated length is the same wherever it is cut, and so is what follows it', () =>
    check(
      asyncProperty(lengths, names, places, async (length, content, at) => {
        const body = contents[content](length)
        const next = contents.random(100 * kib)
        const bytes = Buffer.concat([
          head(load, `Content-Length: ${length}`),
          body,
          head('/v1.41/build', `Content-Length: ${next.length}`),
          next,
        ])
        await arrive(cut(bytes, at), body, next)
      }),
      bounded,
    ))

  it('in chunks is the same wherever it is chunked and cut, and so is what follows it', () =>
    check(
      asyncProperty(
        lengths,
        names,
        integer({ min: 1_000, max: 70 * kib }),
        constantFrom(...(Object.keys(styles) as (keyof typeof styles)[])),
        constantFrom('', 'X-Checksum: 1\r\n'),
        places,
        async (length, content, size, style, trailer, at) => {
          const body = contents[content](length)
          const next = contents.random(100 * kib)
          const bytes = Buffer.concat([
            head(load, 'Transfer-Encoding: chunked'),
            ...chunked(body, size, style, trailer),
            head('/v1.41/build', 'Transfer-Encoding: chunked'),
            ...chunked(next, 32 * kib, 'go'),
          ])
          await arrive(cut(bytes, at), body, next)
        },
      ),
      bounded,
    ))

  // As Go's client, curl, and Python's write them.
  const writings = {
    'the head, then each chunk': (parts: Buffer[]) => [parts],
    'the line of a size by itself': (parts: Buffer[]) => parts.map((part) => [part]),
    'a line and its chunk': (parts: Buffer[]) => {
      const writes: Buffer[][] = []
      for (let at = 0; at < parts.length; at += 3) writes.push(parts.slice(at, at + 3))
      return writes
    },
    'the end of a chunk with the next': (parts: Buffer[]) => {
      const writes: Buffer[][] = [[parts[0]!, parts[1]!]]
      for (let at = 2; at < parts.length; at += 3) writes.push(parts.slice(at, at + 3))
      return writes
    },
  }
  for (const [name, group] of Object.entries(writings)) {
    it(`in chunks is the same where one write is ${name}`, async () => {
      for (const content of Object.values(contents)) {
        const body = content(700 * kib)
        const { socket, connection } = await open()
        socket.write(head(load, 'Transfer-Encoding: chunked'))
        await write(
          socket,
          group(chunked(body, 16 * kib, 'go')).map((parts) => Buffer.concat(parts)),
        )
        assert.equal((await connection.answer())?.status, 200)
        connection.close()
        assert.deepEqual(take(), [got(load, body)])
      }
    })
  }

  it('waits for an engine that does not read, and is whole then', async () => {
    let read = (): void => undefined
    ready = new Promise((resolve) => (read = resolve))
    for (const framing of ['length', 'chunks']) {
      const body = contents.random(24 * 1_024 * kib)
      const { socket, connection } = await open()
      const isChunked = framing === 'chunks'
      socket.write(
        head(load, isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`),
      )
      const atFirst = memoryOf(gateway.pid)
      const written = write(socket, isChunked ? chunked(body, 32 * kib, 'go') : cut(body, []))
      // Until nobody takes any more: what the sockets hold is full.
      let last = -1
      while (last !== socket.bytesWritten) {
        last = socket.bytesWritten
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
      assert.ok(memoryOf(gateway.pid) - atFirst < 12 * 1024 * kib)
      read()
      await written
      assert.equal((await connection.answer())?.status, 200)
      connection.close()
      assert.deepEqual(take(), [got(load, body)])
      ready = undefined
    }
  })

  it('holds no byte of another that comes beside it', async () => {
    const sent = await Promise.all(
      Array.from({ length: 6 }, async (_none, index) => {
        const target = `${load}?quiet=${index % 2}`
        const body = Buffer.alloc(2_000 * kib, String(index))
        const { socket, connection } = await open()
        const isChunked = index % 3 === 0
        socket.write(
          head(target, isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`),
        )
        await write(socket, isChunked ? chunked(body, 30_000, 'go') : cut(body, [500_000, 900_001]))
        assert.equal((await connection.answer())?.status, 200)
        connection.close()
        return got(target, body)
      }),
    )
    const byDigest = (one: Got, other: Got): number => one.digest.localeCompare(other.digest)
    assert.deepEqual(
      take()
        .map(({ digest }) => digest)
        .toSorted(),
      sent.toSorted(byDigest).map(({ digest }) => digest),
    )
  })

  const ends: Readonly<Record<string, (socket: TLSSocket, below: Socket) => void>> = {
    'is reset': (_socket, below) => below.resetAndDestroy(),
    'is closed': (socket) => socket.destroy(),
    'ends its side': (socket) => socket.end(),
    'ends without a word': (_socket, below) => below.end(),
    'speaks no TLS any more': (_socket, below) => below.write(randomBytes(5_000)),
    'goes on with what is no chunk': (socket) => socket.write('this is no size\r\n'.repeat(5_000)),
  }
  for (const [name, end] of Object.entries(ends)) {
    it(`breaks off at the engine when the client's connection ${name}`, async () => {
      for (const framing of ['Content-Length: 50000000', 'Transfer-Encoding: chunked']) {
        if (name.includes('chunk') && !framing.includes('chunked')) continue
        const below = connect(gateway.port, '127.0.0.1')
        const socket = connectTls({
          socket: below,
          servername: 'localhost',
          ca: gateway.authority.ca,
          ...gateway.identity('admin'),
        })
        socket.on('error', () => undefined)
        below.on('error', () => undefined)
        await once(socket, 'secureConnect')
        socket.write(head(load, framing))
        const body = contents.random(600 * kib)
        await write(
          socket,
          framing.includes('chunked') ? chunked(body, 32 * kib, 'go').slice(0, -1) : [body],
        )
        end(socket, below)
        while (broken.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
        assert.deepEqual([take(), broken.splice(0)], [[], [load]])
        socket.destroy()
      }
    })
  }

  it('followed by an upgrade in the same breath is not sent more than is its own', async () => {
    const body = contents.random(300 * kib)
    const { socket, connection } = await open()
    socket.write(head(load, 'Transfer-Encoding: chunked'))
    const parts = chunked(body, 16 * kib, 'go')
    const last = parts.splice(-6)
    await write(socket, parts)
    const attach =
      'POST /v1.41/containers/web/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: docker\r\n' +
      'Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly'
    await write(socket, [Buffer.concat([...last, Buffer.from(attach)])])
    while (whole.length + broken.length === 0)
      await new Promise((resolve) => setTimeout(resolve, 10))
    connection.close()
    if (broken.splice(0).length === 0) assert.deepEqual(take(), [got(load, body)])
  })
})

function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
