import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, it } from 'node:test'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection, requestBytes } from '../helpers/raw-http.ts'

const roles = 'grants:\n  - to: { name: root }\n    roles: [admin]\n'
const body = '{"Image":"busybox"}'
const create = (headers: string, sent = body): string =>
  `POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n${headers}\r\n${sent}`
const chunked = '13\r\n{"Image":"busybox"}\r\n0\r\n\r\n'
const hidden = 'GET /hidden HTTP/1.1\r\nHost: d\r\n\r\n'

let engine: FakeEngine
let gateway: GatewayProcess
before(async () => {
  engine = await startFakeEngine('root')
  gateway = await startGatewayProcess({ roles, enginePath: engine.path })
})
after(async () => {
  await gateway.stop()
  await engine.close()
})

async function send(bytes: string): Promise<number> {
  const connection = await RawConnection.open(gateway.door(gateway.identity('root')))
  connection.send(bytes)
  const answer = await connection.answer(bytes.slice(0, bytes.indexOf(' ')))
  // Time for what should not happen.
  await sleep(40)
  connection.close()
  return answer?.status ?? 0
}

const refused: readonly [what: string, bytes: string][] = [
  ['a length and chunks', create('Content-Length: 19\r\nTransfer-Encoding: chunked\r\n', chunked)],
  ['no length and chunks', create('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', chunked)],
  ['two lengths', create('Content-Length: 19\r\nContent-Length: 5\r\n')],
  ['twice the same length', create('Content-Length: 19\r\nContent-Length: 19\r\n')],
  ['a list of lengths', create('Content-Length: 19, 19\r\n')],
  ['a signed length', create('Content-Length: +19\r\n')],
  ['a length in hex', create('Content-Length: 0x13\r\n')],
  ['a space before the colon', create('Content-Length : 19\r\n')],
  ['a folded header', create('Transfer-Encoding:\r\n chunked\r\n', chunked)],
  ['chunked twice', create('Transfer-Encoding: chunked, chunked\r\n', chunked)],
  ['an unknown coding', create('Transfer-Encoding: xchunked\r\n', chunked)],
  ['a coding before chunked', create('Transfer-Encoding: identity, chunked\r\n', chunked)],
  ['a bare line feed', 'GET /info HTTP/1.1\nHost: d\n\n'],
  ['a bare line feed in a header', 'GET /info HTTP/1.1\r\nHost: d\nX: y\r\n\r\n'],
  ['NUL in a header', 'GET /info HTTP/1.1\r\nHost: d\r\nX: a\0b\r\n\r\n'],
  ['HTTP/0.9', 'GET /info\r\n\r\n'],
  ['HTTP/3.7', 'GET /info HTTP/3.7\r\nHost: d\r\n\r\n'],
  ['a method of no standard', 'BREW /debug/vars HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['TRACE', 'TRACE /info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['CONNECT', 'CONNECT d:80 HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a method of WebDAV', 'PROPFIND /info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a method in lower case', 'get /info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a target with a host', 'GET http://d/info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a target without a host', 'GET http:///info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a target of another scheme', 'GET foo:/info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a target of one star', 'OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['two slashes', 'GET //info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a dot segment', 'GET /images/../info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['an encoded dot segment', 'GET /images/%2e%2e/info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['an encoded letter', 'GET /%69nfo HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['an encoded slash in the version', 'GET /v1.41%2Finfo HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a backslash', 'GET /images\\..\\info HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a fragment', 'GET /info#x HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['bytes beyond ASCII', 'GET /inf\u00f6 HTTP/1.1\r\nHost: d\r\n\r\n'],
  ['a body for GET', `GET /info HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}`],
  [
    'a form body',
    'POST /containers/a/kill?signal=TERM HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nsignal=KILL',
  ],
  [
    'a form body in other letters',
    'POST /containers/a/kill?signal=TERM HTTP/1.1\r\nHost: d\r\nContent-Type: Application/X-WWW-Form-Urlencoded ; charset=utf-8\r\nContent-Length: 11\r\n\r\nsignal=KILL',
  ],
  [
    'a form body behind another type',
    'POST /containers/a/kill?signal=TERM HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nsignal=KILL',
  ],
  [
    'a form body without a type',
    'POST /containers/a/kill?signal=TERM HTTP/1.1\r\nHost: d\r\nContent-Length: 11\r\n\r\nsignal=KILL',
  ],
  ['an unknown expectation', create('Expect: tea\r\nContent-Length: 19\r\n')],
]

describe('nothing reaches the engine', () => {
  for (const [what, bytes] of refused) {
    it(`of a request with ${what}`, async () => {
      engine.take()
      const status = await send(`${bytes}${hidden}`)
      assert.ok(status === 0 || (status >= 400 && status < 500), String(status))
      assert.deepEqual(
        engine.take().map(({ line }) => line),
        [],
      )
    })
  }
})

/** The value of a header as it reached the engine. */
function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name)
}

describe('what reaches the engine', () => {
  it('has the framing of the gateway and not that of the client', async () => {
    engine.take()
    await send(
      create('Transfer-Encoding: chunked\r\n', `13;a=b\r\n${body}\r\n0\r\nX-Trailer: x\r\n\r\n`),
    )
    const [seen] = engine.take()
    assert.equal(seen?.body, body)
    assert.deepEqual(valuesOf(seen.headers, 'transfer-encoding'), ['chunked'])
    assert.deepEqual(valuesOf(seen.headers, 'content-length'), [])
    assert.deepEqual(valuesOf(seen.headers, 'x-trailer'), [])
  })

  it('has no header of the connection', async () => {
    engine.take()
    const headers = {
      Connection: 'close, X-Secret, Content-Type',
      'X-Secret': 's',
      'Keep-Alive': 'timeout=99',
      TE: 'trailers',
      Trailer: 'X-Secret',
      'Proxy-Authorization': 'Basic eA==',
      'Proxy-Connection': 'keep-alive',
      'HTTP2-Settings': 'AAMAAABkAARAAAAA',
      'X-Kept': 'yes',
    }
    await send(requestBytes({ method: 'GET', path: '/info', headers }))
    const [seen] = engine.take()
    const names = (seen?.headers ?? []).filter((_, index) => index % 2 === 0)
    assert.deepEqual(names.map((name) => name.toLowerCase()).toSorted(), ['host', 'x-kept'])
    assert.deepEqual(valuesOf(seen?.headers ?? [], 'host'), ['docker'])
  })

  it('comes after a judgment of its own for each request of a connection', async () => {
    engine.take()
    const connection = await RawConnection.open(gateway.door(gateway.identity('nobody')))
    const ping = requestBytes({ method: 'GET', path: '/_ping' })
    connection.send(`${ping}${requestBytes({ method: 'GET', path: '/info' })}${ping}`)
    const statuses = []
    for (let count = 0; count < 3; count += 1) statuses.push((await connection.answer())?.status)
    connection.close()
    assert.deepEqual(statuses, [200, 403, 200])
    assert.deepEqual(
      engine.take().map(({ line }) => line),
      ['GET /_ping', 'GET /_ping'],
    )
  })

  it('waits for a body until the request was allowed', async () => {
    engine.take()
    const connection = await RawConnection.open(gateway.door(gateway.identity('nobody')))
    connection.send(create('Expect: 100-continue\r\nContent-Length: 19\r\n', ''))
    const first = await connection.bytes(12)
    connection.close()
    assert.equal(first.toString(), 'HTTP/1.1 403')
    assert.deepEqual(engine.take(), [])
  })
})
