import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, it } from 'node:test'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { RawConnection } from '../helpers/raw-http.ts'

const roles = `grants:
  - to: { name: alice }
    roles: [developer]
  - to: { name: root }
    roles: [admin]
`
const body = '{"Image":"busybox","HostConfig":{"Privileged":true}}'
const smuggled = `POST /v1.41/containers/create?name=smuggled HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const upgrade = (protocol: string): string => `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`
const websocket = `${upgrade('websocket')}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`
const head = (line: string, headers = ''): string => `${line} HTTP/1.1\r\nHost: d\r\n${headers}\r\n`
const json = (text: string): string =>
  `Content-Type: application/json\r\nContent-Length: ${text.length}\r\n`
const detach = '{"Detach":true}'

// Each is followed by a request that nobody of these may make on this connection.
const firsts: readonly [what: string, bytes: string][] = [
  ['ping', head('GET /_ping', upgrade('tcp'))],
  ['ping as HEAD', head('HEAD /_ping', upgrade('tcp'))],
  ['version', head('GET /version', upgrade('tcp'))],
  ['ping over h2c', head('GET /_ping', `${upgrade('h2c')}HTTP2-Settings: AAMAAABkAARAAAAA\r\n`)],
  ['ping as a websocket', head('GET /_ping', websocket)],
  ['a list', head('GET /containers/json', upgrade('tcp'))],
  ['logs', head('GET /containers/a/logs?stdout=1', upgrade('tcp'))],
  ['attach', head('POST /containers/a/attach?stream=1', upgrade('tcp') + json(''))],
  ['attach of an old version', head('POST /v1.12/containers/a/attach', upgrade('tcp') + json(''))],
  ['attach of an odd version', head('POST /v9.9/containers/a/attach', upgrade('tcp') + json(''))],
  ['attach without an upgrade', head('POST /containers/a/attach?stream=1', json(''))],
  [
    'attach with two protocols',
    head('POST /containers/a/attach', `${upgrade('tcp, h2c')}${json('')}`),
  ],
  ['attach/ws', head('GET /containers/a/attach/ws?stream=1', websocket)],
  ['attach/ws without an upgrade', head('GET /containers/a/attach/ws?stream=1')],
  ['exec start', head('POST /exec/e/start', upgrade('tcp') + json('{}')) + '{}'],
  ['exec start, detached', head('POST /exec/e/start', upgrade('tcp') + json(detach)) + detach],
  ['exec start with broken JSON', head('POST /exec/e/start', upgrade('tcp') + json('{')) + '{'],
  [
    'exec start with a chunked body',
    head(
      'POST /exec/e/start',
      `${upgrade('tcp')}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n`,
    ) + '2\r\n{}\r\n0\r\n\r\n',
  ],
  ['exec resize', head('POST /exec/e/resize?h=1&w=1', upgrade('tcp') + json(''))],
  ['session', head('POST /session', upgrade('h2c') + json(''))],
  ['session of an odd protocol', head('POST /session', upgrade('foo') + json(''))],
  ['grpc', head('POST /grpc', upgrade('h2c') + json(''))],
  ['create', head('POST /containers/create', upgrade('tcp') + json('{}')) + '{}'],
  ['an unknown path', head('GET /nowhere', upgrade('tcp'))],
  ['OPTIONS', head('OPTIONS /containers/json', upgrade('tcp'))],
]

let judgedBefore = 0
let engine: FakeEngine
let gateway: GatewayProcess
before(async () => {
  engine = await startFakeEngine('alice')
  gateway = await startGatewayProcess({ roles, enginePath: engine.path })
})
after(async () => {
  await gateway.stop()
  await engine.close()
})

for (const who of ['alice', 'root']) {
  describe(`nothing is smuggled by ${who}`, () => {
    for (const [what, first] of firsts) {
      for (const at of ['in the same segment', 'after the answer'] as const) {
        it(`behind ${what}, ${at}`, async () => {
          const connection = await RawConnection.open(gateway.door(gateway.identity(who)))
          connection.send(at === 'in the same segment' ? first + smuggled : first)
          const method = first.slice(0, first.indexOf(' '))
          const answer = await connection.answer(method)
          if (at === 'after the answer') connection.send(smuggled)
          // Time for what should not happen.
          await sleep(60)
          connection.close()
          const lines = engine.take().map(({ line }) => line)
          const extra = lines.filter((line) => line.includes('name=smuggled'))
          // An administrator may create, in a request that was judged: then it is in the record.
          const judged = gateway
            .logs()
            .split('\n')
            .filter(
              (line) =>
                line.includes('"decided"') &&
                line.includes('name=smuggled') &&
                line.includes('"allow"'),
            ).length
          judgedBefore += extra.length
          assert.equal(judged, judgedBefore, `${answer?.status}: ${lines.join(', ')}`)
          if (who === 'alice') assert.deepEqual(extra, [])
        })
      }
    }
  })
}
