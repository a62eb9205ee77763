// How the engine's answers are read from its socket: as one reading, wherever they are cut, and never as
// whole when they are not.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, beforeEach, describe, it } from 'node:test'
import { array, assert as check, asyncProperty, integer, uint8Array } from 'fast-check'
import type { EngineRequest } from '../../../src/gateway/engine.ts'
import { createLines, type Lines } from '../../../src/gateway/wire/lines.ts'

const folder = mkdtempSync(join(tmpdir(), 'dockgate-wire-'))
const path = join(folder, 'engine.sock')
/** What the engine does with each connection; it may wait for the request. */
let serve: (socket: Socket) => void = () => {}
let connections = 0
let engine: Server
let lines: Lines
before(async () => {
  engine = createServer((socket) => {
    connections += 1
    socket.on('error', () => {})
    serve(socket)
  })
  await once(engine.listen(path), 'listening')
  lines = createLines(path)
})
/** No connection of before, which answers as it did then. */
beforeEach(renew)
function renew(): void {
  lines.close()
  lines = createLines(path)
}
after(() => {
  lines.close()
  engine.close()
  rmSync(folder, { recursive: true })
})

interface Seen {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly broken: string | undefined
}

const question: EngineRequest = { method: 'GET', path: '/info', headers: [], body: undefined }

function ask(request: EngineRequest = question): Promise<Seen> {
  return new Promise((resolve) => {
    let status = 0
    let headers: readonly string[] = []
    const parts: Buffer[] = []
    const done = (broken?: string): void =>
      resolve({ status, headers, body: Buffer.concat(parts), broken })
    lines.call(request, {
      head: (head) => {
        status = head.status
        ;({ headers } = head)
      },
      part(bytes, isLast) {
        parts.push(Buffer.from(bytes))
        if (isLast) done()
        return true
      },
      broken: (error) => done(error.message),
    })
  })
}

/** Answers each request with these pieces, one write each. */
function answerWith(pieces: readonly (string | Uint8Array)[], end = false): void {
  serve = (socket) => {
    const next = (index: number): void => {
      const piece = pieces[index]
      if (piece === undefined) {
        if (end) socket.end()
        return
      }
      socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
      setImmediate(() => next(index + 1))
    }
    socket.on('data', () => next(0))
  }
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].toSorted(
    (a, b) => a - b,
  )
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length))
}

function chunked(body: Uint8Array, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = []
  let at = 0
  for (const size of [...sizes, body.length]) {
    const part = body.subarray(at, at + size)
    at += part.length
    if (part.length > 0)
      parts.push(
        Buffer.from(`${part.length.toString(16)}\r\n`),
        Buffer.from(part),
        Buffer.from('\r\n'),
      )
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

const bodies = uint8Array({ maxLength: 3_000 })
const cuts = array(integer({ min: 0, max: 4_000 }), { maxLength: 8 })
const bounded = { numRuns: 150, interruptAfterTimeLimit: 8_000 }

describe('an answer', () => {
  it('of a stated length is the same wherever it is cut', () =>
    check(
      asyncProperty(bodies, cuts, async (body, at) => {
        const head = `HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: ${body.length}\r\n\r\n`
        answerWith(cut(Buffer.concat([Buffer.from(head), body]), at))
        const seen = await ask()
        assert.deepEqual([seen.status, seen.broken], [200, undefined])
        assert.deepEqual(seen.headers, ['X-A', 'b', 'Content-Length', String(body.length)])
        assert.ok(seen.body.equals(body))
        renew()
      }),
      bounded,
    ))

  it('in chunks is the same wherever it is chunked and cut', () =>
    check(
      asyncProperty(
        bodies,
        array(integer({ min: 1, max: 900 }), { maxLength: 6 }),
        cuts,
        async (body, sizes, at) => {
          const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
          answerWith(cut(Buffer.concat([Buffer.from(head), chunked(body, sizes)]), at))
          const seen = await ask()
          assert.deepEqual([seen.status, seen.broken], [200, undefined])
          assert.ok(seen.body.equals(body))
          renew()
        },
      ),
      bounded,
    ))

  it('that breaks off anywhere before its end is never whole', () =>
    check(
      asyncProperty(bodies, integer({ min: 0, max: 4_000 }), async (body, place) => {
        const whole = Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
          chunked(body, [500]),
        ])
        answerWith([whole.subarray(0, place % whole.length)], true)
        assert.notEqual((await ask()).broken, undefined)
      }),
      bounded,
    ))

  const malformed: readonly (readonly [what: string, text: string])[] = [
    ['a status line of another protocol', 'HTTP/2 200 OK\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx'],
    ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx'],
    [
      'a length beyond what is exact',
      `HTTP/1.1 200 OK\r\nContent-Length: ${'9'.repeat(20)}\r\n\r\n`,
    ],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a coding within chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'chunks twice',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a folded header', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
    ['a bare line feed', 'HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 0\r\n\r\n'],
    ['a bare carriage return', 'HTTP/1.1 200 OK\r\nX-A: b\rc\r\nContent-Length: 0\r\n\r\n'],
    ['a NUL', 'HTTP/1.1 200 OK\r\nX-A: b\0\r\nContent-Length: 0\r\n\r\n'],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX-A: ${'b'.repeat(300_000)}`],
    ['no size of a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n'],
    [
      'an extension of a chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n',
    ],
    ['a signed chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n'],
    [
      'a chunk longer than it says',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n',
    ],
    [
      'a chunk that is endless',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'f'.repeat(16)}\r\nx`,
    ],
    [
      'a chunk ended by a line feed',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n',
    ],
  ]
  for (const [what, text] of malformed) {
    it(`with ${what} is none`, async () => {
      answerWith([text])
      assert.match((await ask()).broken ?? 'whole', /cannot be read/)
    })
  }

  it('may come after interim ones', async () => {
    answerWith([
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 204 No\r\n\r\n',
    ])
    const { status, broken } = await ask()
    assert.deepEqual([status, broken], [204, undefined])
  })

  it('keeps the memory that is lent as it was, while others are read and other parts are given back', async () => {
    const chunkBytes = 40 * 1024
    const chunk = (fill: number): Buffer =>
      Buffer.concat([
        Buffer.from(`${chunkBytes.toString(16)}\r\n`),
        Buffer.alloc(chunkBytes, fill),
        Buffer.from('\r\n'),
      ])
    serve = (socket) => {
      const all = Array.from({ length: 40 }, (_, index) => chunk(index + 1))
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        socket.write(Buffer.concat([...all, Buffer.from('0\r\n\r\n')]))
      })
    }
    let lent = 0
    const whole = (): Promise<readonly Buffer[]> =>
      new Promise((resolve, reject) => {
        const parts: Buffer[] = []
        const call = lines.call(question, {
          head: () => undefined,
          part(bytes, isLast) {
            const giveBack = call.borrow()
            if (giveBack === undefined) parts.push(Buffer.from(bytes))
            else {
              lent++
              // Every other one is copied and given back soon, as if it were written out.
              if (lent % 2 === 0) parts.push(bytes)
              else {
                parts.push(Buffer.from(bytes))
                setImmediate(giveBack)
              }
            }
            if (isLast) resolve(parts)
            return true
          },
          broken: reject,
        })
      })
    const answers = await Promise.all([whole(), whole(), whole()])
    assert.ok(lent > 10, `${lent} parts were lent`)
    const wanted = Buffer.concat(
      Array.from({ length: 40 }, (_, index) => Buffer.alloc(chunkBytes, index + 1)),
    )
    for (const parts of answers) assert.ok(Buffer.concat(parts).equals(wanted))
  })
  it('without a length goes on to the end of the connection', async () => {
    answerWith(['HTTP/1.0 200 OK\r\n\r\nab', 'cd'], true)
    const { body, broken } = await ask()
    assert.deepEqual([body.toString(), broken], ['abcd', undefined])
  })

  it('to HEAD has no body, whatever it says of one', async () => {
    answerWith(['HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n'])
    const { body, headers, broken } = await ask({ ...question, method: 'HEAD' })
    assert.deepEqual([body.length, headers, broken], [0, ['Content-Length', '12'], undefined])
  })
})

