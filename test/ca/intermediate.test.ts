// A CA below a root that is kept offline, from `ca init` to its renewal: what is made is held against
// openssl, docker, Node and NSS, through a gateway and the signing endpoint as they are run.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import { hourMs, openssl, snapshot, temporaryFolder } from '../helpers/ca-store.ts'
import { dockerPrograms, runDocker, throughTls } from '../helpers/docker-cli.ts'
import { runDockgate, serveDockgate, type Serving } from '../helpers/dockgate-process.ts'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { askDoor, RawConnection, requestBytes } from '../helpers/raw-http.ts'

interface Place {
  readonly home: string
  readonly certs: string
  readonly root: string
  readonly env: Readonly<Record<string, string>>
  /** Its standard output; fails where the verb does. */
  ca(...args: string[]): Promise<string>
  /** Its standard error; fails where the verb does not. */
  refused(...args: string[]): Promise<string>
  read(name: string): string
}

async function place(env: Readonly<Record<string, string>> = {}): Promise<Place> {
  const home = temporaryFolder()
  const all = { DOCKGATE_HOME: home, HOME: home, DOCKER_CONFIG: join(home, '.docker'), ...env }
  const certs = join(home, 'certs')
  const run = (args: string[]) => runDockgate(['ca', ...args], all)
  return {
    home,
    certs,
    root: join(home, 'medium/root'),
    env: all,
    async ca(...args) {
      const { status, stdout, stderr } = await run(args)
      assert.equal(status, 0, stderr)
      return stdout
    },
    async refused(...args) {
      const { status, stderr } = await run(args)
      assert.notEqual(status, 0)
      return stderr
    },
    read: (name) => readFileSync(join(certs, name), 'utf8'),
  }
}

async function placeBelowRoot(...more: string[]): Promise<Place> {
  const made = await place()
  await made.ca('init', '--name', 'Example CA', '--root-dir', made.root, ...more)
  await made.ca('server', '--name', 'localhost')
  return made
}

const blocks = (text: string): string[] => text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [] // prettier-ignore
const subjects = (text: string): string[] => blocks(text).map((one) => new X509Certificate(one).subject) // prettier-ignore

/** By somebody who trusts the root alone, and asks for a list of every authority on the way. */
function verified({ certs, root }: Place, purpose: string, path: string) {
  const trust = ['-CAfile', join(root, 'ca.pem'), '-CRLfile', 'crl.pem', '-crl_check_all']
  return openssl(certs, 'verify', '-x509_strict', '-purpose', purpose, ...trust, '-untrusted', path, path) // prettier-ignore
}

let engine: FakeEngine
before(async () => {
  engine = await startFakeEngine('alice')
})
after(() => engine.close())

async function serveGateway({ home, env }: Place): Promise<Serving> {
  writeFileSync(join(home, 'roles.yaml'), 'grants: [{to: {anyone: true}, roles: [viewer]}]\n')
  return serveDockgate(['serve'], {
    ...env,
    DOCKGATE_LISTEN: '127.0.0.1:0',
    DOCKGATE_ENGINE: `unix://${engine.path}`,
  })
}

interface Files {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

function filesIn(folder: string): Files {
  const read = (name: string): string => readFileSync(join(folder, `${name}.pem`), 'utf8')
  return { ca: read('ca'), cert: read('cert'), key: read('key') }
}

function doorOf(port: number, files: Files) {
  return async () => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ...files })
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve).once('error', reject)
    })
    return socket
  }
}

async function statusOf(port: number, files: Files): Promise<number> {
  try {
    return (await askDoor(doorOf(port, files), { method: 'GET', path: '/info' })).status
  } catch {
    return 0
  }
}

