// A browser that holds a client certificate shows it whoever made it ask. What a page of another site makes
// it send must do nothing: not to containers, not to sessions, not by WebSocket.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor } from '../helpers/raw-http.ts'

let engine: FakeEngine
let gateway: GatewayProcess
before(async () => {
  engine = await startFakeEngine('alice')
  const roles = 'grants: [{ to: { name: alice }, roles: [admin] }]\n'
  gateway = await startGatewayProcess({ roles, enginePath: engine.path })
})
after(async () => {
  await gateway.stop()
  await engine.close()
})

const stop = 'POST /containers/web/stop'
const logs = 'GET /containers/web/json'
const attach = 'GET /containers/web/attach/ws?stream=1'
const end = 'DELETE /_dockgate/sessions/01M85QTZ4ENJW6S8YRTAG4FGGG'
const page = '/_dockgate/'
const link = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }
const ours = { 'X-Dockgate-Console': '1' }
const socket = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'x',
  'Sec-WebSocket-Version': '13',
}

const rows: readonly (readonly [what: string, asked: string, headers: Readonly<Record<string, string>>, passes: boolean])[] = [
  ['the docker CLI', stop, {}, true],
  ['the docker CLI, to look', logs, {}, true],
  ['a form of another site', stop, { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' }, false],
  ['a form of another port', stop, { 'Sec-Fetch-Site': 'same-site' }, false],
  ['a word that no browser says', stop, { 'Sec-Fetch-Site': 'SAME-ORIGIN' }, false],
  ['an old browser’s form', stop, { Origin: 'https://evil.example' }, false],
  ['an old browser’s form, from nowhere', stop, { Origin: 'null' }, false],
  ['an Origin that begins as ours', stop, { Origin: 'https://docker.evil.example' }, false],
  ['a page of ours in an old browser', stop, { Origin: 'https://docker' }, true],
  ['Portainer, which hands on what its own page sent', stop, { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://portainer.example' }, true],
  ['an image of another site', logs, { 'Sec-Fetch-Site': 'cross-site' }, false],
  ['a link of another site to the API', logs, { 'Sec-Fetch-Site': 'cross-site', ...link }, false],
  ['a WebSocket of another site', attach, { Origin: 'https://evil.example', ...socket }, false],
  ['a WebSocket of another site, told so', attach, { 'Sec-Fetch-Site': 'cross-site', ...socket }, false],
  ['a script of another site', end, { 'Sec-Fetch-Site': 'cross-site', ...ours }, false],
  ['a page of ours, not by its script', end, { 'Sec-Fetch-Site': 'same-origin' }, false],
  ['a page of ours by its script', end, { 'Sec-Fetch-Site': 'same-origin', ...ours }, true],
  ['curl', end, {}, true],
  ['a link of another site to the console', `GET ${page}`, { 'Sec-Fetch-Site': 'cross-site', ...link }, true],
  ['a frame of another site', `GET ${page}`, { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' }, false],
  ['a script of another site that reads', `GET ${page}console/sessions`, { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }, false],
  ['what somebody typed', `GET ${page}`, { 'Sec-Fetch-Site': 'none', ...link }, true],
] // prettier-ignore

describe('a browser is made to ask by', () => {
  for (const [what, asked, headers, passes] of rows) {
    it(`${what}: ${asked} ${passes ? 'passes' : 'is refused'}`, async () => {
      const [method = '', path = ''] = asked.split(' ')
      const door = gateway.door(gateway.identity('alice'))
      const answer = await askDoor(door, { method, path, headers })
      const body = answer.body.toString()
      const refused = answer.status === 400 && /another site|without the script/.test(body)
      assert.equal(refused, !passes, `${answer.status} ${body}`)
    })
  }
})
