// Brings a Docker engine of the tests' own up and down. It lives in its own namespaces (namespace.sh)
// with its data in `.test-engine/`, and is known by the id and the start time of its first process, so
// that nothing else is ever taken for it, nor ended in its place.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  rmSync,
} from 'node:fs'
import { closeSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { makeCertificates } from './certificates.mjs'
import { askEngine } from './engine-http.mjs'
import { importBusybox } from './image.mjs'
import { installPackages } from './packages.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const digest = createHash('sha256').update(here).digest('hex').slice(0, 8)
const home = join(here, '..', '..', '.test-engine')
const folder = engineFolder()
// Always here, wherever the data is, because the tests read it: test/helpers/engine.ts.
const stateFile = join(home, 'state.json')
const socketPath = join(folder, 'docker.sock')
const cgroup = `/dockgate-test-${digest}`
const readyWithinMs = 60_000

/** What runs, or undefined: only an engine that answers counts as running. */
export async function engineStatus() {
  const state = readState()
  if (state === undefined || startTime(state.pid) !== state.startTime) return undefined
  return (await answers()) ? state : undefined
}

/**
 * The running engine, or a new one. With `tied`, a new engine ends when this process ends, however it
 * ends. `started` tells whether it is new, so that a run of tests ends only what it began.
 */
export async function engineUp({ tied = false, say }) {
  const running = await engineStatus()
  if (running !== undefined) return { ...running, started: false }
  if (process.getuid() !== 0)
    throw new Error('the test engine needs root: dockerd does not run without')
  if (!existsSync('/sys/fs/cgroup'))
    throw new Error('the test engine needs cgroups under /sys/fs/cgroup')
  await engineDown()
  installPackages(say)
  say('starting dockerd in namespaces of its own')
  const state = await start(tied)
  try {
    await ready(state.pid)
    await importBusybox(socketPath, folder)
  } catch (error) {
    await engineDown()
    throw error
  }
  writeFileSync(stateFile, JSON.stringify(state, null, 2))
  return { ...state, started: true }
}

/** Ends the engine if it runs, and removes all that it left: data, interface, cgroups. */
export async function engineDown() {
  const state = readState()
  if (state !== undefined && startTime(state.pid) === state.startTime) {
    process.kill(state.pid, 'SIGKILL')
    await until(() => startTime(state.pid) !== state.startTime, 10_000, 'the engine does not end')
  }
  if (state !== undefined)
    spawnSync('ip', ['link', 'del', state.hostInterface], { stdio: 'ignore' })
  await removeCgroups()
  // The last process of the namespaces may still hold a mount for a moment after the first is gone.
  for (const path of [folder, home]) {
    await until(() => removeFolder(path), 10_000, `${path} cannot be removed`)
  }
}

async function start(tied) {
  for (const path of [home, folder]) mkdirSync(path, { recursive: true, mode: 0o700 })
  const network = freeNetwork()
  makeCertificates(join(folder, 'tls'), network.innerAddress)
  writeFileSync(
    join(folder, 'daemon.json'),
    JSON.stringify({ 'exec-opts': ['native.cgroupdriver=cgroupfs'] }),
  )
  writeFileSync(join(folder, 'registry.yml'), registryConfig(join(folder, 'registry')))
  const log = openSync(join(folder, 'namespace.log'), 'a')
  const { hostInterface, hostAddress, innerAddress } = network
  const script = join(here, 'namespace.sh')
  const args = [
    script,
    'outer',
    folder,
    process.pid,
    hostInterface,
    hostAddress,
    innerAddress,
    cgroup,
  ]
  const child = spawn(
    'unshare',
    ['--net', '--mount', '--uts', '--ipc', 'sh', ...args.map(String), tied ? 'tied' : 'free'],
    { stdio: [tied ? 'pipe' : 'ignore', log, log], detached: true, cwd: '/' },
  )
  closeSync(log)
  if (child.pid === undefined) throw new Error('the program "unshare" is missing')
  child.unref()
  child.stdin?.unref()
  const state = {
    pid: child.pid,
    startTime: startTime(child.pid),
    engine: `unix://${socketPath}`,
    tls: { host: `tcp://${innerAddress}:2376`, certPath: join(folder, 'tls') },
    registry: { inside: 'localhost:5000', outside: `${innerAddress}:5000` },
    hostInterface,
  }
  // Known from the first moment: a run that is cut off here is cleaned up by the next.
  writeFileSync(stateFile, JSON.stringify(state, null, 2))
  return state
}

async function ready(pid) {
  await until(
    async () => {
      if (startTime(pid) === undefined) throw new Error(`dockerd ended:\n${lastWords()}`)
      return answers()
    },
    readyWithinMs,
    'dockerd does not answer',
  )
}

async function answers() {
  try {
    const { status } = await askEngine(socketPath, 'GET', '/_ping')
    return status === 200
  } catch {
    return false
  }
}

function readState() {
  try {
    return JSON.parse(readFileSync(stateFile, 'utf8'))
  } catch {
    return undefined
  }
}

/** Field 22 of proc_pid_stat(5): with the id it names one process for all time since boot. */
function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** The path of a unix socket has at most 107 bytes; the longest here is containerd's. */
function engineFolder() {
  const longest = '/exec/containerd/containerd-debug.sock'
  if (home.length + longest.length < 108) return home
  return join(tmpdir(), `dockgate-engine-${digest}`)
}

/** A /30 of 198.18.0.0/15, which RFC 2544 keeps for tests of networks, that no interface here has. */
function freeNetwork() {
  const { stdout } = spawnSync('ip', ['-oneline', 'address', 'show'], { encoding: 'utf8' })
  const first = Number.parseInt(digest, 16) % 32_768
  for (let index = first; index < first + 100; index += 1) {
    const base = (198 << 24) + (18 << 16) + (index % 32_768) * 4
    const address = (host) =>
      [24, 16, 8, 0].map((shift) => ((base + host) >>> shift) & 255).join('.')
    if (!stdout.includes(` ${address(1)}/`)) {
      return { hostInterface: `dg${index}`, hostAddress: address(1), innerAddress: address(2) }
    }
  }
  throw new Error('no free network for the test engine in 198.18.0.0/15')
}

function registryConfig(root) {
  return `version: 0.1
log: { level: warn }
storage:
  filesystem: { rootdirectory: ${JSON.stringify(root)} }
  delete: { enabled: true }
http: { addr: ":5000" }
`
}

async function removeCgroups() {
  if (!existsSync('/sys/fs/cgroup')) return
  const roots = [
    '/sys/fs/cgroup',
    ...readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`),
  ]
  for (const path of roots.map((root) => root + cgroup)) {
    if (!existsSync(path)) continue
    await until(() => removeCgroup(path), 10_000, `${path} cannot be removed`)
  }
}

/** A cgroup is a folder whose files cannot be removed and vanish with it. */
function removeCgroup(path) {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(path, entry.name))
    }
    rmdirSync(path)
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EBUSY') throw error
  }
  return !existsSync(path)
}

function removeFolder(path) {
  try {
    rmSync(path, { recursive: true, force: true })
    return true
  } catch (error) {
    if (error.code === 'EBUSY' || error.code === 'ENOTEMPTY') return false
    throw error
  }
}

async function until(condition, withinMs, failure) {
  const end = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${failure} after ${withinMs / 1000} s\n${lastWords()}`)
    await sleep(25)
  }
}

function lastWords() {
  const logs = ['namespace.log', 'dockerd.log'].map((name) => join(folder, name))
  const lines = logs
    .filter((log) => existsSync(log))
    .flatMap((log) => readFileSync(log, 'utf8').split('\n'))
  return lines.slice(-20).join('\n')
}
