// ca.yaml, as `ca serve` reads it.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createStore, temporaryFolder } from '../helpers/ca-store.ts'
import { runDockgate } from '../helpers/dockgate-process.ts'

describe('ca.yaml', () => {
  it('is refused with every fault at once, each at its place', async () => {
    const { folder } = await createStore({ folder: join(temporaryFolder(), 'certs') })
    const home = join(folder, '..')
    const yaml = `listen: nowhere
names: [a b]
maxHours: 0
rate: 3
oidc:
  - issuer: http://a.example
    audience: x
    jwks: http://a.example/jwks
    algorithms: [HS256, none]
    rules:
      - { name: ci }
      - { require: { sub: [] }, name: ../x, minutes: 5000 }
      - { require: { sub: x }, name: { claim: login } }
      - { require: { sub: x }, name: { claim: login, prefix: '../' }, uri: 'no uri' }
      - { require: { sub: x } }
  - issuer: https://b.example
    rules: []
  - issuer: https://b.example
    audience: x
    rules: [{ require: { sub: x }, name: ok }]
`
    writeFileSync(join(home, 'ca.yaml'), yaml)
    const { status, stderr } = await runDockgate(['ca', 'serve'], { DOCKGATE_HOME: home })
    assert.equal(status, 1)
    const faults = [
      /ca\.yaml:1:9: listen: this is no address/,
      /ca\.yaml:2:9: names\[0\]: "a b" is no DNS name/,
      /ca\.yaml:3:11: maxHours: a whole number/,
      /ca\.yaml:4:1: unknown key "rate"\n {2}hint: did you mean|ca\.yaml:4:1: unknown key "rate"/,
      /ca\.yaml:6:13: oidc\[0\]\.issuer: an issuer is an https address/,
      /ca\.yaml:8:11: oidc\[0\]\.jwks: keys are fetched from https alone/,
      /oidc\[0\]\.algorithms\[0\]: "HS256" is no algorithm/,
      /oidc\[0\]\.algorithms\[1\]: "none" is no algorithm/,
      /oidc\[0\]\.rules\[0\]: without "require" everybody/,
      /oidc\[0\]\.rules\[1\]\.require\.sub: an empty list/,
      /oidc\[0\]\.rules\[1\]\.name: "\.\.\/x" cannot be the name/,
      /oidc\[0\]\.rules\[1\]\.minutes: a whole number from 1 to 1440/,
      /oidc\[0\]\.rules\[2\]\.name: "prefix" is missing/,
      /oidc\[0\]\.rules\[3\]\.name\.prefix: "\.\.\/x" cannot be the name/,
      /oidc\[0\]\.rules\[3\]\.uri: "no uri" is no URI/,
      /oidc\[0\]\.rules\[4\]: "name" is missing/,
      /oidc\[1\]: "audience" is missing/,
      /oidc\[1\]: an issuer without rules/,
      /oidc\[2\]\.issuer: this issuer stands here already/,
    ]
    for (const fault of faults) assert.match(stderr, fault)
    const told = stderr.split('\n').filter((line) => line.includes('ca.yaml:'))
    assert.equal(told.length, faults.length, stderr)
  })
})
