// Secrets planted wherever a client can put one, with the log at its most talkative: none of them comes
// out in the log, the audit, the metrics or the list of what is under way.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startCrowdedGateway, type CrowdedGateway } from '../helpers/crowded-gateway.ts'
import { askDoor, type RawAsk } from '../helpers/raw-http.ts'

const secret = 'PLANTED5ecret'
const roles = `grants:
  - { to: { name: alice }, roles: [admin] }
  - { to: { name: dev }, roles: [developer] }
  - { to: { name: nobody }, roles: [viewer] }
  - { to: { name: monitor }, roles: [admin] }
`
let site: CrowdedGateway
before(async () => {
  site = await startCrowdedGateway(roles, 'log: trace\n')
})
after(() => site.stop())

const json = { 'Content-Type': 'application/json' }
const base64 = Buffer.from(JSON.stringify({ username: 'u', password: secret })).toString(
  'base64url',
)
const container = (body: object): RawAsk => ({
  method: 'POST',
  path: '/v1.41/containers/create?name=web',
  headers: json,
  body: JSON.stringify({ Image: 'nginx', ...body }),
})
const args = encodeURIComponent(JSON.stringify({ TOKEN: secret }))

const asks: readonly (readonly [what: string, ask: RawAsk])[] = [
  ['a variable', container({ Env: [`PASSWORD=${secret}`] })],
  ['a command', container({ Cmd: ['login', '-p', secret], Entrypoint: [secret] })],
  ['a label', container({ Labels: { token: secret } })],
  [
    'a log option',
    container({ HostConfig: { LogConfig: { Type: 'json-file', Config: { env: secret } } } }),
  ],
  ['a field that nobody knows', container({ Secret: secret })],
  ['JSON that is none', { ...container({}), body: `{"Env":["${secret}"` }],
  [
    'JSON with two readings',
    { ...container({}), body: `{"Env":["${secret}"],"env":["${secret}"]}` },
  ],
  [
    'the command of an exec',
    {
      method: 'POST',
      path: '/v1.41/containers/web/exec',
      headers: json,
      body: JSON.stringify({ Cmd: ['mysql', `-p${secret}`], Env: [`A=${secret}`] }),
    },
  ],
  ['a build argument', { method: 'POST', path: `/v1.41/build?buildargs=${args}` }],
  [
    'a build argument with an odd query',
    { method: 'POST', path: `/v1.41/build?odd=1&buildargs=${args}` },
  ],
  [
    'credentials of a registry',
    {
      method: 'POST',
      path: '/v1.41/images/create?fromImage=nginx&tag=1',
      headers: { 'X-Registry-Auth': base64, 'X-Registry-Config': base64, Authorization: secret },
    },
  ],
  [
    'a login',
    { method: 'POST', path: '/v1.41/auth', headers: json, body: `{"password":"${secret}"}` },
  ],
  ['a query of no endpoint', { method: 'GET', path: `/no/such/thing?token=${secret}` }],
  ['a header that is none', { method: 'GET', path: '/info', headers: { 'Bad Name': secret } }],
  ['a body of a request without one', { method: 'GET', path: '/info', body: secret }],
]

describe('a secret in', () => {
  for (const [what, ask] of asks) {
    it(`${what} is in nothing that dockgate writes or shows`, async () => {
      for (const name of ['alice', 'dev', 'nobody']) {
        const door = site.gateway.door(site.gateway.identity(name))
        await askDoor(door, ask).catch(() => undefined)
      }
      const shown = await Promise.all(
        ['metrics', 'sessions', 'whoami'].map((one) => site.ask('monitor', `/_dockgate/${one}`)),
      )
      const { home } = site.gateway
      const files = readdirSync(home).filter((name) => /\.(log|head)$/.test(name))
      const written = files.map((name) => readFileSync(join(home, name), 'latin1'))
      assert.match(written.join('\n'), /"event":"decided"/)
      const all = [site.gateway.log(), ...written, ...shown.map(({ body }) => String(body))].join(
        '\n',
      )
      for (const form of [secret, base64, Buffer.from(secret).toString('hex')]) {
        const at = all.indexOf(form)
        assert.equal(at, -1, all.slice(Math.max(0, at - 200), at + 50))
      }
    })
  }
})
