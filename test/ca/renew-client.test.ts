// `dockgate renew` as a person or a timer runs it, against `dockgate ca serve` as it is run.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs' // prettier-ignore
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { issueClient } from '../../src/ca/issue-client.ts'
import { createAuthority, serverPurpose } from '../helpers/authority.ts'
import { temporaryFolder, verify } from '../helpers/ca-store.ts'
import { alternativeNames, noAuthority, signingKey, text } from '../helpers/certificate-der.ts'
import { dockerPrograms, runDocker, throughTls } from '../helpers/docker-cli.ts'
import { runDockgate, type Ran } from '../helpers/dockgate-process.ts'
import { startRecording } from '../helpers/recording-server.ts'
import { createMachine, startSite, type Site } from '../helpers/site.ts'

let site: Site
let url = ''

before(async () => {
  site = await startSite()
  ;({ url } = site)
})
after(() => site.stop())

/** A person's machine with one bundle on it, as the operator handed it over. */
async function machine(name: string, lifetimeHours = 8) {
  const request = { name, unit: 'dev', lifetimeHours }
  const { folder: made, issued } = await issueClient(site.store, request)
  const own = createMachine()
  const { env } = own
  const folder = join(own.bundles, name)
  cpSync(made, folder, { recursive: true })
  return {
    folder,
    serial: issued.serial,
    env,
    renew: (...args: string[]): Promise<Ran> => own.run('renew', ...args),
    read: (file: string): string => readFileSync(join(folder, file), 'utf8'),
  }
}

function pairIn(folder: string): X509Certificate {
  const cert = new X509Certificate(readFileSync(join(folder, 'cert.pem')))
  assert.ok(cert.checkPrivateKey(createPrivateKey(readFileSync(join(folder, 'key.pem')))))
  return cert
}

function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

