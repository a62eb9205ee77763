// Holds many live streams through a gateway and runs steady traffic beside them, on a real engine, and
// says whether memory, file descriptors, sockets and timers stay flat.
// Usage: node scripts/soak.mjs [--streams 200] [--seconds 60] [--rate 2] [--workers 1] [--json]
//   --streams  live `logs -f` and `events`, half of each
//   --rate     requests a second beside them: mostly ps, now and then a whole run or exec
// Exit code 0: everything is flat, and gone when the streams are; 1: it is not, and what.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { engineDown, engineUp } from './engine/lifecycle.mjs'
import { sampleOf, slopeOf } from './soak/measure.mjs'
import { ask, openStream } from './soak/traffic.mjs'

const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'main.js')
const text = { type: 'string' }
const { values } = parseArgs({
  options: {
    streams: { ...text, default: '200' },
    seconds: { ...text, default: '60' },
    rate: { ...text, default: '2' },
    workers: { ...text, default: '1' },
    json: { type: 'boolean' },
  },
})
const numbers = Object.fromEntries(
  ['streams', 'seconds', 'rate', 'workers'].map((name) => [name, Number(values[name])]),
)
if (Object.values(numbers).some((number) => !(number > 0))) {
  say('every option takes a number above zero')
  process.exit(2)
}