describe('a connection to the engine', () => {
  const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  it('is used again after a whole answer', async () => {
    answerWith([whole])
    await ask()
    const made = connections
    await ask()
    assert.equal(connections, made)
  })

  it('is used no more when the engine says so, or more than an answer came', async () => {
    for (const text of [
      whole.replace('OK\r\n', 'OK\r\nConnection: close\r\n'),
      `${whole}${whole}`,
    ]) {
      renew()
      answerWith([text])
      await ask()
      const made = connections
      answerWith([whole])
      assert.equal((await ask()).body.toString(), 'ok')
      assert.equal(connections, made + 1, text)
    }
  })

  it('on which something comes unasked gives that to nobody', async () => {
    renew()
    let late: Socket | undefined
    serve = (socket) => socket.on('data', () => void (late = socket).write(whole))
    await ask()
    late?.write(whole.replace('ok', 'no'))
    await once(late ?? engine, 'close')
    assert.equal((await ask()).body.toString(), 'ok')
  })

  it('is used no more when the answer came before the request was sent', async () => {
    const made = connections
    answerWith([whole])
    const stream = new Readable({ read() {} })
    stream.push(Buffer.alloc(100))
    await ask({ method: 'POST', path: '/build', headers: [], body: { stream } })
    await ask({ method: 'POST', path: '/build', headers: [], body: undefined })
    assert.ok(connections >= made + 1)
    stream.destroy()
  })

  it('is no more in the hands of whoever has had their answer', async () => {
    renew()
    answerWith([whole])
    let letGo = (): void => {}
    await new Promise<void>((resolve) => {
      const call = lines.call(question, {
        head: () => {},
        part: (_, isLast) => {
          if (isLast) resolve()
          return true
        },
        broken: () => assert.fail(),
      })
      letGo = () => call.letGo()
    })
    const asked = ask()
    letGo()
    assert.equal((await asked).body.toString(), 'ok')
  })

  it('that is let go of while others wait tells when the engine is done with it', async () => {
    const file = join(folder, 'half-open.sock')
    // As the engine, which answers whoever has ended their side, too.
    const halfOpen = createServer({ allowHalfOpen: true })
    await once(halfOpen.listen(file), 'listening')
    const own = createLines(file)
    let isDone = false
    const done = new Promise<void>((resolve) => {
      const call = own.call({ ...question, method: 'POST' }, never)
      const letGo = (): void => call.letGo(() => resolve(void (isDone = true)))
      halfOpen.once('connection', (socket) => socket.once('data', letGo))
    })
    const [socket] = (await once(halfOpen, 'connection')) as [Socket]
    await once(socket, 'end')
    assert.equal(isDone, false)
    socket.end(whole)
    await done
    halfOpen.close()
  })

  for (const [what, header] of [
    ['a line end', ['X-A', 'b\r\nX-Evil: c']],
    ['a NUL', ['X-A', 'b\0']],
    ['a name with a colon', ['X-A: b', 'c']],
  ] as const) {
    it(`is never sent a header with ${what}`, () => {
      assert.throws(() => lines.call({ ...question, headers: header }, never), /cannot be sent/)
    })
  }
})

const never = {
  head: () => assert.fail('nothing was sent'),
  part: () => assert.fail('nothing was sent'),
  broken: () => {},
}