describe('dockgate renew', () => {
  it('makes a new key here, writes the whole bundle, and remembers where', async () => {
    const { folder, renew, read, serial } = await machine('alice')
    const earlier = read('key.pem')
    const first = await renew(folder, '--url', url)
    assert.equal(first.status, 0, first.stderr)
    assert.match(first.stdout, /^renewed the certificate of alice, good until .* UTC\n/)
    assert.notEqual(read('key.pem'), earlier)
    const cert = pairIn(folder)
    assert.notEqual(cert.serialNumber, serial)
    writeFileSync(join(site.store.folder, 'got.pem'), read('cert.pem'))
    const verified = verify(site.store.folder, 'sslclient', 'got.pem')
    assert.equal(verified.status, 0, verified.text)
    for (const file of readdirSync(folder)) {
      assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file)
    }
    assert.ok(read('alice.dockercontext').includes(read('key.pem')))
    // Neither the folder nor the address needs saying any more.
    const second = await renew('--json')
    assert.equal(second.status, 0, second.stderr)
    const said = JSON.parse(second.stdout)
    assert.equal(said.serial, pairIn(folder).serialNumber)
    assert.notEqual(said.serial, cert.serialNumber)
    // The key was never said to anybody.
    assert.doesNotMatch(site.endpoint.log(), /PRIVATE/)
  })

  it('does nothing until it is time, for a timer', async () => {
    const { renew, read } = await machine('bob')
    const earlier = read('cert.pem')
    const early = await renew('--url', url, '--if-within', '7h')
    assert.equal(early.status, 0, early.stderr)
    assert.match(early.stdout, /not due yet/)
    assert.equal(read('cert.pem'), earlier)
    const due = await renew('--url', url, '--if-within', '9h', '--supersede', '--json')
    assert.equal(due.status, 0, due.stderr)
    assert.deepEqual(JSON.parse(due.stdout).superseded, [new X509Certificate(earlier).serialNumber])
    const listed = await site.run('ca', 'list')
    assert.match(listed.stdout, /bob .*revoked .*superseded/)
    assert.match(listed.stdout, /bob .* valid/)
  })

  for (const program of dockerPrograms) {
    it(`leaves a bundle and a context that ${program} works with`, async () => {
      const name = `carol${dockerPrograms.indexOf(program)}`
      const { folder, env, renew } = await machine(name)
      const earlier = fingerprintOf(pairIn(folder))
      const version = ['version', '--format', '{{.Server.APIVersion}}']
      const there = throughTls(`tcp://localhost:${site.gateway.port}`, folder)
      const archive = join(folder, `${name}.dockercontext`)
      const imported = await runDocker({}, ['context', 'import', name, archive], { program, env })
      assert.equal(imported.exit, 0, imported.stderr)
      const done = await renew(folder, '--url', url)
      assert.equal(done.status, 0, done.stderr)
      assert.match(done.stdout, new RegExp(`context  ${name}\n`))
      for (const [target, args] of [
        [there, version],
        [{}, ['--context', name, ...version]],
      ] as const) {
        site.engine.take()
        const ran = await runDocker(target, args, { program, env })
        assert.equal(ran.exit, 0, ran.stderr)
        assert.match(site.engine.take().map(({ line }) => line).join(), /\/version/) // prettier-ignore
      }
      const audit = site.audit()
      assert.ok(audit.includes(fingerprintOf(pairIn(folder))))
      assert.ok(!audit.includes(earlier))
    })
  }

  it('shows in ca list how it was got and when it was last seen', async () => {
    const { folder, env, renew } = await machine('lena')
    assert.equal((await renew(folder, '--url', url)).status, 0)
    const there = throughTls(`tcp://localhost:${site.gateway.port}`, folder)
    assert.equal((await runDocker(there, ['version'], { env })).exit, 0)
    const { stdout, stderr } = await site.run('ca', 'list', '--seen')
    const rows = stdout.split('\n').filter((line) => line.startsWith('lena '))
    assert.equal(rows.length, 2, stderr)
    assert.match(rows[0] ?? '', /^lena +client +[0-9A-F]{32} +\S+ \S+ UTC +never +valid$/)
    assert.match(rows[1] ?? '', /^lena +client \(renew\) .*UTC +\d{4}-\S+ \S+ UTC +valid$/)
    const elsewhere = await runDockgate(['ca', 'list', '--seen'], { DOCKGATE_HOME: site.home, DOCKGATE_AUDIT: '/nowhere/a.log' }) // prettier-ignore
    assert.equal(elsewhere.status, 2)
    assert.match(elsewhere.stderr, /there is no audit at/)
  })

  it('finishes what a crash left undone, at every point of it', async () => {
    const { folder, renew } = await machine('dora')
    assert.equal((await renew(folder, '--url', url)).status, 0)
    const serial = pairIn(folder).serialNumber
    const files = readdirSync(folder)
    // The new files wait in `.renewed`; some of them were moved to their places, key before certificate.
    const moving = [
      ...files.filter((name) => !/^(key|cert)\.pem$/.test(name)),
      'key.pem',
      'cert.pem',
    ]
    for (let moved = 0; moved < moving.length; moved++) {
      const whole = temporaryFolder()
      cpSync(folder, whole, { recursive: true })
      mkdirSync(join(whole, '.renewed'))
      for (const [place, name] of moving.entries()) {
        if (place < moved) continue
        renameSync(join(whole, name), join(whole, '.renewed', name))
        if (name !== 'cert.pem') writeFileSync(join(whole, name), 'what was there before')
      }
      const done = await renew(whole, '--if-within', '1h')
      assert.equal(done.status, 0, done.stderr)
      assert.equal(pairIn(whole).serialNumber, serial)
      assert.deepEqual(readdirSync(whole).toSorted(), files.toSorted())
    }
  })

  it('drops what a crash left before anything was decided', async () => {
    const { folder, renew, read } = await machine('emma')
    const earlier = read('cert.pem')
    mkdirSync(join(folder, '.renewing-0011'))
    writeFileSync(join(folder, '.renewing-0011/cert.pem'), 'half')
    assert.equal((await renew(folder, '--if-within', '1h')).status, 0)
    assert.equal(read('cert.pem'), earlier)
    assert.ok(!existsSync(join(folder, '.renewing-0011')))
  })

  it('killed at any moment, leaves a bundle that works', async () => {
    const { folder, renew, env } = await machine('fred')
    assert.equal((await renew(folder, '--url', url)).status, 0)
    for (let afterMs = 80; afterMs <= 240; afterMs += 20) {
      const limit = `timeout -s KILL ${afterMs / 1000} "$0" dist/main.js renew "$1"`
      spawnSync('sh', ['-c', limit, process.execPath, folder], { env: { ...process.env, ...env } })
      assert.equal((await renew(folder, '--if-within', '1h')).status, 0)
      pairIn(folder)
    }
  })

  it('run five times at once, leaves one whole bundle', async () => {
    const { folder, renew } = await machine('gina')
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => renew(folder, '--url', url)))
    assert.deepEqual(all.map(({ status }) => status), [0, 0, 0, 0, 0]) // prettier-ignore
    pairIn(folder)
  })

  it('says why it cannot, and leaves the bundle as it was', async () => {
    const { folder, renew, read } = await machine('hugo')
    const earlier = readdirSync(folder).map((file) => read(file)) // prettier-ignore
    const closed = await startRecording(createAuthority('x').issue())
    await closed.close()
    const rows: [string[], number, RegExp][] = [
      [[], 1, /does not say where.*\nhint: --url/s],
      [['--url', 'http://localhost:1'], 1, /no address of a signing endpoint/],
      [['--url', `${url}/v1`], 1, /no address of a signing endpoint/],
      [['--url', closed.url], 1, /nobody listens there/],
      [['--url', url, '--hours', '9'], 1, /8 hours at most/],
      [['--url', url, '--if-within', 'soon'], 2, /--if-within takes a span/],
      [['--url', url, '--key', 'dsa'], 2, /unknown kind of key/],
    ]
    for (const [args, status, words] of rows) {
      const ran = await renew(folder, ...args)
      assert.equal(ran.status, status, ran.stderr)
      assert.match(ran.stderr, words)
    }
    assert.deepEqual(readdirSync(folder).map((file) => read(file)), earlier) // prettier-ignore
    const nowhere = await renew(temporaryFolder(), '--url', url)
    assert.match(nowhere.stderr, /there is no bundle/)
  })

  it('of a revoked certificate is refused with the reason', async () => {
    const { folder, renew } = await machine('ida')
    const taken = await site.run('ca', 'revoke', 'ida')
    assert.equal(taken.status, 0, taken.stderr)
    const { status, stderr } = await renew(folder, '--url', url)
    assert.equal(status, 1)
    assert.match(stderr, /this certificate was revoked/)
  })

  it('says nothing to a server of another CA, nor to the gateway', async () => {
    const { folder, renew } = await machine('jane')
    const names = alternativeNames(text(0x82, 'localhost'), text(0x86, 'urn:dockgate:ca'))
    const extensions = [noAuthority, signingKey, serverPurpose, names]
    const server = (file: string): string =>
      readFileSync(join(site.home, 'certs/server', file), 'utf8')
    const posers: [{ cert: string; key: string }, RegExp][] = [
      [createAuthority('Test CA').issue({ extensions }), /another CA/],
      [{ cert: server('cert.pem'), key: server('key.pem') }, /not that of a signing endpoint/],
    ]
    for (const [identity, words] of posers) {
      const recording = await startRecording(identity)
      const { status, stderr } = await renew(folder, '--url', recording.url)
      assert.equal(status, 1)
      assert.match(stderr, words)
      assert.equal(recording.connections(), 1)
      assert.equal(recording.heard(), '')
      await recording.close()
    }
  })

  it('asks which, where there are two', async () => {
    const { folder, renew, env } = await machine('karl')
    cpSync(folder, join(folder, '..', 'second'), { recursive: true })
    assert.match((await renew('--url', url)).stderr, /more than one bundle/)
    const chosen = await runDockgate(['renew', '--url', url], { ...env, DOCKER_CERT_PATH: folder })
    assert.equal(chosen.status, 0, chosen.stderr)
    rmSync(folder, { recursive: true })
  })
})
