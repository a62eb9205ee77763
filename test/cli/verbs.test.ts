// The verbs that read and edit the operator's files, run as a person runs them.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'

const root = mkdtempSync(join(tmpdir(), 'dockgate-verbs-'))
after(() => rmSync(root, { recursive: true, force: true }))
const environment = (home: string) => ({ PATH: process.env['PATH'], DOCKGATE_HOME: home })

function dockgateIn(home: string) {
  return (...args: string[]) => {
    const options = { encoding: 'utf8', env: environment(home) } as const
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['dist/main.js', ...args],
      options,
    )
    return { status, stdout, stderr }
  }
}

function newHome(files: Readonly<Record<string, string>> = {}): string {
  const home = mkdtempSync(join(root, 'x-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text)
  return home
}

const roles = `grants:
  - to: { name: 007 }
    roles: [admin]
  - to: { name: carol }
    roles: [viewer]
  - to: { name: carol }
    roles: [viewer]
    from: [192.0.2.0/24]
`

describe('dockgate roles', () => {
  it('grants to 7 without giving anything to 007', () => {
    const home = newHome({ 'roles.yaml': roles })
    assert.equal(dockgateIn(home)('roles', 'grant', '7', 'viewer').status, 0)
    const text = readFileSync(join(home, 'roles.yaml'), 'utf8')
    assert.equal(text, `${roles}  - to: { name: "7" }\n    roles: [viewer]\n`)
  })

  const refused = [
    [['lst'], 2, /unknown verb "roles lst"\nhint: did you mean roles list\?/],
    [['grant', 'unit=dev,unit=ops', 'viewer'], 2, /unit=dev,unit=ops says unit twice/],
    [['grant', 'alice', 'veiwer'], 1, /ROLE: unknown role "veiwer"\n  hint: did you mean viewer\?/],
    [['revoke', 'carol', 'veiwer'], 1, /ROLE: unknown role "veiwer"/],
    [['revoke', 'carol', 'viewer', '--from', '10.0.0.0/8'], 1, /no grant gives viewer to carol/],
    [['revoke', 'carol', 'viewer', '--from', 'here'], 1, /--from: "here" is no network/],
  ] as const
  for (const [args, code, expected] of refused) {
    it(`refuses ${args.join(' ')} and writes nothing`, () => {
      const home = newHome({ 'roles.yaml': roles })
      const { status, stderr, stdout } = dockgateIn(home)('roles', ...args)
      assert.equal(status, code, stdout)
      assert.match(stderr, expected)
      assert.equal(readFileSync(join(home, 'roles.yaml'), 'utf8'), roles)
    })
  }

  it('takes back the one grant that was given with these conditions, and says what is left', () => {
    const home = newHome({ 'roles.yaml': roles })
    const revoke = ['roles', 'revoke', 'carol', 'viewer']
    const { stdout } = dockgateIn(home)(...revoke, '--from', '192.0.2.0/24')
    assert.equal(stdout, 'carol has viewer by fewer grants\n')
    assert.equal(readFileSync(join(home, 'roles.yaml'), 'utf8'), roles.split('\n').slice(0, 5).join('\n') + '\n') // prettier-ignore
    assert.equal(dockgateIn(home)(...revoke).stdout, 'carol no longer has viewer\n')
  })

  it('says how to come by a roles.yaml where there is none', () => {
    const home = newHome()
    for (const verb of ['grant', 'revoke']) {
      const { status, stderr } = dockgateIn(home)('roles', verb, 'alice', 'viewer')
      assert.equal(status, 1)
      assert.match(stderr, /roles\.yaml: there is no such file\n {2}hint: npm start writes/)
    }
  })
})

describe('dockgate explain', () => {
  it('refuses an address that is none', () => {
    const home = newHome({ 'roles.yaml': roles })
    const explain = ['explain', '--as', 'carol', '--address']
    const { status, stderr } = dockgateIn(home)(...explain, 'junk', 'GET', '/info')
    assert.equal(status, 2)
    assert.match(stderr, /--address takes an IP address, not "junk"/)
    assert.equal(dockgateIn(home)(...explain, '::ffff:192.0.2.7', 'GET', '/info').status, 0)
  })
})

describe('dockgate check', () => {
  it('tells the faults of every file at once', () => {
    const home = newHome({
      'dockgate.yaml': 'listen: 999.0.0.1:1\ngrace: 900h\n',
      'roles.yaml': 'rules: {}\n',
    })
    const { status, stdout } = dockgateIn(home)('check', '--json')
    assert.equal(status, 1)
    const faults: { where: string; message: string }[] = JSON.parse(stdout)
    assert.deepEqual(
      faults.map(({ where }) => where.replace(home, '')),
      [
        'dockgate.yaml:1:9',
        'dockgate.yaml:2:8',
        'roles.yaml:1:1',
        ...['ca.pem', 'server/cert.pem', 'server/key.pem', 'crl.pem'].map(
          (name) => `/certs/${name}`,
        ),
      ],
    )
  })

  it('tells of each certificate and key that is none', () => {
    const home = newHome({ 'roles.yaml': roles })
    const dockgate = dockgateIn(home)
    assert.equal(dockgate('ca', 'init').status, 0)
    assert.equal(dockgate('ca', 'server', '--name', 'localhost').status, 0)
    assert.equal(dockgate('check').stdout, 'all is well\n')
    const names = ['ca.pem', 'server/cert.pem', 'server/key.pem', 'crl.pem']
    for (const name of names) writeFileSync(join(home, 'certs', name), 'junk')
    const { stderr } = dockgate('check')
    for (const name of names) assert.match(stderr, new RegExp(`${name}: it cannot be read`))
  })
})

describe('dockgate health', () => {
  let home = ''
  before(() => {
    home = newHome({ 'roles.yaml': 'grants: []\n' })
    for (const args of [['init'], ['server', '--name', 'gate.example.com']]) {
      assert.equal(dockgateIn(home)('ca', ...args).status, 0)
    }
  })

  const listens = [
    ['on every address, in the file', (port: number) => `listen: 0.0.0.0:${port}\n`],
    ['on one address, in the file', (port: number) => `listen: 127.0.0.2:${port}\n`],
  ] as const
  for (const [where, settings] of listens) {
    it(`finds the gateway ${where}, and finds it gone`, async () => {
      const port = await freePort()
      writeFileSync(join(home, 'dockgate.yaml'), settings(port))
      const gateway = spawn(process.execPath, ['dist/main.js', 'serve'], { env: environment(home) })
      await once(createInterface(gateway.stdout), 'line')
      const up = dockgateIn(home)('health')
      assert.equal(up.status, 0, up.stderr)
      gateway.kill()
      await once(gateway, 'close')
      const down = dockgateIn(home)('health')
      assert.equal(down.status, 1)
      assert.match(down.stderr, /does not answer: ECONNREFUSED/)
    })
  }

  it('is not content with another listener in the same place', async () => {
    const port = await freePort()
    writeFileSync(join(home, 'dockgate.yaml'), `listen: 127.0.0.1:${port}\n`)
    const stranger = newHome({ 'roles.yaml': 'grants: []\n' })
    for (const args of [['init'], ['server', '--name', 'gate.example.com']]) {
      assert.equal(dockgateIn(stranger)('ca', ...args).status, 0)
    }
    writeFileSync(join(stranger, 'dockgate.yaml'), `listen: 127.0.0.1:${port}\n`)
    const gateway = spawn(process.execPath, ['dist/main.js', 'serve'], { env: environment(stranger) }) // prettier-ignore
    await once(createInterface(gateway.stdout), 'line')
    const { status } = dockgateIn(home)('health')
    gateway.kill('SIGKILL')
    await once(gateway, 'close')
    assert.equal(status, 1)
  })

  it('is what the image is asked, wherever it listens', () => {
    assert.match(readFileSync('Dockerfile', 'utf8'), /^HEALTHCHECK .*"dist\/main.js", "health"\]$/m)
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
