// The kinds of work: each says what it measures and gives numbers for one peer, in one short round.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerReader, hammer, head, once, open } from './load.mjs'

const gib = 1024 ** 3
/** How much a round streams; what is told is by the GiB. */
const streamed = gib / 2
/** How long a round asks. */
const askMs = 1000
const json = { 'Content-Type': 'application/json' }
const fixtures = new URL('../../test/fixtures/attacks.json', import.meta.url)
/** What docker 28 sends for `docker run` with a dozen options. */
const createBody = JSON.parse(readFileSync(fileURLToPath(fixtures), 'utf8'))
  .find(({ id }) => id === 'ok-cli28-create-full')
  .rawBody.replace('"Binds":["{{tag}}mydata:/d"]', '"Binds":null')
  .replace(/"Binds":\[[^\]]*\]/, '"Binds":null')
  .trim()

/** CPU of the process under test and wall time, each per unit, from the start or from `begin`. */
async function measured(peer, act) {
  let cpuBefore
  let began
  const begin = () => {
    cpuBefore = peer.cpuMs()
    began = performance.now()
  }
  begin()
  const units = await act(begin)
  const ms = performance.now() - began
  return { cpuUs: ((peer.cpuMs() - cpuBefore) * 1000) / units, perSecond: (units * 1000) / ms }
}

const requests = (name, request, { connections, who = 'admin', status = 200, ms = askMs }) => ({
  name,
  unit: 'µs CPU a request',
  run: (peer, { identities }) =>
    measured(peer, (opened) =>
      hammer(peer, identities[who], request, { connections, ms, status, opened }),
    ),
})

const ping = head('GET', '/_ping')
const list = head('GET', '/v1.41/containers/json')
const create = head('POST', '/v1.41/containers/create', json, createBody)

export const works = [
  ...[1, 16, 128].map((connections) =>
    requests(`GET /_ping, ${connections} connections`, ping, { connections }),
  ),
  ...[1, 16, 128].map((connections) =>
    requests(`GET /containers/json, ${connections} connections`, list, { connections }),
  ),
  requests(
    'GET /containers/json of 500, 16 connections',
    head('GET', '/v1.41/containers/json?all=1'),
    { connections: 16 },
  ),
  {
    ...requests('the same by a role with limits, 16 connections', list, {
      connections: 16,
      who: 'dev',
    }),
    only: /dockgate/,
  },
  {
    ...requests('denied, 16 connections', list, { connections: 16, who: 'nobody', status: 403 }),
    only: /dockgate/,
  },
  requests('POST /containers/create as admin, 16 connections', create, {
    connections: 16,
    status: 201,
  }),
  {
    ...requests('the same, judged', create, { connections: 16, who: 'dev', status: 201 }),
    only: /dockgate/,
  },
  {
    name: 'new connections with one request, full handshake',
    unit: 'µs CPU a connection',
    run: (peer, { identities }) => newConnections(peer, identities.admin, false),
  },
  {
    name: 'new connections with one request, resumed',
    unit: 'µs CPU a connection',
    run: (peer, { identities }) => newConnections(peer, identities.admin, true),
  },
  ...[1, 4].flatMap((streams) => [
    {
      name: `1 GiB down in ${streams} streams`,
      unit: 'ms CPU a GiB',
      most: 2,
      run: (peer, { identities }) => stream(peer, identities.admin, streams, down),
    },
    {
      name: `1 GiB up in ${streams} streams`,
      unit: 'ms CPU a GiB',
      most: 2,
      run: (peer, { identities }) => stream(peer, identities.admin, streams, up),
    },
  ]),
  {
    name: '1 GiB up in chunks in 1 stream',
    unit: 'ms CPU a GiB',
    most: 2,
    run: (peer, { identities }) => stream(peer, identities.admin, 1, upInChunks),
  },
  {
    name: 'round trips over one attach',
    unit: 'µs CPU a round trip',
    run: (peer, { identities }) => measured(peer, () => roundTrips(peer, identities.admin)),
  },
  {
    name: '128 MiB there and back through one attach',
    unit: 'ms CPU a GiB',
    most: 2,
    run: (peer, { identities }) => echo(peer, identities.admin),
  },
  {
    name: '1,000 idle streams, beyond their TLS sockets',
    unit: 'KB a stream',
    most: 1,
    run: (peer, { identities }) => idle(peer, identities.admin),
  },
]

/** Node compiles what is often used: that shall not count for whoever comes first. */
export async function warmUp(peer, identity) {
  for (const request of [ping, list]) {
    await hammer(peer, identity, request, { connections: 16, ms: 3000, status: 200 })
  }
  await newConnections(peer, identity, false)
}

async function newConnections(peer, identity, resume) {
  let session
  if (resume) session = (await once(peer, identity, ping)).ticket
  let reused = 0
  const numbers = await measured(peer, async () => {
    let count = 0
    const end = performance.now() + 2 * askMs
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        while (performance.now() < end) {
          const { resumed, ticket } = await once(peer, identity, ping, session)
          if (resume) session = ticket ?? session
          if (resumed) reused++
          count++
        }
      }),
    )
    return count
  })
  return { ...numbers, ...(resume ? { resumed: reused > 0 } : {}) }
}