async function until(act: () => Promise<boolean>): Promise<void> {
  const since = Date.now()
  while (!(await act())) {
    assert.ok(Date.now() - since < 10_000, 'it takes too long')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('a CA below a root', () => {
  let made: Place
  before(async () => {
    made = await placeBelowRoot()
    await made.ca('issue', 'alice')
    await made.ca('issue', 'bob')
  })

  it('has no key of the root in its own folder, and both folders are private', () => {
    const rootKey = createHash('sha256').update(readFileSync(join(made.root, 'ca.key'))).digest('hex') // prettier-ignore
    for (const path of snapshot(made.certs).keys()) {
      const full = join(made.certs, path)
      if (statSync(full).isDirectory()) continue
      const bytes = readFileSync(full)
      assert.notEqual(createHash('sha256').update(bytes).digest('hex'), rootKey, path)
      assert.equal(statSync(full).mode & 0o077, 0, path)
    }
    assert.equal(statSync(made.root).mode & 0o077, 0)
    assert.deepEqual(readdirSync(made.root).toSorted(), ['ca.key', 'ca.pem', 'crl.pem', 'index.json']) // prettier-ignore
  })

  it('may sign no other, and hands out chains to the root', () => {
    const [, issuing = ''] = blocks(made.read('ca.pem'))
    writeFileSync(join(made.home, 'issuing.pem'), issuing)
    const { text } = openssl(made.home, 'x509', '-in', 'issuing.pem', '-noout', '-text')
    assert.match(text, /CA:TRUE, pathlen:0/)
    assert.deepEqual(subjects(made.read('ca.pem')), ['CN=Example CA root', 'CN=Example CA'])
    for (const name of ['server/cert.pem', 'clients/alice/cert.pem']) {
      assert.equal(subjects(made.read(name))[1], 'CN=Example CA', name)
      assert.equal(subjects(made.read(name)).length, 2)
    }
    assert.deepEqual(subjects(made.read('clients/alice/ca.pem')), ['CN=Example CA root'])
  })

  it('is verified by openssl from the root down, with a list of every authority', async () => {
    assert.deepEqual(verified(made, 'sslserver', 'server/cert.pem').status, 0)
    const alice = verified(made, 'sslclient', 'clients/alice/cert.pem')
    assert.equal(alice.status, 0, alice.text)
    await made.ca('revoke', 'bob')
    assert.match(verified(made, 'sslclient', 'clients/bob/cert.pem').text, /certificate revoked/)
    assert.equal(verified(made, 'sslclient', 'clients/alice/cert.pem').status, 0)
    // Without the root's list nobody could be verified.
    assert.equal(blocks(made.read('crl.pem')).length, 2)
    await made.ca('crl')
    await made.ca('root-crl', '--root-dir', made.root)
    assert.equal(blocks(made.read('crl.pem')).length, 2)
    assert.equal(verified(made, 'sslclient', 'clients/alice/cert.pem').status, 0)
  })

  it('issues, renews and revokes while the root is away', async () => {
    renameSync(made.root, `${made.root}-away`)
    await made.ca('issue', 'carol', '--hours', '8')
    await made.ca('renew', 'carol')
    await made.ca('server')
    await made.ca('revoke', 'carol')
    assert.match(await made.ca('crl'), /list of its root is good until/)
    assert.match(await made.refused('root-crl', '--root-dir', made.root), /there is no CA in/)
    renameSync(`${made.root}-away`, made.root)
  })

  it('goes into PKCS#12 with its chain, as openssl and NSS read it', async () => {
    writeFileSync(join(made.home, 'password'), 'correct horse\n')
    await made.ca('pkcs12', 'alice', '--password-file', join(made.home, 'password'))
    const file = join(made.certs, 'clients/alice/alice.p12')
    const dumped = openssl(made.home, 'pkcs12', '-in', file, '-passin', 'file:password', '-nokeys')
    assert.deepEqual(subjects(dumped.text), ['CN=alice', 'CN=Example CA', 'CN=Example CA root'])
    if (spawnSync('sh', ['-c', 'command -v pk12util certutil']).status !== 0) return
    const nss = `sql:${temporaryFolder()}`
    const run = (program: string, ...args: string[]): string => {
      const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
      assert.equal(status, 0, stdout + stderr)
      return stdout
    }
    run('certutil', '-N', '-d', nss, '--empty-password')
    run('pk12util', '-i', file, '-d', nss, '-W', 'correct horse')
    run('certutil', '-M', '-n', 'Example CA root', '-t', 'CT,,', '-d', nss)
    assert.match(run('certutil', '-V', '-n', 'alice', '-u', 'C', '-d', nss), /certificate is valid/)
  })

  const refusals: readonly (readonly [what: string, args: string[], why: RegExp])[] = [
    ['a root inside its own folder', ['init', '--root-dir', 'certs/root'], /kept elsewhere/],
    ['options of a root without one', ['init', '--root-name', 'x'], /go with --root-dir/],
    ['a root of the same name', ['init', '--name', 'X', '--root-name', 'X', '--root-dir', 'r'], /the root is called "X" too/], // prettier-ignore
    ['a list without the root', ['root-crl'], /where the root is was not said/],
  ]
  for (const [what, args, why] of refusals) {
    it(`does not take ${what}`, async () => {
      const fresh = await place()
      const inside = args.map((arg) => (/^(certs|r$)/.test(arg) ? join(fresh.home, arg) : arg))
      assert.match(await fresh.refused(...inside), why)
      assert.equal(spawnSync('ls', [fresh.certs]).status, 2)
    })
  }

  it('takes no list of a root that is not its own, and a self-signed one takes none', async () => {
    const other = await placeBelowRoot()
    const unchanged = made.read('crl.pem')
    const words = await made.refused('root-crl', '--root-dir', other.root)
    assert.match(words, /is of the root "Example CA root", not of/)
    const alone = await place()
    await alone.ca('init')
    assert.match(await alone.refused('intermediate', '--root-dir', other.root), /signed itself/)
    assert.equal(made.read('crl.pem'), unchanged)
  })

  it('may be made below a root that is there, with its passphrase alone', async () => {
    const one = await place({ DOCKGATE_ROOT_PASSPHRASE: 'of the root' })
    await one.ca('init', '--root-dir', one.root)
    assert.match(readFileSync(join(one.root, 'ca.key'), 'utf8'), /ENCRYPTED/)
    const two = await place()
    assert.match(
      await two.refused('init', '--root-dir', one.root),
      /the key of the root is sealed.*\n.*--root-passphrase-file/,
    )
    writeFileSync(join(two.home, 'words'), 'of the root\n')
    const said = await two.ca('init', '--name', 'Two', '--root-dir', one.root, '--root-passphrase-file', join(two.home, 'words'), '--json') // prettier-ignore
    assert.equal(JSON.parse(said).encrypted, false)
    assert.equal(subjects(one.read('ca.pem'))[0], subjects(two.read('ca.pem'))[0])
  })
})

describe('a gateway with a CA below a root', () => {
  let made: Place
  let gateway: Serving
  before(async () => {
    made = await placeBelowRoot()
    gateway = await serveGateway(made)
    await made.ca('issue', 'alice', '--host', `tcp://localhost:${gateway.port}`)
    await made.ca('issue', 'bob')
  })
  after(() => gateway.stop())
  const of = (name: string): string => join(made.certs, 'clients', name)

  for (const [index, program] of dockerPrograms.entries()) {
    it(`is spoken to by docker ${index + 1}`, async () => {
      const target = throughTls(`tcp://localhost:${gateway.port}`, of('alice'))
      const ran = await runDocker(
        target,
        ['container', 'inspect', '--format', '{{.Name}}', 'thing'],
        { program },
      )
      assert.equal(ran.stdout, '/thing\n', ran.stderr)
    })
  }

  it('lets people in, and out within a second, without their sending the chain', async () => {
    assert.equal(await statusOf(gateway.port, filesIn(of('alice'))), 200)
    const bob = filesIn(of('bob'))
    assert.equal(await statusOf(gateway.port, { ...bob, cert: blocks(bob.cert)[0] ?? '' }), 200)
    await made.ca('revoke', 'bob')
    await until(async () => (await statusOf(gateway.port, bob)) === 403)
  })

  it('goes on with connections, people and server when the CA is renewed', async () => {
    const alice = filesIn(of('alice'))
    const open = new RawConnection(await doorOf(gateway.port, alice)())
    await made.ca('intermediate', '--root-dir', made.root)
    const reloads = (): number => gateway.log().match(/"changed":\["ca\.pem"/g)?.length ?? 0
    await until(async () => reloads() === 1)
    open.send(requestBytes({ method: 'GET', path: '/info' }))
    assert.equal((await open.answer())?.status, 200)
    assert.equal(await statusOf(gateway.port, alice), 200)
    assert.equal(await statusOf(gateway.port, filesIn(of('bob'))), 403)
    await made.ca('issue', 'dora')
    assert.equal(await statusOf(gateway.port, filesIn(of('dora'))), 200)
    assert.deepEqual(subjects(made.read('ca.pem')), ['CN=Example CA root', 'CN=Example CA', 'CN=Example CA']) // prettier-ignore
    for (const name of ['alice', 'dora']) {
      assert.equal(verified(made, 'sslclient', `clients/${name}/cert.pem`).status, 0)
    }
    assert.match(verified(made, 'sslclient', 'clients/bob/cert.pem').text, /certificate revoked/)
    await made.ca('revoke', 'dora')
    await until(async () => (await statusOf(gateway.port, filesIn(of('dora')))) === 403)
  })

  it('lets nobody of the old key in when the CA has a new one', async () => {
    const alice = filesIn(of('alice'))
    const open = new RawConnection(await doorOf(gateway.port, alice)())
    open.send(requestBytes({ method: 'GET', path: '/info' }))
    assert.equal((await open.answer())?.status, 200)
    const oldKey = made.read('ca.key')
    await made.ca('intermediate', '--root-dir', made.root, '--new-key', '--reason', 'keyCompromise')
    assert.notEqual(made.read('ca.key'), oldKey)
    assert.equal((await open.bytes()).length, 0)
    await made.ca('server')
    await until(async () => (await statusOf(gateway.port, alice)) === 0)
    await made.ca('issue', 'alice', '--replace')
    await until(async () => (await statusOf(gateway.port, filesIn(of('alice')))) === 200)
    const [, rootList = ''] = blocks(made.read('crl.pem'))
    writeFileSync(join(made.home, 'root-list.pem'), rootList)
    const { text } = openssl(made.home, 'crl', '-in', 'root-list.pem', '-noout', '-text')
    assert.equal(text.match(/Key Compromise/g)?.length, 2)
  })
})

describe('the signing endpoint of a CA below a root', () => {
  let made: Place
  let endpoint: Serving
  before(async () => {
    made = await placeBelowRoot()
    endpoint = await serveDockgate(['ca', 'serve', '--listen', '127.0.0.1:0', '--name', 'localhost'], made.env) // prettier-ignore
  })
  after(() => endpoint.stop())

  it('enrolls by the fingerprint of the root, renews, and supersedes', async () => {
    const url = `https://localhost:${endpoint.port}`
    const said = JSON.parse(await made.ca('token', 'erin', '--hours', '8', '--json'))
    const root = new X509Certificate(readFileSync(join(made.root, 'ca.pem')))
    assert.equal(said.authority, root.fingerprint256.replaceAll(':', '').toLowerCase())
    const enrolled = await runDockgate(['enroll', url, '--token', said.token, '--json'], made.env)
    assert.equal(enrolled.status, 0, enrolled.stderr)
    const folder = join(made.home, '.dockgate/erin')
    const check = (): void => {
      const { ca, cert } = filesIn(folder)
      assert.deepEqual(subjects(ca), ['CN=Example CA root'])
      assert.deepEqual(subjects(cert), ['CN=erin', 'CN=Example CA'])
      const result = verified(made, 'sslclient', join(folder, 'cert.pem'))
      assert.equal(result.status, 0, result.text)
    }
    check()
    const old = filesIn(folder)
    const renewed = await runDockgate(['renew', folder, '--supersede', '--json'], made.env)
    assert.equal(renewed.status, 0, renewed.stderr)
    check()
    assert.notEqual(filesIn(folder).cert, old.cert)
    assert.equal(JSON.parse(renewed.stdout).superseded.length, 1)
    assert.ok(Date.parse(JSON.parse(renewed.stdout).notAfter) <= Date.now() + 8 * hourMs)
  })

  it('is believed by nobody who was told of another root', async () => {
    const other = await placeBelowRoot()
    const { token } = JSON.parse(await other.ca('token', 'mallory', '--json'))
    const url = `https://localhost:${endpoint.port}`
    const ran = await runDockgate(['enroll', url, '--token', token], made.env)
    assert.notEqual(ran.status, 0)
    assert.match(ran.stderr, /is not of the CA with that fingerprint/)
  })

  it('hands out the lists of both, and signs no more for a CA that was renewed meanwhile', async () => {
    const folder = join(made.home, '.dockgate/erin')
    await made.ca('intermediate', '--root-dir', made.root)
    const ran = await runDockgate(['renew', folder], made.env)
    assert.notEqual(ran.status, 0)
    await endpoint.stop()
    const port = String(endpoint.port)
    endpoint = await serveDockgate(['ca', 'serve', '--listen', `127.0.0.1:${port}`, '--name', 'localhost'], made.env) // prettier-ignore
    const again = await runDockgate(['renew', folder], made.env)
    assert.equal(again.status, 0, again.stderr)
    const files = filesIn(folder)
    const lists = await askDoor(doorOf(endpoint.port, files), {
      method: 'GET',
      path: '/v1/crl.pem',
    })
    assert.equal(lists.body.toString(), made.read('crl.pem'))
  })
})
