// What a client is handed, tried with the programs that take it: docker, the shells, key stores.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, describe, it } from 'node:test'
import { contextName } from '../../src/ca/client-bundle.ts'
import { exportPkcs12 } from '../../src/ca/export-pkcs12.ts'
import { issueClient } from '../../src/ca/issue-client.ts'
import { renew } from '../../src/ca/renew.ts'
import { createStore, openssl, temporaryFolder } from '../helpers/ca-store.ts'

const host = 'tcp://gate.example.com:12376'

function run(program: string, args: string[], env: NodeJS.ProcessEnv = {}, cwd = '/') {
  const path = { PATH: process.env['PATH'] }
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { ...path, ...env },
  })
  return { status, stdout, stderr }
}

function isHere(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

describe('the docker context', () => {
  for (const name of ['alice', 'a', 'alice@example.com', 'x'.repeat(64)]) {
    it(`of ${name.slice(0, 20)} is imported by docker with its address and files`, async () => {
      const store = await createStore()
      const { folder } = await issueClient(store, { name, host })
      const env = { DOCKER_CONFIG: temporaryFolder() }
      const context = contextName(name)
      const archive = join(folder, `${name}.dockercontext`)
      const imported = run('docker', ['context', 'import', context, archive], env)
      assert.equal(imported.status, 0, imported.stderr)
      const [seen] = JSON.parse(run('docker', ['context', 'inspect', context], env).stdout)
      assert.deepEqual(seen.Endpoints.docker, { Host: host, SkipTLSVerify: false })
      assert.deepEqual(seen.TLSMaterial.docker, ['ca.pem', 'cert.pem', 'key.pem'])
      for (const file of seen.TLSMaterial.docker) {
        const inDocker = readFileSync(join(seen.Storage.TLSPath, 'docker', file), 'utf8')
        assert.equal(inDocker, readFileSync(join(folder, file), 'utf8'))
      }
    })
  }

  it('is a tar that tar reads, with private files', async () => {
    const { folder } = await issueClient(await createStore({ key: 'rsa:3072' }), { name: 'alice' })
    const listed = run('tar', ['tvf', join(folder, 'alice.dockercontext')])
    assert.equal(listed.stderr, '')
    assert.equal(listed.stdout.match(/^-rw------- .*(json|pem)$/gm)?.length, 4)
  })
})

describe('the environment script', () => {
  let home = ''
  let folder = ''
  before(async () => {
    home = temporaryFolder()
    // A path that a script without quotes would trip over.
    const certs = join(home, "it's a $(odd) place")
    folder = (await issueClient(await createStore({ folder: certs }), { name: 'alice', host }))
      .folder
  })

  const print = 'printf "%s|%s|%s" "$DOCKER_HOST" "$DOCKER_TLS_VERIFY" "$DOCKER_CERT_PATH"'
  const shells = [
    ['sh', 'env.sh', print],
    ['dash', 'env.sh', print],
    ['bash', 'env.sh', print],
    ['zsh', 'env.sh', print],
    ['ksh', 'env.sh', print],
    ['fish', 'env.fish', print],
    ['pwsh', 'env.ps1', '"$env:DOCKER_HOST|$env:DOCKER_TLS_VERIFY|$env:DOCKER_CERT_PATH"'],
  ] as const
  for (const [shell, file, say] of shells) {
    const dot = shell === 'fish' ? 'source' : '.'
    const missing = isHere(shell) ? false : `${shell} is not installed`
    it(
      `points docker at the gateway in ${shell}, from wherever it is read`,
      { skip: missing },
      () => {
        const seen = `${host}|1|${folder}`
        const absolute = `${dot} "$SCRIPT"; ${say}`
        const read = run(shell, ['-c', absolute], { SCRIPT: join(folder, file) })
        assert.equal(read.stdout, seen, read.stderr)
        assert.equal(run(shell, ['-c', `${dot} ./${file}; ${say}`], {}, folder).stdout, seen)
        const parent = dirname(folder)
        assert.equal(run(shell, ['-c', `${dot} ./alice/${file}; ${say}`], {}, parent).stdout, seen)
      },
    )

    it(`goes with its bundle to another place in ${shell}`, { skip: missing }, () => {
      const moved = join(home, `moved to ${shell}`, 'alice')
      mkdirSync(dirname(moved))
      cpSync(folder, moved, { recursive: true })
      const read = run(shell, ['-c', `${dot} ./${file}; ${say}`], {}, moved)
      // A plain POSIX shell cannot know where a script lies: it has the place of its making.
      const expected = shell === 'sh' || shell === 'dash' ? folder : moved
      assert.equal(read.stdout, `${host}|1|${expected}`, read.stderr)
    })
  }

  it('says so where a plain shell cannot find the bundle', async () => {
    const lost = temporaryFolder()
    const store = await createStore({ folder: join(temporaryFolder(), 'certs') })
    const made = await issueClient(store, { name: 'alice', host })
    cpSync(join(made.folder, 'env.sh'), join(lost, 'env.sh'))
    await renew(store, 'alice')
    const gone = readFileSync(join(lost, 'env.sh'), 'utf8').replaceAll(made.folder, '/nowhere')
    writeFileSync(join(lost, 'env.sh'), gone)
    const read = run('dash', ['-c', `. ./env.sh || echo failed "$DOCKER_HOST"`], {}, lost)
    assert.equal(read.stdout, 'failed \n')
    assert.match(read.stderr, /^dockgate: env\.sh cannot find its bundle/)
  })
})

describe('the PKCS#12 file', () => {
  const password = 'pässword "123"'

  for (const key of ['ec:p256', 'ec:p384', 'rsa:3072'] as const) {
    it(`of a client with ${key} opens in openssl and NSS, sealed with AES-256`, async () => {
      const store = await createStore()
      const { folder } = await issueClient(store, { name: 'alice', key })
      const path = await exportPkcs12(store.folder, 'alice', password)
      assert.equal(statSync(path).mode & 0o777, 0o600)

      const open = (word: string) =>
        openssl(folder, 'pkcs12', '-in', 'alice.p12', '-passin', `pass:${word}`, '-info', '-noenc')
      const { status, text } = open(password)
      assert.equal(status, 0, text)
      assert.match(text, /MAC: sha256, Iteration 600000/)
      assert.equal(text.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256/g)?.length, 2) // prettier-ignore
      assert.match(text, /friendlyName: alice/)
      assert.ok(text.includes(readFileSync(join(folder, 'key.pem'), 'utf8')))
      for (const file of ['cert.pem', 'ca.pem']) {
        const pem = readFileSync(join(folder, file), 'utf8')
        assert.ok(text.includes(pem.slice(pem.indexOf('\n'))), file)
      }
      assert.match(open('wrong').text, /invalid password/)

      if (!isHere('pk12util')) return
      const database = `sql:${temporaryFolder()}`
      run('certutil', ['-N', '-d', database, '--empty-password'])
      const imported = run('pk12util', ['-i', path, '-d', database, '-W', password])
      assert.equal(imported.status, 0, imported.stderr)
      const seen = run('certutil', ['-L', '-d', database, '-n', 'alice', '-a']).stdout
      const { fingerprint256 } = new X509Certificate(seen)
      const cert = new X509Certificate(readFileSync(join(folder, 'cert.pem')))
      assert.equal(fingerprint256, cert.fingerprint256)
      assert.match(run('certutil', ['-K', '-d', database]).stdout, /alice/)
    })
  }

  it('is refused by openssl when one bit of it is another', async () => {
    const store = await createStore()
    const { folder } = await issueClient(store, { name: 'alice' })
    const bytes = readFileSync(await exportPkcs12(store.folder, 'alice', password))
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    writeFileSync(join(folder, 'bad.p12'), bytes)
    const { status } = openssl(folder, 'pkcs12', '-in', 'bad.p12', '-passin', `pass:${password}`, '-noenc') // prettier-ignore
    assert.notEqual(status, 0)
  })

  it('needs a real password and a client that was issued to', async () => {
    const store = await createStore()
    await assert.rejects(exportPkcs12(store.folder, 'alice', password), { code: 'missing' })
    await issueClient(store, { name: 'alice' })
    for (const word of ['', 'short']) {
      await assert.rejects(exportPkcs12(store.folder, 'alice', word), { code: 'bad-passphrase' })
    }
    await assert.rejects(exportPkcs12(store.folder, '../server', password), { code: 'bad-name' })
  })
})
