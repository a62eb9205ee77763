// Whoever asks for too much or too slowly: each is bounded, is told so where there is room, and keeps
// nobody else from working. Every flood here is real, and small.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import {
  closed,
  startCrowdedGateway,
  until,
  type CrowdedGateway,
} from '../helpers/crowded-gateway.ts'
import { askDoor, requestBytes, RawConnection, type RawAnswer } from '../helpers/raw-http.ts'

const roles = `roles:
  narrow: { includes: [viewer], streams: { atOnce: 2, longest: 300s }, on: all }
  brief: { includes: [viewer], streams: { longest: 1s }, on: all }
grants:
  - { to: { name: alice }, roles: [admin] }
  - { to: { name: bob }, roles: [admin] }
  - { to: { name: dev }, roles: [developer] }
  - { to: { name: nick }, roles: [narrow] }
  - { to: { name: brief }, roles: [brief] }
  - { to: { name: monitor }, roles: [admin] }
`
const settings = `limits:
  client: { requests: 30/s, inFlight: 6, streams: 4, connections: 8 }
  address: { handshakes: 100/s, waiting: 12 }
  all: { inFlight: 10, connections: 200, waiting: 20 }
  time: { handshake: 1s, headers: 1s, body: 1s }
  headers: { bytes: 64KiB, count: 100 }
`
let site: CrowdedGateway
before(async () => {
  site = await startCrowdedGateway(roles, settings)
})
after(() => site.stop())

const open = (name: string): Promise<RawConnection> => site.open(name)
const ask = (name: string, path: string): Promise<RawAnswer> => site.ask(name, path)
const metric = (line: string): Promise<number> => site.metric(line)
const header = (answer: RawAnswer | undefined, name: string): string | undefined =>
  answer?.headers.find(([found]) => found === name)?.[1]
const wordsOf = (answer: RawAnswer | undefined): string => answer?.body.toString() ?? ''

function assertShed(answer: RawAnswer | undefined, status: number, words: RegExp): void {
  assert.equal(answer?.status, status, wordsOf(answer))
  assert.equal(header(answer, 'retry-after'), '1')
  assert.match(JSON.parse(wordsOf(answer)).message, words)
}

describe('a client that asks too much', () => {
  it('gets 429 beyond its requests a second, one record of many, and others go on', async () => {
    const flood = await open('alice')
    const statuses = { 200: 0, 429: 0 }
    let last: RawAnswer | undefined
    // As fast as this machine is now; ten seconds' worth is let through at first.
    while (statuses[429] < 60 && statuses[200] < 5_000) {
      flood.send(requestBytes({ method: 'GET', path: '/info' }).repeat(5))
      for (let index = 0; index < 5; index++) {
        const answer = await flood.answer()
        if (answer?.status === 429) last = answer
        statuses[answer?.status as 200] += 1
      }
    }
    flood.close()
    const refused = statuses[429]
    assert.ok(refused >= 60 && statuses[200] >= 300, JSON.stringify(statuses))
    assertShed(last, 429, /^dockgate: alice has 30 requests a second, .*limits\.client\.requests/)
    assert.equal((await ask('bob', '/info')).status, 200)
    assert.equal(await site.shed('client.requests'), refused)
    const records = readFileSync(join(site.gateway.home, 'audit.log'), 'utf8').match(/"too-many"/g)
    assert.ok((records?.length ?? 0) >= 1 && (records?.length ?? 0) < refused / 2)
    await until(async () => (await ask('alice', '/_ping')).status === 200)
  })

  it('gets 429 beyond its requests under way, and is let in again when one is over', async () => {
    const waiting = await Promise.all(Array.from({ length: 6 }, () => open('bob')))
    for (const one of waiting) one.send(requestBytes({ method: 'GET', path: '/containers/json' }))
    await until(() => site.engine.held === 6)
    assertShed(await ask('bob', '/info'), 429, /bob has 6 requests under way/)
    assert.equal((await ask('alice', '/info')).status, 200)
    site.engine.goOn()
    for (const one of waiting) {
      assert.equal((await one.answer())?.status, 200)
      one.close()
    }
    assert.equal((await ask('bob', '/info')).status, 200)
    assert.equal(await metric('dockgate_load{of="inFlight"}'), 1)
  })

  it('gets 503 where all together have too many under way', async () => {
    const names = ['bob', 'bob', 'bob', 'bob', 'bob', 'dev', 'dev', 'dev', 'dev', 'dev']
    const waiting = await Promise.all(names.map(open))
    for (const one of waiting) one.send(requestBytes({ method: 'GET', path: '/containers/json' }))
    await until(() => site.engine.held === 10)
    assertShed(await ask('nick', '/info'), 503, /10 requests are under way here.*limits\.all\.inFl/)
    site.engine.goOn()
    for (const one of waiting) {
      assert.equal((await one.answer())?.status, 200)
      one.close()
    }
    assert.equal((await ask('nick', '/info')).status, 200)
  })

  it('gets 429 beyond its streams, and one by a role that allows fewer', async () => {
    for (const [name, most, words] of [
      ['bob', 4, /bob has 4 streams open.*limits\.client\.streams/],
      ['nick', 2, /nick has 2 streams open.*streams\.atOnce of role "narrow"/],
    ] as const) {
      const streams: RawConnection[] = []
      for (let index = 0; index < most; index++) {
        const stream = await open(name)
        stream.send(requestBytes({ method: 'GET', path: '/events' }))
        await stream.until('{}')
        streams.push(stream)
      }
      assertShed(await ask(name, '/events'), 429, words)
      assert.equal((await ask(name, '/info')).status, 200, 'what is no stream goes on')
      streams.pop()?.close()
      await until(async () => {
        const stream = await open(name)
        stream.send(requestBytes({ method: 'GET', path: '/events' }))
        const head = await stream.until('\r\n\r\n')
        streams.push(stream)
        return String(head).startsWith('HTTP/1.1 200')
      })
      for (const stream of streams) stream.close()
    }
    await until(async () => (await metric('dockgate_load{of="streams"}')) === 0)
  })

  it('loses a stream that lasts longer than its role lets it, and no other', async () => {
    const others = await open('nick')
    others.send(requestBytes({ method: 'GET', path: '/events' }))
    await others.until('{}')
    const stream = await open('brief')
    stream.send(requestBytes({ method: 'GET', path: '/events' }))
    await stream.until('{}')
    await stream.bytes()
    await until(() => site.gateway.logs().includes('lasts longer (streams.longest)'))
    assert.equal(await metric('dockgate_load{of="streams"}'), 1)
    others.close()
    await until(async () => (await metric('dockgate_load{of="streams"}')) === 0)
  })

  it('is told at the door beyond its connections', async () => {
    const many = await Promise.all(Array.from({ length: 8 }, () => open('dev')))
    assertShed(await ask('dev', '/_ping'), 429, /dev has 8 connections open/)
    assert.equal((await ask('bob', '/info')).status, 200)
    for (const one of many) one.close()
    await until(async () => (await ask('dev', '/_ping')).status === 200)
  })
})

