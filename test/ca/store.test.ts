// The store through what befalls it: kill -9 at every change, a full disk, two writers, a fast typist.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { before, describe, it } from 'node:test'
import { issueClient } from '../../src/ca/issue-client.ts'
import { issueServer } from '../../src/ca/issue-server.ts'
import { listIssued } from '../../src/ca/list-issued.ts'
import { createStore, openssl, snapshot, temporaryFolder, verify } from '../helpers/ca-store.ts'

const program = resolve('dist/main.js')

interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly end: number | string
  readonly text: string
}

async function ca(home: string, args: string[], env: object = {}, flags: string[] = []) {
  const child = spawn(process.execPath, [...flags, program, 'ca', ...args], {
    env: { PATH: process.env['PATH'], DOCKGATE_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (text += part))
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { end: code ?? signal ?? '', text } satisfies Ended
}

let base = ''
before(async () => {
  const store = await createStore()
  await issueServer(store, { names: ['localhost'] })
  await issueClient(store, { name: 'alice' })
  await issueClient(store, { name: 'bob' })
  base = store.folder
})

/** A copy of the store, in a home of its own. */
function copyOfBase(): { home: string; certs: string } {
  const home = temporaryFolder()
  cpSync(base, join(home, 'certs'), { recursive: true })
  return { home, certs: join(home, 'certs') }
}

/** Who has what, without what differs from run to run. */
function listed(certs: string): string[] {
  return listIssued(certs, new Date()).map((row) => `${row.name} ${row.status}`)
}

/** What the index says is what lies there, and openssl agrees. */
function assertWhole(certs: string): void {
  assert.deepEqual(
    readdirSync(certs).filter((name) => name.startsWith('.')),
    [],
  )
  const rows = listIssued(certs, new Date())
  for (const name of new Set(rows.flatMap((row) => (row.kind === 'client' ? row.name : [])))) {
    const read = (file: string): string => readFileSync(join(certs, 'clients', name, file), 'utf8')
    const cert = new X509Certificate(read('cert.pem'))
    const row = rows.findLast((one) => one.name === name)
    assert.equal(cert.serialNumber, row?.serial)
    assert.ok(cert.checkPrivateKey(createPrivateKey(read('key.pem'))))
    const { status, text } = verify(certs, 'sslclient', `clients/${name}/cert.pem`)
    assert.equal(status === 0, row?.status === 'valid', text)
  }
  const crl = openssl(certs, 'crl', '-in', 'crl.pem', '-noout', '-text').text
  for (const { serial, status } of rows) {
    assert.equal(crl.includes(`Serial Number: ${serial}`), status === 'revoked', serial)
  }
}

describe('a store whose writer is killed', () => {
  const untouched = ['localhost valid', 'alice valid', 'bob valid']
  const replaced = ['localhost valid', 'alice revoked', 'bob valid', 'alice valid']
  const verbs = [
    [['issue', 'alice', '--replace'], replaced],
    [
      ['revoke', 'alice'],
      ['localhost valid', 'alice revoked', 'bob valid'],
    ],
  ] as const
  for (const [args, done] of verbs) {
    it(`at any change of a file by "ca ${args.join(' ')}" opens and lists right`, async () => {
      const seen: string[] = []
      // Two at a time: the machines that run this have two processors at least.
      const walk = async (first: number): Promise<void> => {
        for (let point = first; ; point += 2) {
          const { home, certs } = copyOfBase()
          const hook = ['--import', resolve('test/helpers/die-at-write.mjs')]
          const { end, text } = await ca(home, [...args], { DIE_AT_WRITE: point }, hook)
          const state = listed(certs)
          seen[point] = `${end} ${state.join()}`
          assert.ok(
            [untouched.join(), done.join()].includes(state.join()),
            `${point}: ${state.join()}`,
          )
          // The next writer finishes what was begun.
          await issueClient({ folder: certs, now: new Date() }, { name: 'zoe' })
          assert.deepEqual(listed(certs), [...state, 'zoe valid'])
          assertWhole(certs)
          if (end === 0) return
          assert.equal(end, 'SIGKILL', text)
        }
      }
      await Promise.all([walk(1), walk(2)])
      // Both sides of the one rename that counts were reached by a kill.
      for (const state of [untouched, done]) assert.ok(seen.includes(`SIGKILL ${state.join()}`))
    })
  }
})

const isRoot = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0

describe('a store on a full disk', () => {
  it('stays as it was, and says why', { skip: !isRoot && 'root mounts a small disk' }, async () => {
    // In a mount namespace of its own, so that the disk is gone with its shell.
    const script = `
      mount -t tmpfs -o size=$((PAGES * 4096)) none disk
      cp -a certs disk/certs
      DOCKGATE_HOME=$PWD/disk "$NODE" "$PROGRAM" ca issue alice --replace; code=$?
      cp -a disk/certs after; exit $code`
    const pages = [...snapshot(base).values()]
      .filter((content) => !content.endsWith(' folder'))
      .reduce((sum, content) => sum + Math.ceil((content.length - 4) / 4096), 0)
    let full = 0
    for (let free = 0; ; free += 2) {
      const { home, certs } = copyOfBase()
      mkdirSync(join(home, 'disk'))
      const env = { PATH: process.env['PATH'], NODE: process.execPath, PROGRAM: program }
      const shell = ['-m', 'sh', '-c', script]
      const { status, stderr } = spawnSync('unshare', shell, {
        cwd: home,
        encoding: 'utf8',
        env: { ...env, PAGES: String(pages + free) },
      })
      if (status === 0) {
        assert.deepEqual(listed(join(home, 'after')), ['localhost valid', 'alice revoked', 'bob valid', 'alice valid']) // prettier-ignore
        assertWhole(join(home, 'after'))
        break
      }
      full += 1
      assert.match(stderr, /cannot write in ".*": the disk is full/)
      assert.deepEqual(snapshot(join(home, 'after')), snapshot(certs))
    }
    assert.ok(full > 2, `${full}`)
  })
})

describe('a store with more writers than one', () => {
  it('takes the work of all', async () => {
    const { home, certs } = copyOfBase()
    const names = ['carol', 'dave', 'erin', 'frank']
    const work = [...names.map((name) => ['issue', name]), ['revoke', 'bob']]
    for (const { end, text } of await Promise.all(work.map((args) => ca(home, args)))) {
      assert.equal(end, 0, text)
    }
    const rows = [...names, 'alice', 'localhost'].map((name) => `${name} valid`)
    assert.deepEqual(listed(certs).toSorted(), [...rows, 'bob revoked'].toSorted())
    assertWhole(certs)
  })

  it('gives one name to one of them', async () => {
    const { home, certs } = copyOfBase()
    const ends = await Promise.all([1, 2].map(() => ca(home, ['issue', 'carol'])))
    assert.deepEqual(ends.map(({ end }) => end).toSorted(), [0, 1])
    assert.equal(listed(certs).filter((row) => row === 'carol valid').length, 1)
    assertWhole(certs)
  })
})

describe('a passphrase on a terminal', () => {
  const secret = 'correct horse battery'

  function atTerminal(home: string, steps: object[], args: string[]) {
    const command = [process.execPath, program, 'ca', ...args]
    const { status, stdout, stderr } = spawnSync(
      'python3',
      ['test/helpers/terminal.py', JSON.stringify(steps), ...command],
      { encoding: 'utf8', env: { PATH: process.env['PATH'], DOCKGATE_HOME: home } },
    )
    return { status, shown: stdout, stderr }
  }

  it('is not shown, typed as soon as it is asked for or pasted for both questions', () => {
    const home = temporaryFolder()
    const asked = 'passphrase of the CA key: '
    const pasted = [{ expect: `new ${asked}`, send: `${secret}\r${secret}\r` }]
    const init = atTerminal(home, pasted, ['init', '--encrypt'])
    assert.equal(init.status, 0, init.shown + init.stderr)
    assert.ok(!init.shown.includes(secret), init.shown)
    for (const name of ['alice', 'bob', 'carol', 'dave']) {
      // The first letter of the question is enough for somebody who knows it.
      const steps = [{ expect: 'p', send: `${secret}\r` }]
      const { status, shown, stderr } = atTerminal(home, steps, ['issue', name])
      assert.equal(status, 0, shown + stderr)
      assert.ok(shown.includes(asked) && !shown.includes(secret), shown)
    }
    const wrong = atTerminal(home, [{ expect: asked, send: 'wrong\r' }], ['issue', 'erin'])
    assert.equal(wrong.status, 1)
  })
})
