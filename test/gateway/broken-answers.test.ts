// What a filtered answer becomes when the engine's own is not what it should be: an error or a broken
// connection, never a part that looks whole, and nothing of what was to be filtered.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor, RawConnection, requestBytes } from '../helpers/raw-http.ts'

const roles = `grants:
  - { to: { name: alice }, roles: [developer] }
  - { to: { name: root }, roles: [admin] }
`
const theirs = { Id: 'sha256:1', RepoTags: ['a:1'], Labels: { 'dockgate.owner': 'alice' } }
const others = { Id: 'sha256:2', RepoTags: ['b:1'], Labels: { 'dockgate.owner': 'bob' } }

type Answer = (response: ServerResponse) => void
let answer: Answer = (response) => response.end('[]')
let server: Server
let gateway: GatewayProcess
const folder = mkdtempSync(join(tmpdir(), 'dockgate-broken-'))
before(async () => {
  server = createServer((request, response) => {
    response.setHeader('Content-Type', 'application/json')
    const isOurs = /filters=/.test(request.url ?? '')
    if (isOurs) response.end(request.url?.startsWith('/volumes') === true ? '{}' : '[]')
    else answer(response)
  })
  await new Promise<void>((resolve) => server.listen(join(folder, 'engine.sock'), resolve))
  gateway = await startGatewayProcess({ roles, enginePath: join(folder, 'engine.sock') })
})
after(async () => {
  await gateway.stop()
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})

const list = JSON.stringify([others, theirs, others])
const big = 'x'.repeat(17 * 1024 * 1024)

const rows: readonly (readonly [string, Answer])[] = [
  ['ends in the middle', (response) => response.end(list.slice(0, -20))],
  ['is no JSON', (response) => response.end('<html>secret</html>')],
  ['is JSON of another kind', (response) => response.end('"secret"')],
  ['goes on after its end', (response) => response.end(`${list}${list}`)],
  ['closes what it has not opened', (response) => response.end('[{"Labels":null}}]')],
  [
    'is coded',
    (response) => {
      response.setHeader('Content-Encoding', 'gzip')
      response.end(list)
    },
  ],
  ['holds an element that is too large', (response) => response.end(`[{"Id":"${big}"}]`)],
]

describe('an answer that cannot be filtered', () => {
  for (const [how, act] of rows) {
    it(`is an error when it ${how}`, async () => {
      answer = act
      const door = gateway.door(gateway.identity('alice'))
      const said = await askDoor(door, { method: 'GET', path: '/images/json' })
      assert.equal(said.status, 502, said.body.toString().slice(0, 200))
      assert.match(said.body.toString(), /^\{"message":"dockgate: the (answer|Docker)/)
      assert.doesNotMatch(said.body.toString(), /secret|b:1/)
    })
  }

  it('breaks the connection when it is under way', async () => {
    const long = JSON.stringify({ ...theirs, note: 'x'.repeat(100_000) })
    answer = (response) => response.end(`[${long},${long},{"Id":`)
    const connection = await RawConnection.open(gateway.door(gateway.identity('alice')))
    connection.send(requestBytes({ method: 'GET', path: '/images/json' }))
    const text = (await connection.bytes()).toString()
    assert.match(text, /^HTTP\/1\.1 200 /)
    assert.doesNotMatch(text, /\r\n0\r\n\r\n$/, 'its last chunk never comes')
  })

  it('says what the engine says where that is an error itself', async () => {
    answer = (response) => {
      response.statusCode = 500
      response.end('{"message":"no space left"}')
    }
    const door = gateway.door(gateway.identity('alice'))
    const said = await askDoor(door, { method: 'GET', path: '/images/json' })
    assert.deepEqual([said.status, said.body.toString()], [500, '{"message":"no space left"}'])
  })
})

describe('an answer in parts', () => {
  it('is filtered the same wherever it is cut', async () => {
    const door = gateway.door(gateway.identity('alice'))
    const whole = Buffer.from(`${JSON.stringify([others, theirs, others, theirs, others])}\n`)
    for (let at = 1; at < whole.length; at += 7) {
      answer = (response) => {
        response.write(whole.subarray(0, at))
        setImmediate(() => response.end(whole.subarray(at)))
      }
      const said = await askDoor(door, { method: 'GET', path: '/images/json' })
      assert.equal(said.body.toString(), `${JSON.stringify([theirs, theirs])}\n`)
    }
  })

  it('goes out event by event, and what is another one’s not at all', async () => {
    const event = (owner: string, id: string) =>
      `${JSON.stringify({
        Type: 'container',
        Action: 'start',
        Actor: { ID: id, Attributes: { 'dockgate.owner': owner } },
      })}\n`
    const [mine, foreign] = [event('alice', 'mine'), event('bob', 'foreign')]
    let feed: ServerResponse | undefined
    answer = (response) => {
      response.flushHeaders()
      feed = response
    }
    const connection = await RawConnection.open(gateway.door(gateway.identity('alice')))
    connection.send(requestBytes({ method: 'GET', path: '/events' }))
    await connection.until('\r\n\r\n')
    for (let round = 0; round < 3; round++) {
      feed?.write(foreign.repeat(50) + mine.slice(0, 30))
      feed?.write(mine.slice(30) + foreign.slice(0, 10))
      const size = Buffer.byteLength(mine).toString(16)
      const chunk = await connection.bytes(size.length + 2 + mine.length + 2)
      assert.equal(chunk.toString(), `${size}\r\n${mine}\r\n`)
      feed?.write(foreign.slice(10))
    }
    feed?.end()
    assert.equal((await connection.bytes(5)).toString(), '0\r\n\r\n')
    connection.close()
  })

  it('waits for who does not read it, and holds no more than a little', async () => {
    const event = JSON.stringify({
      Type: 'container',
      Action: 'start',
      Actor: { ID: 'mine', Attributes: { 'dockgate.owner': 'alice', note: 'x'.repeat(8_000) } },
    })
    const mostBytes = 128 * 1024 * 1024
    let written = 0
    const stalled = new Promise<void>((resolve) => {
      answer = (response) => {
        const write = (): void => {
          const late = setTimeout(resolve, 2_000)
          response.write(`${event}\n`.repeat(16), () => {
            clearTimeout(late)
            written += event.length * 16
            if (written < mostBytes) write()
            else resolve()
          })
        }
        write()
      }
    })
    const socket = await gateway.connect(gateway.identity('alice'))
    socket.pause()
    socket.write(requestBytes({ method: 'GET', path: '/events' }))
    await stalled
    socket.destroy()
    assert.ok(written > 0 && written < mostBytes / 2, `${written} bytes went in`)
  })

  it('is not filtered for who reaches everything', async () => {
    answer = (response) => response.end(list.slice(0, -20))
    const door = gateway.door(gateway.identity('root'))
    const said = await askDoor(door, { method: 'GET', path: '/images/json' })
    assert.deepEqual([said.status, said.body.toString()], [200, list.slice(0, -20)])
  })
})
