// docker commands from start to end, on a real engine: by its own TLS listener, and through the gates in
// front of its socket.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { engineDown, engineUp } from '../engine/lifecycle.mjs'
import { attachTrips } from './attach-trips.mjs'
import { knownPeers, startPeer } from './peers.mjs'

const commands = [
  ['version'],
  ['ps'],
  ['run', '--rm', '--network', 'none', 'busybox:local', 'true'],
]

export async function commandLines({ home, certs, roles, say, rounds }) {
  const program = ['/usr/bin/docker', '/usr/local/bin/docker'].find((path) => existsSync(path))
  if (program === undefined || process.getuid() !== 0) {
    say('no docker command, or not root: the command line is left out')
    return []
  }
  const engine = await engineUp('bench', { tied: true, say })
  const socketPath = engine.engine.slice('unix://'.length)
  const own = mkdtempSync(join(home, 'line-'))
  const config = join(own, 'config')
  mkdirSync(config)
  const bundle = join(certs, 'clients/admin')
  const read = (name) => readFileSync(join(bundle, name))
  const identity = { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
  const known = knownPeers([['', process.execPath]])
  const gates = []
  try {
    for (const name of ['dockgate', 'bare', 'haproxy']) {
      if (known[name] === undefined) continue
      gates.push(await startPeer(name, known[name], { home, socketPath, roles, identity }))
    }
    const commanded = gates.filter(({ name }) => name !== 'bare')
    const targets = new Map([
      ['engine', { DOCKER_HOST: engine.tls.host, DOCKER_CERT_PATH: engine.tls.certPath }],
      ...commanded.map((gate) => [
        gate.name,
        { DOCKER_HOST: `tcp://127.0.0.1:${gate.port}`, DOCKER_CERT_PATH: bundle },
      ]),
    ])
    const rows = [await attachTrips({ engine: engine.tls, gates, socketPath, identity, rounds })]
    for (const args of commands) {
      const times = new Map([...targets.keys()].map((name) => [name, []]))
      for (let round = 0; round < rounds * 4; round++) {
        for (const [name, target] of targets) {
          const env = {
            PATH: process.env.PATH,
            HOME: own,
            DOCKER_CONFIG: config,
            DOCKER_TLS_VERIFY: '1',
            ...target,
          }
          const began = performance.now()
          const child = spawn(program, args, { env, stdio: 'ignore' })
          const [code] = await once(child, 'close')
          if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code} on ${name}`)
          times.get(name).push(performance.now() - began)
        }
      }
      const row = { name: `docker ${args.join(' ')}`, unit: 'ms from start to end', peers: {} }
      for (const name of ['dockgate', 'engine', 'haproxy']) {
        const sorted = times.get(name)?.toSorted((one, two) => one - two)
        if (sorted === undefined) continue
        row.peers[name] = {
          value: Math.round(sorted[Math.floor(sorted.length / 2)] * 10) / 10,
          from: Math.round(sorted[0]),
          to: Math.round(sorted.at(-1)),
          perSecond: sorted.length,
          rate: 'runs',
        }
      }
      rows.push(row)
    }
    return rows
  } finally {
    await Promise.all(gates.map((gate) => gate.stop()))
    await engineDown('bench')
    rmSync(own, { recursive: true, force: true })
  }
}
