// Every file counts as soon as it has changed; one that cannot be used changes nothing.
import assert from 'node:assert/strict'
import {
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createAuthority, randomSerial } from '../helpers/authority.ts'
import { CN, rdn, sequence } from '../helpers/certificate-der.ts'
import { startFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts'
import { startGatewayProcess, type GatewayProcess } from '../helpers/gateway-process.ts'
import { askDoor } from '../helpers/raw-http.ts'

const everybody = 'grants: [{to: {anyone: true}, roles: [viewer]}]\n'
const nobody = 'grants: []\n'

let engine: FakeEngine
let gateway: GatewayProcess
before(async () => {
  engine = await startFakeEngine('nobody')
})
after(() => engine.close())

const path = (name: string): string => join(gateway.home, name)
const put = (name: string, text: string): void => writeFileSync(path(name), text)

async function status(name = 'alice'): Promise<number> {
  const door = gateway.door(gateway.identity(name))
  return (await askDoor(door, { method: 'GET', path: '/info' })).status
}

async function until(expected: () => Promise<boolean> | boolean): Promise<void> {
  const start = Date.now()
  while (!(await expected())) {
    assert.ok(Date.now() - start < 5_000, `not in time:\n${gateway.logs()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Waits for a line of the log that is not there yet. */
async function logged(pattern: RegExp, act: () => void): Promise<void> {
  const known = gateway.logs().length
  act()
  await until(() => pattern.test(gateway.logs().slice(known)))
}

describe('roles.yaml', () => {
  beforeEach(async () => {
    gateway = await startGatewayProcess({ roles: everybody, enginePath: engine.path })
  })
  const ways: readonly (readonly [how: string, change: (text: string) => void])[] = [
    ['written in place', (text) => put('roles.yaml', text)],
    [
      'renamed into place',
      (text) => {
        put('.roles.yaml.swp', text)
        renameSync(path('.roles.yaml.swp'), path('roles.yaml'))
      },
    ],
    [
      'moved aside and written anew, as editors do that keep a copy',
      (text) => {
        renameSync(path('roles.yaml'), path('roles.yaml~'))
        put('roles.yaml', text)
      },
    ],
    [
      'a link that is turned, as Swarm and Kubernetes do',
      (text) => {
        mkdirSync(path('version-2'))
        put('version-2/roles.yaml', text)
        symlinkSync('version-2/roles.yaml', path('next'))
        renameSync(path('next'), path('roles.yaml'))
      },
    ],
  ]
  for (const [how, change] of ways) {
    it(`counts when it was ${how}`, async () => {
      try {
        assert.equal(await status(), 200)
        change(nobody)
        await until(async () => (await status()) === 403)
      } finally {
        await gateway.stop()
      }
    })
  }

  const bad: readonly (readonly [what: string, change: () => void, words: RegExp])[] = [
    ['half of it', () => put('roles.yaml', everybody.slice(0, 30)), /not reloaded/],
    [
      'an unknown role',
      () => put('roles.yaml', 'grants: [{to: {name: a}, roles: [x]}]'),
      /unknown role/,
    ],
    ['nothing in it', () => truncateSync(path('roles.yaml')), /it is empty/],
    ['no such file', () => unlinkSync(path('roles.yaml')), /there is no such file/],
  ]
  it('leaves the last good one in force when there is a fault', async () => {
    try {
      for (const [what, change, words] of bad) {
        await logged(words, change)
        assert.equal(await status(), 200, what)
      }
      put('roles.yaml', nobody)
      await until(async () => (await status()) === 403)
    } finally {
      await gateway.stop()
    }
  })

  it('with a fault keeps no revocation from counting', async () => {
    try {
      const serial = randomSerial()
      const identity = gateway.authority.issue({ subject: sequence(rdn(CN, 'eve')), serial })
      const ask = () => askDoor(gateway.door(identity), { method: 'GET', path: '/info' })
      assert.equal((await ask()).status, 200)
      await logged(/unknown key/, () => put('roles.yaml', 'nonsense: 1\n'))
      put('certs/crl.pem', gateway.authority.revocationList({ number: 2, serials: [serial] }))
      await until(async () => (await ask()).status === 403)
    } finally {
      await gateway.stop()
    }
  })
})

describe('the folder of the authority', () => {
  beforeEach(async () => {
    gateway = await startGatewayProcess({ roles: everybody, enginePath: engine.path })
  })
  const bad: readonly (readonly [what: string, change: () => void, words: RegExp])[] = [
    [
      'a revocation list of another authority',
      () => put('certs/crl.pem', createAuthority('test authority').revocationList({ number: 9 })),
      /not from the CA in ca\.pem/,
    ],
    [
      'half a list',
      () => put('certs/crl.pem', gateway.authority.revocationList({ number: 9 }).slice(0, 200)),
      /it has no list of CN=test authority/,
    ],
    [
      'a list with a byte after its end',
      () => put('certs/crl.pem', longer(gateway.authority.revocationList({ number: 9 }))),
      /crl\.pem: it is cut short/,
    ],
    [
      'a list from the future',
      () =>
        put('certs/crl.pem', gateway.authority.revocationList({ number: 9, fromMs: 86_400_000 })),
      /dated in the future/,
    ],
    [
      'an older list',
      () => put('certs/crl.pem', gateway.authority.revocationList({ number: 0 })),
      /it is number 0, and 1 is in force/,
    ],
    ['no list', () => unlinkSync(path('certs/crl.pem')), /crl\.pem: it cannot be read \(ENOENT\)/],
    [
      'half a key',
      () =>
        put(
          'certs/server/key.pem',
          readFileSync(path('certs/server/key.pem'), 'utf8').slice(0, 90),
        ),
      /key\.pem: it cannot be read/,
    ],
    [
      'the key of another',
      () => put('certs/server/key.pem', gateway.authority.issue().key),
      /not the key of cert\.pem/,
    ],
    ['no authority', () => put('certs/ca.pem', ''), /ca\.pem: there is no certificate in it/],
  ]
  it('leaves what was good in force when there is a fault', async () => {
    try {
      for (const [what, change, words] of bad) {
        await logged(words, change)
        assert.equal(await status(), 200, what)
      }
    } finally {
      await gateway.stop()
    }
  })

  it('with a new authority lets in its people and nobody else', async () => {
    try {
      const old = gateway.identity('alice')
      const kept = await gateway.connect(old)
      const other = createAuthority('the next one')
      mkdirSync(path('next'))
      other.write(path('next'))
      const closed = new Promise((resolve) => kept.resume().once('end', resolve))
      renameSync(path('certs'), path('previous'))
      renameSync(path('next'), path('certs'))
      await closed
      const socket = await gateway.connect(other.issue({ subject: sequence(rdn(CN, 'alice')) }), {
        ca: other.ca,
      })
      socket.destroy()
      await assert.rejects(
        askDoor(gateway.door(old, { ca: other.ca }), { method: 'GET', path: '/info' }),
      )
    } finally {
      await gateway.stop()
    }
  })
})

describe('crl: warn in dockgate.yaml', () => {
  const expired = { number: 2, fromMs: -172_800_000, untilMs: -86_400_000 }
  it('lets people in on an expired list, but nobody whom it names', async () => {
    gateway = await startGatewayProcess({ roles: everybody, enginePath: engine.path })
    try {
      const serial = randomSerial()
      const eve = gateway.authority.issue({ subject: sequence(rdn(CN, 'eve')), serial })
      put('certs/crl.pem', gateway.authority.revocationList({ ...expired, serials: [serial] }))
      await until(async () => (await status()) === 403)
      put('dockgate.yaml', 'crl: warn\n')
      await until(async () => (await status()) === 200)
      const answer = await askDoor(gateway.door(eve), { method: 'GET', path: '/info' })
      assert.equal(answer.status, 403)
      assert.match(answer.body.toString(), /your certificate was revoked/)
      assert.match(gateway.logs(), /the revocation list \(crl\.pem\) expired on .* already/)
      put('dockgate.yaml', 'crl: refuse\n')
      await until(async () => (await status()) === 403)
    } finally {
      await gateway.stop()
    }
  })
})

function longer(pem: string): string {
  const [head = '', body = '', tail = ''] = pem.split(/(?<=-----)\n|\n(?=-----)/)
  const bytes = Buffer.concat([Buffer.from(body, 'base64'), Buffer.from([0])])
  return `${head}\n${bytes.toString('base64')}\n${tail}\n`
}
