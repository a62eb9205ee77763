// Whether the engine has a door on the network: real listeners, and the command lines of real processes.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { connect, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { findDaemon } from '../../src/doctor/daemon-process.ts'
import { findDoors } from '../../src/doctor/open-ports.ts'
import { createAuthority } from '../helpers/authority.ts'
import { temporaryFolder } from '../helpers/ca-store.ts'
import { rdn, CN, sequence } from '../helpers/certificate-der.ts'

const authority = createAuthority('of the engine')
const { key, cert } = authority.issue({ subject: sequence(rdn(CN, 'engine')) })
const other = authority.issue({ subject: sequence(rdn(CN, 'gateway')) })
const answer = (_request: unknown, response: { writeHead: Function; end: Function }): void => {
  response.writeHead(200, { 'Api-Version': '1.41' })
  response.end('OK')
}
const mutual = { requestCert: true, rejectUnauthorized: true, ca: authority.ca }
const listeners: Readonly<Record<string, Server>> = {
  plain: createHttp(answer as never),
  tls: createHttps({ key, cert }, answer as never),
  mutual: createHttps({ key, cert, ...mutual }, answer as never),
  ours: createHttps({ ...other, ...mutual }, answer as never),
  other: createHttp((_request, response) => void response.end('hello')),
}
before(async () => {
  for (const server of Object.values(listeners)) {
    await once(server.listen(0, '127.0.0.1'), 'listening')
  }
})
after(() => {
  for (const server of Object.values(listeners)) server.close()
})

describe('a door is', () => {
  for (const [kind, server] of Object.entries(listeners)) {
    it(kind, async () => {
      const { port } = server.address() as AddressInfo
      const hosts = [`tcp://0.0.0.0:${port}`]
      const doors = await findDoors({ pid: undefined, hosts, ownCertificate: other.cert })
      const found = doors.find(({ address }) => address === `127.0.0.1:${port}`)
      assert.equal(found?.is, kind)
    })
  }
})

describe("the engine's process", () => {
  const folder = temporaryFolder()
  const started: ChildProcess[] = []
  after(() => started.forEach((child) => child.kill('SIGKILL')))
  /** A process with the command line of a dockerd. */
  const dockerd = async (...args: readonly string[]): Promise<void> => {
    const stay = ['-e', 'process.stdout.write("up"); setInterval(() => {}, 1000)', '--']
    const child = spawn(process.execPath, [...stay, ...args], { argv0: 'dockerd' })
    started.push(child)
    await once(child.stdout, 'data')
  }
  it('is known by its socket, and tells its options and its daemon.json', async () => {
    const socket = join(folder, 'one.sock')
    const config = join(folder, 'daemon.json')
    writeFileSync(config, '{"icc": false, "storage-opts": ["dm.basesize=1G"], "labels": []}')
    const tcp = ['-H', 'tcp://127.0.0.1:1', '--tlsverify', '--log-level=debug']
    await dockerd('--host', `unix://${socket}`, ...tcp, '--config-file', config)
    const found = findDaemon(socket)
    assert.ok(typeof found !== 'string')
    const wanted = {
      host: [`unix://${socket}`, 'tcp://127.0.0.1:1'],
      tlsverify: ['true'],
      'log-level': ['debug'],
      icc: ['false'],
      'storage-opt': ['dm.basesize=1G'],
      labels: undefined,
    }
    for (const [name, values] of Object.entries(wanted)) {
      assert.deepEqual(found.options.get(name), values, name)
    }
  })

  it('is not another one that runs beside it', async () => {
    await dockerd('--host', `unix://${folder}/two.sock`)
    assert.equal(typeof findDaemon(join(folder, 'three.sock')), 'string')
  })

  it('is none of two that say the same', async () => {
    await dockerd('--host', `unix://${folder}/two.sock`)
    assert.equal(typeof findDaemon(join(folder, 'two.sock')), 'string')
  })
})

/** Nothing of a test is left listening. */
it('a door that is closed is not found', async () => {
  const server = createHttp().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  await assert.rejects(once(connect(port, '127.0.0.1'), 'connect'))
  const hosts = [`tcp://127.0.0.1:${port}`]
  const doors = await findDoors({ pid: undefined, hosts, ownCertificate: undefined })
  assert.ok(!doors.some(({ address }) => address.endsWith(`:${port}`)))
})
