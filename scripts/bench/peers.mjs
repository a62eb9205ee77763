// The gates that are compared: each in front of the same unix socket, with the same certificates, told
// to ask for a client's. A peer that is not installed is left out, and the report says so.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { connect } from 'node:tls'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'

const root = fileURLToPath(new URL('../..', import.meta.url))

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Certificates for all of them: the gateway's own CA makes them. */
export function makeCertificates(home) {
  const env = { ...process.env, DOCKGATE_HOME: home }
  const ca = (...args) => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(root, 'dist/main.js'), 'ca', ...args],
      {
        env,
        encoding: 'utf8',
      },
    )
    if (status !== 0) throw new Error(`ca ${args[0]}: ${stderr}`)
  }
  ca('init')
  ca('server', '--name', 'localhost', '--ip', '127.0.0.1')
  for (const name of ['admin', 'dev', 'nobody']) ca('issue', name)
  const certs = join(home, 'certs')
  const both =
    readFileSync(join(certs, 'server/cert.pem'), 'utf8') +
    readFileSync(join(certs, 'server/key.pem'), 'utf8')
  writeFileSync(join(home, 'server-both.pem'), both, { mode: 0o600 })
  return certs
}

const haproxyConf = ({ port, socketPath, home }) => `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 24h
frontend docker
  bind 127.0.0.1:${port} ssl crt ${home}/server-both.pem ca-file ${home}/certs/ca.pem verify required
  default_backend engine
backend engine
  http-reuse always
  server engine unix@${socketPath}
`

const nginxConf = ({ port, socketPath, home }) => `daemon off;
${process.getuid() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${home}/nginx.pid;
error_log ${home}/nginx.log;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${home}/nginx-body;
  proxy_temp_path ${home}/nginx-proxy;
  fastcgi_temp_path ${home}/nginx-f; uwsgi_temp_path ${home}/nginx-u; scgi_temp_path ${home}/nginx-s;
  upstream engine { server unix:${socketPath}; keepalive 64; }
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${home}/certs/server/cert.pem;
    ssl_certificate_key ${home}/certs/server/key.pem;
    ssl_client_certificate ${home}/certs/ca.pem;
    ssl_verify_client on;
    ssl_session_cache shared:s:1m;
    client_max_body_size 0;
    keepalive_requests 100000000;
    location / {
      proxy_pass http://engine;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Upgrade $http_upgrade;
      proxy_read_timeout 24h;
    }
  }
}
`

/** Name → how it is started; undefined where it is not here. */
export function knownPeers(nodes) {
  const peers = {}
  for (const [suffix, node] of nodes) {
    peers[`dockgate${suffix}`] = (place) => startDockgate(place, node)
    peers[`bare${suffix}`] = ({ port, socketPath, home }) =>
      run(node, [join(root, 'scripts/bench/bare.mjs'), port, socketPath, join(home, 'certs')])
  }
  if (existsSync('/usr/sbin/haproxy')) {
    peers.haproxy = (place) => {
      const conf = join(place.home, 'haproxy.cfg')
      writeFileSync(conf, haproxyConf(place))
      return run('/usr/sbin/haproxy', ['-db', '-f', conf])
    }
  }
  if (existsSync('/usr/sbin/nginx')) {
    peers.nginx = (place) => {
      const conf = join(place.home, 'nginx.conf')
      writeFileSync(conf, nginxConf(place))
      return run('/usr/sbin/nginx', ['-c', conf])
    }
  }
  // DOCKGATE_BENCH_PEER="name=/path/to/gate --listen 127.0.0.1:{port} --socket {socket} --certs {certs}"
  const [name, command] = (process.env.DOCKGATE_BENCH_PEER ?? '').split(/=(.*)/s)
  if (command !== undefined) {
    peers[name] = ({ port, socketPath, home }) => {
      const [file, ...args] = command
        .split(' ')
        .map((word) =>
          word
            .replaceAll('{port}', port)
            .replaceAll('{socket}', socketPath)
            .replaceAll('{certs}', join(home, 'certs')),
        )
      return run(file, args)
    }
  }
  return peers
}

function startDockgate({ port, socketPath, home, roles }, node) {
  const own = join(home, `dockgate-${port}`)
  mkdirSync(own)
  spawnSync('cp', ['-r', join(home, 'certs'), own])
  writeFileSync(join(own, 'roles.yaml'), roles)
  // What it can do is measured, not what it lets one client do.
  const limits = '{ client: { requests: none, inFlight: none }, address: { handshakes: none } }'
  writeFileSync(join(own, 'dockgate.yaml'), `limits: ${limits}\n`)
  // As `npm start`, the image and the unit start it.
  return run(node, ['--min-semi-space-size=16', join(root, 'dist/main.js'), 'serve'], {
    DOCKGATE_HOME: own,
    DOCKGATE_LISTEN: `127.0.0.1:${port}`,
    DOCKGATE_ENGINE: `unix://${socketPath}`,
    DOCKGATE_LOG: 'error',
  })
}

function run(file, args, env = {}) {
  return spawn(file, args.map(String), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', process.env.DOCKGATE_BENCH_VERBOSE ? 'inherit' : 'ignore'],
  })
}

/** A running peer: its port, what it costs, and its end. Resolves once it answers a handshake. */
export async function startPeer(name, start, place) {
  const port = await freePort()
  const began = performance.now()
  const child = start({ ...place, port })
  const tls = { host: '127.0.0.1', port, servername: 'localhost', ...place.identity }
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
    if (await answers(tls)) break
    if (performance.now() - began > 15_000) throw new Error(`${name} does not answer`)
    await sleep(5)
  }
  const readyMs = performance.now() - began
  return {
    name,
    port,
    pid: child.pid,
    readyMs,
    cpuMs: () => cpuOf(child.pid),
    rssKb: () => rssOf(child.pid),
    async stop() {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGTERM')
      const patience = setTimeout(() => child.kill('SIGKILL'), 3_000)
      if (child.exitCode === null) await ended
      clearTimeout(patience)
    },
  }
}

function answers(options) {
  return new Promise((resolve) => {
    const socket = connect(options, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** The process and those that it has started. */
function family(pid) {
  const parents = new Map()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      parents.set(Number(entry), { parent: Number(fields[1]), fields })
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = [pid]
  for (let index = 0; index < found.length; index++) {
    for (const [child, { parent }] of parents) if (parent === found[index]) found.push(child)
  }
  return found.flatMap((one) => parents.get(one) ?? [])
}

const tickMs = 1000 / Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout)

function cpuOf(pid) {
  return family(pid).reduce(
    (sum, { fields }) => sum + (Number(fields[11]) + Number(fields[12])) * tickMs,
    0,
  )
}

function rssOf(pid) {
  return family(pid).reduce((sum, { fields }) => sum + Number(fields[21]) * 4, 0)
}
