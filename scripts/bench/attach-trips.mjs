// Round trips through one exec of a real container: by the engine's own TLS listener, and through the gates.
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { connect } from 'node:tls'

const roundMs = 800

/** `engine` is where its own listener is; `gates` stand in front of its socket. */
export async function execTrips({ engine, gates, socketPath, identity, rounds }) {
  const id = (
    await ask(socketPath, '/containers/create', {
      Image: 'busybox:local',
      Cmd: ['sleep', '600'],
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
    for (const [name, tls] of roads) {
      const exec = await ask(socketPath, `/containers/${id}/exec`, {
        Cmd: ['cat'],
        AttachStdin: true,
        AttachStdout: true,
      })
      found.get(name).push(await trips(tls, exec.Id))
    }
  }
  await ask(socketPath, `/containers/${id}?force=1`, undefined, 'DELETE')
  const row = { name: 'round trips through one exec', unit: 'µs a round trip', peers: {} }
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

async function trips(tls, exec) {
  const socket = connect(tls)
  socket.setTimeout(20_000, () => socket.destroy())
  socket.setNoDelay(true)
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  const body = '{"Detach":false,"Tty":false}'
  socket.write(
    `POST /v1.41/exec/${exec}/start HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await new Promise((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('close', () => reject(new Error('the exec did not begin')))
  })
  let count = 0
  const began = performance.now()
  await new Promise((resolve, reject) => {
    socket.on('data', () => {
      count++
      if (performance.now() - began > roundMs) resolve()
      else socket.write('x\n')
    })
    socket.once('close', () => reject(new Error('the exec broke off')))
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
