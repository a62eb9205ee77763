// Round trips through one attach to a real container, as through an exec: by the engine's own TLS listener,
// and through the gates. HAProxy takes the upgrade off a request with a body, as exec's is.
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { connect } from 'node:tls'

const roundMs = 800

/** `engine` is where its own listener is; `gates` stand in front of its socket. */
export async function attachTrips({ engine, gates, socketPath, identity, rounds }) {
  const id = (
    await ask(socketPath, '/containers/create', {
      Image: 'busybox:local',
      Cmd: ['cat'],
      OpenStdin: true,
      HostConfig: { NetworkMode: 'none' },
    })
  ).Id
  await ask(socketPath, `/containers/${id}/start`)
  const own = Object.fromEntries(
    ['ca', 'cert', 'key'].map((name) => [name, readFileSync(`${engine.certPath}/${name}.pem`)]),
  )
  const { hostname, port } = new URL(engine.host)
  const roads = [
    ...gates.map((gate) => [
      gate.name,
      { host: '127.0.0.1', port: gate.port, servername: 'localhost', ...identity },
    ]),
    ['engine', { host: hostname, port: Number(port), ...own }],
  ]
  const found = new Map(roads.map(([name]) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, tls] of roads) found.get(name).push(await trips(tls, id))
  }
  await ask(socketPath, `/containers/${id}?force=1`, undefined, 'DELETE')
  const row = {
    name: 'round trips through one attach to a container',
    unit: 'µs a round trip',
    peers: {},
  }
  for (const [name, values] of found) {
    values.sort((one, two) => one - two)
    const middle = values[Math.floor(values.length / 2)]
    row.peers[name] = {
      value: Math.round(middle),
      from: Math.round(values[0]),
      to: Math.round(values.at(-1)),
      perSecond: Math.round(1e6 / middle),
    }
  }
  return row
}

async function trips(tls, id) {
  const socket = connect(tls)
  socket.setTimeout(20_000, () => socket.destroy())
  socket.setNoDelay(true)
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  socket.write(
    `POST /v1.41/containers/${id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\n` +
      'Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n',
  )
  await new Promise((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('close', () => reject(new Error('the attach did not begin')))
  })
  let count = 0
  const began = performance.now()
  await new Promise((resolve, reject) => {
    socket.on('data', () => {
      count++
      if (performance.now() - began > roundMs) resolve()
      else socket.write('x\n')
    })
    socket.once('close', () => reject(new Error('the attach broke off')))
    socket.write('x\n')
  })
  const ms = performance.now() - began
  socket.removeAllListeners('close').destroy()
  return (ms * 1000) / count
}

function ask(socketPath, path, body, method = 'POST') {
  return new Promise((resolve, reject) => {
    const asked = http.request(
      { socketPath, method, path, headers: { 'Content-Type': 'application/json' } },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part) => (text += part))
        answer.on('end', () => {
          if (answer.statusCode >= 400) reject(new Error(`${path}: ${text}`))
          else resolve(text === '' ? {} : JSON.parse(text))
        })
      },
    )
    asked.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
}