/** Containers that say something now and then; streams share them, as people share services. */
const talkers = 10
const word = `soak-${process.pid}`
const home = mkdtempSync(join(tmpdir(), 'dockgate-soak-'))
const engine = await engineUp('main', { tied: true, say })
const env = {
  PATH: process.env.PATH,
  DOCKGATE_HOME: home,
  DOCKGATE_ENGINE: engine.engine,
  DOCKGATE_LISTEN: '127.0.0.1:0',
  DOCKGATE_GRACE: '1s',
  DOCKGATE_LOG: 'warn',
  DOCKGATE_WORKERS: values.workers,
}
let gateway
let exitCode = 1
try {
  for (const args of ['init', 'server', 'issue soak']) await run(['ca', ...args.split(' ')])
  writeFileSync(join(home, 'roles.yaml'), 'grants: [{ to: { name: soak }, roles: [admin] }]\n')
  gateway = spawn(process.execPath, [main, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface(gateway.stdout), 'line')
  const bundle = join(home, 'certs/clients/soak')
  const pem = (name) => readFileSync(join(bundle, `${name}.pem`))
  const door = {
    port: Number(/:(\d+)$/.exec(line)[1]),
    tls: { ca: pem('ca'), cert: pem('cert'), key: pem('key') },
  }
  const docker = {
    DOCKER_HOST: `tcp://localhost:${door.port}`,
    DOCKER_CERT_PATH: bundle,
    DOCKER_TLS_VERIFY: '1',
    PATH: process.env.PATH,
    HOME: home,
  }
  exitCode = await soak(door, docker)
} finally {
  for (let index = 0; index < talkers; index++) {
    await ask(
      { socketPath: engine.engine.slice('unix://'.length) },
      'DELETE',
      `/containers/${word}-${index}?force=1`,
    ).catch(() => undefined)
  }
  gateway?.kill('SIGTERM')
  if (gateway !== undefined) await once(gateway, 'close')
  rmSync(home, { recursive: true, force: true })
  if (engine.started) await engineDown('main')
}
process.exit(exitCode)

async function soak(door, docker) {
  for (let index = 0; index < talkers; index++) {
    const body = { Image: 'busybox:local', Cmd: ['sh', '-c', 'while :; do date; sleep 5; done'] }
    await ask(door, 'POST', `/containers/create?name=${word}-${index}`, body)
    await ask(door, 'POST', `/containers/${word}-${index}/start`)
  }
  const sample = () => sampleOf(gateway.pid, () => ask(door, 'GET', '/_dockgate/metrics'))
  const before = await sample()
  const streams = []
  for (let index = 0; index < numbers.streams; index++) {
    const name = `${word}-${Math.floor(index / 2) % talkers}`
    const path = index % 2 === 0 ? `/containers/${name}/logs?follow=1&stdout=1&tail=1` : '/events'
    streams.push(await openStream(door, path))
  }
  say(`${streams.length} streams are open`)

  const counts = { ps: 0, run: 0, exec: 0, failed: 0 }
  const until = Date.now() + numbers.seconds * 1_000
  const traffic = keepBusy(door, docker, until, counts)
  const samples = []
  const everyMs = Math.max(1_000, (numbers.seconds * 1_000) / 60)
  while (Date.now() < until) {
    samples.push(await sample())
    await sleep(Math.min(everyMs, Math.max(0, until - Date.now())))
  }
  await traffic
  const lost = streams.filter(({ isOpen }) => !isOpen()).length
  const silent = streams.filter(({ bytes }) => bytes() === 0).length
  const last = await sample()
  for (const { close } of streams) close()
  const after = await settled(sample, before)
  const rows = JSON.parse(await ask(door, 'GET', '/_dockgate/sessions'))
  const left = rows.map(({ operation, id, since }) => `${operation} ${id} of ${seconds(since)}`)
  return report({ before, samples, last, after, counts, lost, silent, left })
}

async function keepBusy(door, docker, until, counts) {
  const pending = new Set()
  for (let turn = 0; Date.now() < until; turn++) {
    const kind = turn % 40 === 20 ? 'run' : turn % 10 === 5 ? 'exec' : 'ps'
    const act =
      kind === 'ps'
        ? ask(door, 'GET', '/containers/json')
        : command(
            docker,
            kind === 'run'
              ? ['run', '--rm', 'busybox:local', 'true']
              : ['exec', `${word}-0`, 'true'],
          )
    const counted = act.then(
      () => counts[kind]++,
      (error) => {
        say(String(error))
        counts.failed++
      },
    )
    pending.add(counted)
    void counted.finally(() => pending.delete(counted))
    await sleep(1_000 / numbers.rate)
  }
  await Promise.all(pending)
}

/** What is closed takes a moment to be gone at the engine's end, too. */
async function settled(sample, before) {
  for (let tries = 0; ; tries++) {
    const now = await sample()
    const isBack = now.fds <= before.fds + numbers.workers * 5 && now.sessions <= 1
    if (tries === 20 || isBack) return now
    await sleep(1_000)
  }
}

function report({ before, samples, last, after, counts, lost, silent, left: sessionsLeft }) {
  // The first third fills caches and pools.
  const steady = samples.slice(Math.floor(samples.length / 3))
  const slopesEachMinute = Object.fromEntries(
    ['rssMiB', 'heapMiB', 'fds', 'timers', 'sockets'].map((key) => [key, slopeOf(steady, key)]),
  )
  const faults = []
  if (lost > 0) faults.push(`${lost} streams were cut`)
  if (silent > 0) faults.push(`${silent} streams said nothing`)
  if (counts.failed > 0) faults.push(`${counts.failed} requests failed`)
  const minutes = numbers.seconds / 60
  // In a minute the collector alone moves more than any leak; over an hour it does not.
  const grown = slopesEachMinute.heapMiB * minutes * (2 / 3)
  if (grown > 16 + minutes / 2) faults.push(`the heap grew by ${grown.toFixed(1)} MiB`)
  for (const key of ['fds', 'timers', 'sockets']) {
    const more = slopesEachMinute[key] * minutes * (2 / 3)
    if (Math.abs(more) > 10 + numbers.streams / 50) faults.push(`${key} grew by ${more.toFixed(1)}`)
  }
  // Pooled connections to the engine stay.
  const left = after.fds - before.fds
  if (left > numbers.workers * 64) faults.push(`${left} file descriptors are left`)
  if (after.sessions > 1) {
    faults.push(`${after.sessions} sessions are left, and are told of: ${sessionsLeft.join(', ')}`)
  }
  const result = { ...numbers, counts, slopesEachMinute, before, last, after, faults, samples }
  if (values.json) console.log(JSON.stringify(result, null, 2))
  else {
    for (const [key, at] of Object.entries({ before, last, after })) console.log(key.padEnd(7), at)
    console.log('slopes each minute', slopesEachMinute, counts)
    console.log(faults.length === 0 ? 'flat' : faults.join('\n'))
  }
  return faults.length === 0 ? 0 : 1
}

async function command(environment, args) {
  const child = spawn('docker', args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  let words = ''
  child.stderr.on('data', (part) => (words += part))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${words}`)
}

async function run(args) {
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'ignore', 2] })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`dockgate ${args.join(' ')} ended with ${code}`)
}

function seconds(since) {
  return `${Math.round((Date.now() - since) / 1_000)} s`
}

function say(words) {
  process.stderr.write(`dockgate: ${words}\n`)
}