async function stream(peer, identity, streams, direction) {
  const each = streamed / streams
  const { cpuUs, perSecond } = await measured(peer, async () => {
    await Promise.all(Array.from({ length: streams }, () => direction(peer, identity, each)))
    return 1
  })
  return perGib({ cpuUs, perSecond }, streamed)
}

async function down(peer, identity, bytes) {
  const socket = await open(peer, identity)
  socket.write(head('GET', `/v1.41/images/get?names=${bytes}`))
  let left = bytes
  await new Promise((resolve, reject) => {
    socket.on('data', (part) => {
      left -= part.length
      if (left <= 0) resolve()
    })
    socket.once('close', () => reject(new Error(`${peer.name} broke off a stream`)))
  })
  socket.removeAllListeners('close').destroy()
}

const block = Buffer.alloc(256 * 1024, 'y')
const chunk = Buffer.alloc(32 * 1024 + 8, 'y')
chunk.write('8000\r\n', 'latin1')
chunk.write('\r\n', chunk.length - 2, 'latin1')
/** The same in chunks of the size that Go's client makes of a file. */
const blockInChunks = Buffer.concat(Array.from({ length: 8 }, () => chunk))

/** Writes so many blocks at the pace at which they are taken, and then `last`. */
function pour(socket, blocks, bytes = block, last) {
  let left = blocks
  const more = () => {
    while (left > 0) {
      left -= 1
      if (!socket.write(bytes)) {
        socket.once('drain', more)
        return
      }
    }
    if (last !== undefined) socket.write(last)
  }
  more()
}

async function send(peer, identity, framing, ...poured) {
  const socket = await open(peer, identity)
  socket.write(
    `POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar\r\n${framing}\r\n\r\n`,
  )
  const answered = new Promise((resolve, reject) => {
    socket.on('data', answerReader(resolve))
    socket.once('close', () => reject(new Error(`${peer.name} broke off a stream`)))
  })
  pour(socket, ...poured)
  await answered
  socket.removeAllListeners('close').destroy()
}

function up(peer, identity, bytes) {
  return send(peer, identity, `Content-Length: ${bytes}`, bytes / block.length)
}

function upInChunks(peer, identity, bytes) {
  const blocks = bytes / block.length
  return send(peer, identity, 'Transfer-Encoding: chunked', blocks, blockInChunks, '0\r\n\r\n')
}

function perGib({ cpuUs, perSecond }, bytes) {
  const share = bytes / gib
  return { cpuUs: cpuUs / 1000 / share, perSecond: perSecond * 1024 * share, rate: 'MiB/s' }
}

async function attach(peer, identity) {
  const socket = await open(peer, identity)
  const upgrade = { Connection: 'Upgrade', Upgrade: 'tcp' }
  socket.write(head('POST', '/v1.41/containers/web/attach?stream=1&stdin=1&stdout=1', upgrade))
  await new Promise((resolve) => socket.once('data', resolve))
  return socket
}

async function echo(peer, identity) {
  const bytes = gib / 8
  const socket = await attach(peer, identity)
  const numbers = await measured(peer, async () => {
    let back = bytes
    await new Promise((resolve, reject) => {
      socket.on('data', (part) => {
        back -= part.length
        if (back <= 0) resolve()
      })
      socket.once('close', () => reject(new Error(`${peer.name} broke off a stream`)))
      pour(socket, bytes / block.length)
    })
    return 1
  })
  socket.removeAllListeners('close').destroy()
  return perGib(numbers, bytes)
}

async function roundTrips(peer, identity) {
  const socket = await attach(peer, identity)
  const end = performance.now() + 2 * askMs
  let count = 0
  await new Promise((resolve, reject) => {
    socket.on('data', () => {
      count++
      if (performance.now() > end) resolve()
      else socket.write('x')
    })
    socket.once('close', () => reject(new Error(`${peer.name} broke off a stream`)))
    socket.write('x')
  })
  socket.removeAllListeners('close').destroy()
  return count
}

async function idle(peer, identity) {
  const count = 1000
  const warm = await open(peer, identity)
  warm.write(ping)
  await new Promise((resolve) => warm.once('data', resolve))
  const sockets = []
  for (let made = 0; made < count; made += 50) {
    sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => open(peer, identity)))))
  }
  await sleep(500)
  const before = peer.rssKb()
  await Promise.all(
    sockets.map((socket) => {
      const said = new Promise((resolve) => socket.once('data', resolve))
      socket.write(head('GET', '/v1.41/events'))
      return said
    }),
  )
  await sleep(1000)
  const kb = peer.rssKb() - before
  for (const socket of [...sockets, warm]) socket.destroy()
  return { cpuUs: kb / count, perSecond: before, rate: 'KB with the sockets alone' }
}
