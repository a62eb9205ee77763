// Transcripts: the built program is run as a person runs it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'

const home = mkdtempSync(join(tmpdir(), 'dockgate-cli-'))
after(() => rmSync(home, { recursive: true, force: true }))

function dockgate(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/main.js', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DOCKGATE_HOME: home },
  })
  return { status, stdout, stderr }
}

function modeOf(...path: string[]): string {
  return (statSync(join(home, ...path)).mode & 0o777).toString(8)
}

function openssl(...args: string[]) {
  return spawnSync('openssl', args, { cwd: join(home, 'certs'), encoding: 'utf8' })
}

describe('dockgate on the command line', () => {
  it('teaches with --help and refuses what it does not know', () => {
    assert.equal(dockgate('--help').status, 0)
    assert.match(dockgate('--help').stdout, /serve/)
    assert.equal(dockgate().status, 2)
    const slip = dockgate('srve')
    assert.equal(slip.status, 2)
    assert.match(slip.stderr, /did you mean serve\?/)
    assert.equal(dockgate('ca', 'isue').status, 2)
    assert.match(dockgate('ca', 'isue').stderr, /did you mean ca issue\?/)
    assert.equal(dockgate('ca', 'list', '--nonsense').status, 2)
    for (const verb of ['serve', 'start', 'ca', 'roles', 'check', 'explain']) {
      assert.equal(dockgate(verb, '--help').status, 0, verb)
    }
  })

  it('loads nothing of Node for its gateway that it never uses', () => {
    const tell =
      "process.on('exit', () => process.stderr.write(process.moduleLoadList.join('\\n')))"
    const flags = ['--import', `data:text/javascript,${tell}`, 'dist/main.js', 'serve', '--help']
    const { stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
    const loaded = stderr.split('\n')
    assert.ok(loaded.includes('NativeModule https'), stderr)
    for (const name of ['internal/deps/undici/undici', 'http2', 'inspector']) {
      assert.ok(!loaded.includes(`NativeModule ${name}`), name)
    }
  })

  it('refuses to issue before there is a CA', () => {
    const { status, stderr } = dockgate('ca', 'issue', 'alice')
    assert.equal(status, 1)
    assert.match(stderr, /hint: dockgate ca init/)
  })

  it('makes a CA, a server certificate and a bundle that openssl verifies', () => {
    assert.equal(dockgate('ca', 'init').status, 0)
    assert.equal(dockgate('ca', 'server', '--name', 'localhost', '--ip', '127.0.0.1').status, 0)
    const issued = dockgate('ca', 'issue', 'alice', '--unit', 'dev', '--org', 'Example', '--json')
    assert.equal(issued.status, 0, issued.stderr)
    assert.equal(JSON.parse(issued.stdout).issued.name, 'alice')
    for (const [purpose, file] of [
      ['sslserver', 'server/cert.pem'],
      ['sslclient', 'clients/alice/cert.pem'],
    ] as const) {
      const flags = ['-x509_strict', '-crl_check', '-CRLfile', 'crl.pem', '-CAfile', 'ca.pem']
      const verified = openssl('verify', ...flags, '-purpose', purpose, file)
      assert.equal(verified.status, 0, verified.stderr)
    }
    const wrong = openssl('verify', '-CAfile', 'ca.pem', '-purpose', 'sslclient', 'server/cert.pem')
    assert.notEqual(wrong.status, 0)
  })

  it('keeps keys and folders to their owner', () => {
    for (const file of ['ca.key', 'server/key.pem', 'clients/alice/key.pem', 'crl.pem']) {
      assert.equal(modeOf('certs', file), '600', file)
    }
    for (const folder of ['', 'server', 'clients', 'clients/alice']) {
      assert.equal(modeOf('certs', folder), '700', folder)
    }
  })

  it('issues a name once, and again only when told to replace', () => {
    const again = dockgate('ca', 'issue', 'alice')
    assert.equal(again.status, 1)
    assert.match(again.stderr, /hint: /)
    assert.equal(dockgate('ca', 'issue', 'alice', '--replace').status, 0)
  })

  for (const name of ['', '..', 'a/b', 'a\nb', '-rf', 'x'.repeat(65)]) {
    it(`issues nothing to ${JSON.stringify(name)}`, () => {
      assert.notEqual(dockgate('ca', 'issue', '--', name).status, 0)
    })
  }

  it('takes a certificate back so that openssl knows', () => {
    assert.equal(dockgate('ca', 'issue', 'bob').status, 0)
    assert.equal(dockgate('ca', 'revoke', 'bob', '--reason', 'keyCompromise').status, 0)
    const flags = ['-crl_check', '-CRLfile', 'crl.pem', '-CAfile', 'ca.pem']
    const verified = openssl('verify', ...flags, 'clients/bob/cert.pem')
    assert.match(verified.stderr + verified.stdout, /revoked/)
    assert.match(dockgate('ca', 'list').stdout, /bob .*revoked .*keyCompromise/)
  })

  it('edits roles.yaml, and explains what follows from it', () => {
    writeFileSync(join(home, 'roles.yaml'), '# ours\ngrants: []\n')
    assert.equal(dockgate('roles', 'grant', 'alice', 'viewer').status, 0)
    assert.equal(dockgate('roles', 'grant', 'alice', 'veiwer').status, 1)
    const allowed = dockgate('explain', '--as', 'alice', '--json', 'GET', '/containers/json')
    assert.equal(JSON.parse(allowed.stdout).role, 'viewer')
    const denied = dockgate('explain', '--as', 'alice', '--json', 'POST', '/containers/create')
    assert.equal(denied.status, 1)
    assert.equal(JSON.parse(denied.stdout).decision, 'deny')
    assert.equal(dockgate('check').stdout, 'all is well\n')
    writeFileSync(join(home, 'roles.yaml'), 'grants: [{to: {name: a}, roles: [x, y]}]\n')
    const faulty = dockgate('check')
    assert.equal(faulty.status, 1)
    assert.equal(faulty.stderr.match(/unknown role/g)?.length, 2)
  })
})
