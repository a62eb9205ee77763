// What is judged is what is sent: for bodies made at random, the bytes that reach the engine are those of
// the judged value and of nothing else; and of a role without limits they are the client's own.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { readBody, writeBody } from '../../src/docker/body.ts'
import type { Operation } from '../../src/docker/operation.ts'
import { readOperation } from '../../src/docker/read.ts'
import { formatTarget } from '../../src/docker/target.ts'
import { isFailure } from '../../src/errors.ts'
import { admit, authorize } from '../../src/policy/authorize.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { limitedRole } from '../helpers/judge.ts'
import { asked, requests, things } from '../helpers/limit-properties.ts'
import { person } from '../helpers/person.ts'
import { RawConnection, type Door, type RawAnswer } from '../helpers/raw-http.ts'
import {
  findThing,
  startRecordingEngine,
  type Recorded,
  type RecordingEngine,
} from '../helpers/recording-engine.ts'

const limits = '{ memory: 64MiB, cpus: 1, tmpfs: 1MiB, ulimits: { nofile: 1024 } }'
const roles = `roles:
  r: { allow: ["*"], on: own, limits: ${limits} }
grants:
  - { to: { name: alice }, roles: [r] }
  - { to: { name: root }, roles: [admin] }
`
const role = limitedRole(limits, 'own')
const alice = person('alice')

let engine: RecordingEngine
let gateway: GatewayProcess
before(async () => {
  engine = await startRecordingEngine(things)
  gateway = await startGatewayProcess({ roles, enginePath: engine.path })
})
after(async () => {
  await gateway.stop()
  await engine.close()
})

/** One connection, which is used again as long as the gateway lets. */
function asker(door: Door): { ask(bytes: Buffer): Promise<RawAnswer>; close(): void } {
  let connection: RawConnection | undefined
  return {
    async ask(bytes) {
      connection ??= await RawConnection.open(door)
      connection.send(bytes)
      const answer = await connection.answer('POST')
      const closes = answer?.headers.some(([name, is]) => name === 'connection' && is === 'close')
      if (answer === undefined || closes === true) {
        connection.close()
        connection = undefined
      }
      assert.ok(answer, 'no answer')
      return answer
    },
    close: () => connection?.close(),
  }
}

function requestOf(line: string, body: Buffer, chunked = false): Buffer {
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
  const head = `${line} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`
  if (!chunked) return Buffer.concat([Buffer.from(head), body])
  const pieces = [body.subarray(0, 7), body.subarray(7)].filter((piece) => piece.length > 0)
  const chunks = pieces.flatMap((piece) => [
    Buffer.from(`${piece.length.toString(16)}\r\n`),
    piece,
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([Buffer.from(head), ...chunks, Buffer.from('0\r\n\r\n')])
}

/** The same JSON in other words: escapes, white space, numbers with a fraction of nothing. */
function otherwise(text: string, how: number): string {
  if (how === 1) return ` \n${text.replaceAll(':{', ' :\t{ ')}\r\n`
  if (how === 2) return text.replaceAll('"M', String.raw`"\u004d`).replaceAll('/', String.raw`\/`)
  if (how === 3) return text.replaceAll(/:(\d{1,6})([,}])/g, ':$1.0$2')
  return text
}

/** What the policy lets go on of this request, read from its bytes once more. */
function judgedOf({ operation, body }: { operation: string; body: string }): Operation | undefined {
  const [method = '', target = ''] = (requests[operation] ?? '').split(' ')
  const read = readOperation(method, target)
  assert.ok(!isFailure(read))
  const whole = readBody(read, Buffer.from(body), 'application/json')
  if (isFailure(whole)) return undefined
  assert.ok('judge' in admit([role], alice, whole))
  const known = new Map(
    whole.references.map((one) => [one, findThing(things, one.kind, one.name)] as const),
  )
  const decision = authorize([role], alice, whole, known)
  return decision.allow ? decision.operation : undefined
}

function lengthOf({ headers }: Recorded): number {
  const at = headers.findIndex((name, index) => index % 2 === 0 && /^content-length$/i.test(name))
  return Number(headers[at + 1])
}

const seconds = 12

describe('the bytes that reach the engine', () => {
  it('are those of the judged value, whatever was sent for it', async (test) => {
    const client = asker(gateway.door(gateway.identity('alice')))
    const cases = fc.sample(fc.tuple(asked, fc.nat(3), fc.boolean()), 4000)
    const end = Date.now() + seconds * 1000
    let [sent, allowed] = [0, 0]
    for (const [one, how, chunked] of cases) {
      if (Date.now() > end) break
      const body = otherwise(JSON.stringify(one.body), how)
      const line = requests[one.operation] ?? ''
      const judged = judgedOf({ operation: one.operation, body })
      const answer = await client.ask(requestOf(line, Buffer.from(body), chunked))
      const reached = engine.take().filter(({ method }) => method !== 'GET')
      sent++
      if (judged === undefined) {
        assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} for ${body}`)
        assert.deepEqual(reached, [], body)
        continue
      }
      allowed++
      assert.equal(answer.status, 201, `${answer.body.toString()} for ${body}`)
      // The volumes that come into being with a container are made before it.
      const made = reached.filter(({ target }) => target !== '/volumes/create')
      const own = made.length === 0 ? reached : made
      assert.equal(own.length, 1, body)
      const [request] = own
      assert.ok(request)
      assert.equal(request.target, formatTarget(judged.target))
      assert.ok(request.body.equals(Buffer.from(writeBody(judged.body ?? {}))), body)
      assert.equal(lengthOf(request), request.body.length)
    }
    client.close()
    test.diagnostic(`${sent} sent, ${allowed} allowed`)
    assert.ok(sent > 300 && allowed > sent / 20, `${sent} sent, ${allowed} allowed`)
  })

  it('are the client’s own for a role without limits, be they JSON or not', async (test) => {
    const client = asker(gateway.door(gateway.identity('root')))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      asked.map(({ body }) => Buffer.from(JSON.stringify(body))),
      fc
        .constantFrom(
          '{"a":1,"a":2} junk',
          '\ufeff{}',
          '{"HostConfig":{"Privileged":true}}{}',
          '[1e999]',
        )
        .map((text) => Buffer.from(text)),
    )
    const lines = [...Object.values(requests), 'PUT /containers/mine/archive?path=%2F&%66=b+c']
    const cases = fc.sample(fc.tuple(bytes, fc.constantFrom(...lines), fc.boolean()), 3000)
    const end = Date.now() + seconds * 1000
    let sent = 0
    for (const [body, line, chunked] of cases) {
      if (Date.now() > end) break
      const answer = await client.ask(requestOf(line, body, chunked))
      const reached = engine.take()
      assert.equal(answer.status, 201, answer.body.toString())
      assert.equal(reached.length, 1)
      assert.ok(reached[0]?.body.equals(body), body.toString('latin1'))
      sent++
    }
    client.close()
    test.diagnostic(`${sent} sent`)
    assert.ok(sent > 300)
  })
})
