// Strangers, who have no certificate: they cost a handshake, few at a time, and keep nobody else from
// working. Every flood here is real, small, and from an address of its own on the loopback.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import {
  closed,
  startCrowdedGateway,
  until,
  type CrowdedGateway,
} from '../helpers/crowded-gateway.ts'

const roles = `grants:
  - { to: { name: bob }, roles: [admin] }
  - { to: { name: monitor }, roles: [admin] }
`
const settings = `limits:
  address: { handshakes: 40/s, waiting: 12 }
  all: { connections: 60, waiting: 20 }
  time: { handshake: 1s }
`
let site: CrowdedGateway
before(async () => {
  site = await startCrowdedGateway(roles, settings)
})
after(() => site.stop())

describe('somebody without a certificate', () => {
  /** Connections from an address of its own, so that nobody else here is held to its limits. */
  const silent = async (localAddress: string): Promise<Socket> => {
    const socket = connectTcp({ host: '127.0.0.1', port: site.gateway.port, localAddress })
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  const stranger = async (localAddress: string): Promise<TLSSocket | undefined> => {
    const { ca } = site.gateway.authority
    const socket = connectTls({ socket: await silent(localAddress), ca, servername: 'localhost' })
    socket.on('error', () => {})
    const shaken = once(socket, 'secureConnect').then(() => socket)
    return Promise.race([shaken, closed(socket)])
  }

  it('costs a handshake: nothing that comes after it is read, and few lines of log', async () => {
    const asked = site.engine.asked
    const residentBefore = site.residentBytes()
    const linesBefore = site.gateway.log().split('\n').length
    const began = Date.now()
    let written = 0
    for (let index = 0; index < 60; index++) {
      const socket = await stranger('127.0.0.20')
      if (socket === undefined) continue
      const bomb = Buffer.alloc(1024 * 1024, 'GET /info HTTP/1.1\r\nHost: x\r\n\r\n')
      socket.write(bomb, (error) => (written += error ? 0 : 1))
      await closed(socket)
      assert.equal(socket.bytesRead, 0)
    }
    const seconds = 1 + (Date.now() - began) / 1_000
    // Before the metrics are read, which ask the engine whether it is there.
    assert.equal(site.engine.asked, asked)
    assert.equal(
      await site.metric('dockgate_connections_refused_total{cause="no-certificate"}'),
      60,
    )
    const grown = site.residentBytes() - residentBefore
    assert.ok(grown < 48 * 1024 * 1024, `${grown} bytes, ${written} written`)
    const lines = site.gateway.log().split('\n').length - linesBefore
    assert.ok(lines <= 5 * (seconds + 1), `${lines} lines in ${seconds} s`)
  })

  it('may begin so many handshakes a second, and keeps no other address from theirs', async () => {
    const shedBefore = await site.shed('address.handshakes')
    // Without a word of TLS each costs the least there is to send.
    const some = async (): Promise<void> => {
      const all: Promise<unknown>[] = []
      for (let index = 0; index < 200; index++) {
        const socket = connectTcp({
          host: '127.0.0.1',
          port: site.gateway.port,
          localAddress: '127.0.0.30',
        })
        socket.on('error', () => {})
        all.push(closed(socket))
        socket.once('connect', () => socket.end())
      }
      await Promise.all(all)
    }
    let begun = 0
    while ((await site.shed('address.handshakes')) === shedBefore && begun < 10_000) {
      await some()
      begun += 200
    }
    await some()
    const turnedAway = (await site.shed('address.handshakes')) - shedBefore
    assert.ok(begun >= 400 && turnedAway > 0, `${turnedAway} of ${begun}`)
    assert.equal((await site.ask('bob', '/info')).status, 200)
    await until(async () => (await stranger('127.0.0.30')) !== undefined)
  })

  it('and without a word holds few places for a short time, the oldest going first', async () => {
    const first = await Promise.all(Array.from({ length: 30 }, () => silent('127.0.0.40')))
    await until(() => first.filter(({ destroyed }) => destroyed).length === 18)
    assert.equal((await site.ask('bob', '/info')).status, 200)
    const second = await Promise.all(
      ['127.0.0.41', '127.0.0.42', '127.0.0.43'].flatMap((address) =>
        Array.from({ length: 10 }, () => silent(address)),
      ),
    )
    await until(() => [...first, ...second].filter(({ destroyed }) => !destroyed).length <= 20)
    assert.equal((await site.ask('bob', '/info')).status, 200)
    // A second, and they are gone.
    await until(() => [...first, ...second].every(({ destroyed }) => destroyed))
    assert.equal(await site.metric('dockgate_load{of="waiting"}'), 0)
  })

  it('and everybody else is turned away beyond the connections of all', async () => {
    const shedBefore = await site.shed('all.connections')
    const connected: Socket[] = []
    for (let index = 0; index < 80; index++) {
      const identity = site.gateway.identity(`many-${index}`)
      const socket = await site.gateway
        .connect(identity, { socket: await silent(`127.0.0.${60 + (index % 8)}`) })
        .catch(() => undefined)
      if (socket !== undefined) connected.push(socket)
    }
    assert.ok(connected.length >= 50 && connected.length <= 60, String(connected.length))
    for (const socket of connected) socket.destroy()
    await until(async () => (await site.shed('all.connections').catch(() => 0)) >= shedBefore + 20)
  })
})
