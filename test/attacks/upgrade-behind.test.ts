// A request that would take its connection over, in the same breath as one whose answer is still under way:
// it has no connection to take, and ended the process once. So did a stream that was cut after its end.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection, requestBytes } from '../helpers/raw-http.ts'
import { standIn, type StandIn } from '../helpers/stand-in.ts'

const waiting: ServerResponse[] = []
/** Of one line of a container; all of it may wait for a client that does not read. */
const log = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 1, 0, 0]), Buffer.alloc(64 * 1024, 'x')])
const stream = 'Content-Type: application/vnd.docker.raw-stream\r\n'
const engine = createServer((request, response) => {
  request.resume()
  const { url = '' } = request
  if (url.includes('/containers/json')) waiting.push(response)
  else if (url.includes('/logs')) response.end(log)
  else if (url.includes('/containers/x/attach'))
    request.socket.end(`HTTP/1.1 200 OK\r\n${stream}\r\nattached`)
  else if (url.includes('/containers/odd/')) request.socket.end('HTTP/1.1 042 Odd\r\n\r\n')
  else response.end('{}')
}).on('upgrade', (_request, socket) => {
  const upgraded = `HTTP/1.1 101 UPGRADED\r\n${stream}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n`
  socket.end(`${upgraded}attached`)
})
let inPlace: StandIn
let gateway: GatewayProcess
const roles = (names: string): string =>
  `grants: [{ to: { name: alice }, roles: [admin] }, { to: { name: bob }, roles: [${names}] }]\n`
before(async () => {
  inPlace = await standIn(engine)
  gateway = await startGatewayProcess({ roles: roles('admin'), enginePath: inPlace.path })
})
after(async () => {
  await gateway.stop()
  inPlace.close()
})

const list = requestBytes({ method: 'GET', path: '/containers/json' })
const attach = 'POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\n'
const takers = {
  upgrade: `${attach}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
  'attach without an upgrade': `${attach}Content-Length: 0\r\n\r\n`,
}

async function open(name: string): Promise<TLSSocket> {
  const connection = await gateway.connect(gateway.identity(name))
  return connection.on('error', () => {})
}

/** The end of an answer is recorded when the client has it all. */
function ends(): number {
  return gateway.logs().split('"event":"ended"').length
}

/** Reads nothing until an answer is written that does not reach it. */
async function stall(connection: TLSSocket): Promise<void> {
  connection.pause()
  for (let asked = 0; asked < 500; asked++) {
    const earlier = ends()
    connection.write(requestBytes({ method: 'GET', path: '/containers/x/logs?stdout=1' }))
    for (let looks = 0; ends() === earlier; looks++) {
      if (looks > 60) return
      await sleep(10)
    }
  }
  assert.fail('a client that reads nothing got everything')
}

async function servesOthers(): Promise<void> {
  const other = new RawConnection(await open('alice'))
  other.send(requestBytes({ method: 'GET', path: '/info' }))
  assert.equal((await other.answer())?.status, 200)
  other.close()
}

for (const [name, taker] of Object.entries(takers)) {
  it(`cuts an ${name} behind an answer that is to come, and serves everybody else`, async () => {
    const connection = await open('alice')
    connection.write(list + taker)
    connection.resume()
    await once(connection, 'end')
    connection.destroy()
    await servesOthers()
  })

  it(`makes no stream of an ${name} behind one that is written and one that is to come`, async () => {
    const connection = await open('alice')
    await stall(connection)
    connection.write(list + taker)
    await sleep(300)
    let read = ''
    connection.on('data', (part: Buffer) => (read += part.toString('latin1').slice(-100)))
    connection.resume()
    await sleep(300)
    for (const response of waiting.splice(0)) response.end('[]')
    await sleep(200)
    connection.destroy()
    assert.doesNotMatch(read, /attached/)
    await servesOthers()
  })

  it(`survives who leaves with an ${name} behind an answer that is written`, async () => {
    const connection = await open('alice')
    await stall(connection)
    connection.write(taker)
    await sleep(100)
    connection.destroy()
    await sleep(100)
    await servesOthers()
  })
}

it('gives an upgrade its connection when the answer before it has reached the client', async () => {
  const connection = await open('alice')
  await stall(connection)
  connection.write(takers.upgrade)
  await sleep(100)
  let read = ''
  connection.on('data', (part: Buffer) => (read = (read + part.toString('latin1')).slice(-1_000)))
  connection.resume()
  await once(connection, 'end')
  assert.match(read, /x{100}HTTP\/1\.1 101 UPGRADED\r\n[^]*\r\n\r\nattached$/)
  connection.destroy()
})

it('cuts an answer that is written, and says nothing behind its end', async () => {
  const connection = await open('bob')
  await stall(connection)
  writeFileSync(join(gateway.home, 'roles.yaml'), roles('monitor'))
  while (!gateway.logs().includes('"how":"ended"')) await sleep(20)
  connection.resume()
  await Promise.race([once(connection, 'end'), once(connection, 'close')])
  connection.destroy()
  await servesOthers()
})

it('answers one request with 502 whose answer of the engine has no status', async () => {
  for (const head of [
    'GET /containers/odd/json HTTP/1.1\r\nHost: docker\r\n\r\n',
    'POST /containers/odd/attach/ws HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n',
    'GET /containers/odd/attach/ws HTTP/1.1\r\nHost: docker\r\n\r\n',
  ]) {
    const connection = new RawConnection(await open('alice'))
    connection.send(head)
    const answer = await connection.answer()
    assert.ok(answer !== undefined && answer.status >= 400, head)
    connection.close()
  }
  await servesOthers()
})