it('has its place back from a stream that was taken without an upgrade', async () => {
  for (let index = 0; index <= 8; index++) {
    const stream = await open('bob')
    stream.send(
      requestBytes({ method: 'POST', path: '/containers/x/attach?stream=1&stdout=1', body: '' }),
    )
    await stream.until('{}')
    stream.close()
  }
  await until(async () => (await metric('dockgate_load{of="streams"}')) === 0)
  assert.equal((await ask('bob', '/info')).status, 200)
})

describe('a client that is slow', () => {
  /** A byte now and then, until the connection ends. */
  async function dribble(connection: TLSSocket | Socket, byte: string): Promise<void> {
    const timer = setInterval(() => connection.write(byte), 50)
    connection.on('error', () => {})
    await closed(connection)
    clearInterval(timer)
  }

  it('with its headers gets 408 and is cut off', async () => {
    const socket = await site.gateway.connect(site.gateway.identity('bob'))
    const connection = new RawConnection(socket)
    connection.send('GET /info HTTP/1.1\r\nHost: docker\r\nX-Slow: ')
    const began = Date.now()
    const cut = dribble(socket, 'x')
    const answer = await connection.answer()
    assert.equal(answer?.status, 408)
    assert.match(wordsOf(answer), /limits\.time\.headers/)
    socket.end()
    await cut
    assert.ok(Date.now() - began < 6_000)
  })

  it('with a body that is judged gets 408, and holds no place any longer', async () => {
    const socket = await site.gateway.connect(site.gateway.identity('dev'))
    const connection = new RawConnection(socket)
    const headers = { 'Content-Type': 'application/json', 'Content-Length': '100000' }
    const path = '/v1.41/containers/create'
    connection.send(
      requestBytes({ method: 'POST', path, headers }).replace(/Content-Length: 0\r\n/, ''),
    )
    const cut = dribble(socket, ' ')
    const answer = await connection.answer('POST')
    assert.equal(answer?.status, 408, wordsOf(answer))
    assert.match(wordsOf(answer), /did not come to its end in 1 s/)
    assert.equal(await metric('dockgate_load{of="inFlight"}'), 1)
    // It may go on for a moment, so that whoever writes still reads this; not for ever.
    await cut
  })

  it('with a body that nobody wants is cut off a moment after the refusal', async () => {
    const socket = await site.gateway.connect(site.gateway.identity('nick'))
    const connection = new RawConnection(socket)
    const headers = { 'Content-Type': 'application/x-tar', 'Content-Length': '100000' }
    connection.send(
      requestBytes({ method: 'POST', path: '/images/load', headers }).replace(
        /Content-Length: 0\r\n/,
        '',
      ),
    )
    const cut = dribble(socket, ' ')
    assert.equal((await connection.answer('POST'))?.status, 403)
    await cut
  })

  it('with a body that is streamed is waited for, as long as it takes', async () => {
    const connection = await open('bob')
    const headers = { 'Content-Type': 'application/x-tar', 'Transfer-Encoding': 'chunked' }
    connection.send(
      requestBytes({ method: 'POST', path: '/images/load', headers }).replace(
        /Content-Length: 0\r\n/,
        '',
      ),
    )
    for (let index = 0; index < 30; index++) {
      connection.send('1\r\nx\r\n')
      await sleep(100)
    }
    connection.send('0\r\n\r\n')
    assert.equal((await connection.answer('POST'))?.status, 200)
    connection.close()
  })

  it('to read costs no memory, and the engine is not read any further', async () => {
    const residentBefore = site.residentBytes()
    const takenBefore = site.engine.taken
    const readers: TLSSocket[] = []
    for (const name of ['alice', 'bob', 'monitor']) {
      for (let index = 0; index < 4; index++) {
        const socket = await site.gateway.connect(site.gateway.identity(name))
        socket.pause()
        socket.write(requestBytes({ method: 'GET', path: '/v1.41/images/get?names=x' }))
        readers.push(socket)
      }
    }
    await until(() => site.engine.taken > takenBefore)
    let seen = -1
    await until(async () => {
      const still = site.engine.taken === seen
      seen = site.engine.taken
      await sleep(500)
      return still
    })
    // What the kernel's buffers and the streams on the way hold.
    const each = (site.engine.taken - takenBefore) / readers.length
    assert.ok(each < 16 * 1024 * 1024, `${each} bytes each`)
    const grown = site.residentBytes() - residentBefore
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes`)
    for (const socket of readers) socket.destroy()
    await until(async () => (await metric('dockgate_load{of="streams"}')) === 0)
  })
})

describe('a request that is a bomb', () => {
  const head = 'GET /info HTTP/1.1\r\nHost: docker\r\n'
  const bombs: readonly (readonly [what: string, bytes: string, status: number, words: RegExp])[] =
    [
      [
        'one large header',
        `${head}X: ${'x'.repeat(70_000)}\r\n\r\n`,
        431,
        /limits\.headers\.bytes/,
      ],
      ['many headers', `${head}${'X: y\r\n'.repeat(101)}\r\n`, 431, /too many headers/],
      ['very many headers', `${head}${'X: y\r\n'.repeat(5_000)}\r\n`, 431, /too many headers/],
      [
        'a long target',
        `GET /${'x'.repeat(70_000)} HTTP/1.1\r\n\r\n`,
        431,
        /limits\.headers\.bytes/,
      ],
      [
        'large chunk extensions',
        `POST /images/load HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\ny\r\n`,
        413,
        /chunks/,
      ],
      ['no HTTP at all', '\u0000\u0001\u0002\r\n\r\n', 400, /this is no request/],
    ]
  for (const [what, bytes, status, words] of bombs) {
    it(`${what} is answered ${status}, and the connection ends`, async () => {
      const connection = await open('bob')
      connection.send(bytes)
      const answer = await connection.answer()
      assert.equal(answer?.status, status, wordsOf(answer))
      assert.match(JSON.parse(wordsOf(answer)).message, words)
      if (status !== 431 || what.includes('large')) await connection.bytes()
      connection.close()
      assert.equal((await ask('bob', '/info')).status, 200)
    })
  }

  it('a hundred headers are not', async () => {
    const connection = await open('bob')
    connection.send(`${head}${'X: y\r\n'.repeat(99)}\r\n`)
    assert.equal((await connection.answer())?.status, 200)
    connection.close()
  })

  it('a body that would grow when it is unpacked is refused unread', async () => {
    const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json' }
    const door = site.gateway.door(site.gateway.identity('dev'))
    const path = '/v1.41/containers/create'
    const answer = await askDoor(door, { method: 'POST', path, headers, body: '\u001f\u008b' })
    assert.ok(answer.status >= 400 && answer.status < 500, String(answer.status))
  })

  it('a new handshake on the connection is not made', async () => {
    const socket = await site.gateway.connect(site.gateway.identity('bob'), {
      maxVersion: 'TLSv1.2',
    })
    const failed = new Promise<Error | null>((resolve) => {
      socket.once('error', resolve)
      socket.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error))
    })
    assert.ok((await failed) instanceof Error)
    socket.destroy()
  })
})

describe('the limits', () => {
  it('count anew when dockgate.yaml says others, but for the time of a handshake', async () => {
    const path = join(site.gateway.home, 'dockgate.yaml')
    writeFileSync(
      path,
      settings.replace('count: 100', 'count: 64').replace('shake: 1s', 'shake: 2s'),
    )
    await until(() => site.gateway.log().includes('"settings":["handshakeTimeoutMs"]'))
    const connection = await open('bob')
    const headers = 'X: y\r\n'.repeat(64)
    connection.send(`GET /info HTTP/1.1\r\nHost: docker\r\n${headers}\r\n`)
    assert.equal((await connection.answer())?.status, 431)
    connection.close()
    writeFileSync(path, settings.replace('30/s', '0/s'))
    await until(() =>
      site.gateway.log().includes('limits.client.requests: \\"0/s\\" cannot be a limit'),
    )
    assert.equal((await ask('bob', '/info')).status, 200)
    writeFileSync(path, settings)
  })
})
