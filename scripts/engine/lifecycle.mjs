// Brings a Docker engine of the tests' own up and down. It lives in its own namespaces (namespace.sh)
// with its data in `.test-engine/NAME/`, and is known by the id and the start time of its first
// process, so that nothing else is ever taken for it, nor ended in its place.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeCertificates } from './certificates.mjs'
import { askEngine } from './engine-http.mjs'
import { importBusybox } from './image.mjs'
import { freeNetwork, removeCgroups, removeFolder, removeInterface } from './machine.mjs'
import { startTime, until } from './machine.mjs'
import { installPackages } from './packages.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const home = join(here, '..', '..', '.test-engine')
const readyWithinMs = 60_000

/** What runs, or undefined: only an engine that answers counts as running. */
export async function engineStatus(name) {
  const place = placeOf(name)
  const state = readState(place)
  if (!isAlive(state)) return undefined
  return (await answers(place)) ? state : undefined
}

/**
 * The running engine of that name, or a new one. With `tied`, a new engine ends when this process
 * ends, however it ends. `started` tells whether it is new, so that a run of tests ends only what it
 * began.
 */
export async function engineUp(name, { tied = false, say }) {
  const running = await engineStatus(name)
  if (running !== undefined) return { ...running, started: false }
  if (process.getuid() !== 0) {
    throw new Error('the test engine needs root: dockerd does not run without')
  }
  if (!existsSync('/sys/fs/cgroup')) {
    throw new Error('the test engine needs cgroups under /sys/fs/cgroup')
  }
  await engineDown(name)
  installPackages(say)
  say(`starting the test engine "${name}" in namespaces of its own`)
  const place = placeOf(name)
  const state = start(place, tied)
  try {
    await ready(place, state)
    await importBusybox(place.socketPath, place.folder)
  } catch (error) {
    const words = lastWords(place)
    await engineDown(name)
    throw new Error(`the test engine does not start: ${error.message}\n${words}`, { cause: error })
  }
  return { ...state, started: true }
}

/** Ends the engine if it runs, and removes all that it left: data, interface, cgroups. */
export async function engineDown(name) {
  const place = placeOf(name)
  const state = readState(place)
  if (isAlive(state)) {
    process.kill(state.pid, 'SIGKILL')
    await until(() => !isAlive(state), 10_000, 'the engine does not end')
  }
  if (state !== undefined) removeInterface(state.hostInterface)
  await removeCgroups(place.cgroup)
  for (const path of new Set([place.folder, dirname(place.stateFile)])) await removeFolder(path)
  try {
    rmdirSync(home)
  } catch {
    // It is not there, or another engine lives in it.
  }
}

function start(place, tied) {
  const { folder, socketPath } = place
  for (const path of [dirname(place.stateFile), folder]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  }
  const { hostInterface, hostAddress, innerAddress } = freeNetwork(place.digest)
  makeCertificates(join(folder, 'tls'), innerAddress)
  const options = { 'exec-opts': ['native.cgroupdriver=cgroupfs'] }
  writeFileSync(join(folder, 'daemon.json'), JSON.stringify(options))
  writeFileSync(join(folder, 'registry.yml'), registryConfig(join(folder, 'registry')))
  const network = [hostInterface, hostAddress, innerAddress]
  const script = [join(here, 'namespace.sh'), 'outer', folder, String(process.pid), ...network]
  const life = [place.cgroup, tied ? 'tied' : 'free']
  const log = openSync(join(folder, 'namespace.log'), 'a')
  const child = spawn('unshare', ['--net', '--mount', '--uts', '--ipc', 'sh', ...script, ...life], {
    stdio: [tied ? 'pipe' : 'ignore', log, log],
    detached: true,
    cwd: '/',
  })
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
  writeFileSync(place.stateFile, JSON.stringify(state, null, 2))
  return state
}

async function ready(place, state) {
  const answersOrEnds = async () => {
    if (!isAlive(state)) throw new Error('dockerd ended')
    return answers(place)
  }
  await until(answersOrEnds, readyWithinMs, 'dockerd does not answer')
}

async function answers({ socketPath }) {
  try {
    const { status } = await askEngine(socketPath, 'GET', '/_ping')
    return status === 200
  } catch {
    return false
  }
}

function isAlive(state) {
  return state !== undefined && startTime(state.pid) === state.startTime
}

function readState({ stateFile }) {
  try {
    return JSON.parse(readFileSync(stateFile, 'utf8'))
  } catch {
    return undefined
  }
}

function placeOf(name) {
  const digest = createHash('sha256').update(join(home, name)).digest('hex').slice(0, 8)
  const near = join(home, name)
  // The path of a unix socket has at most 107 bytes; the longest here is containerd's.
  const fits = Buffer.byteLength(`${near}/exec/containerd/containerd-debug.sock`) < 108
  const folder = fits ? near : join(tmpdir(), `dockgate-engine-${digest}`)
  return {
    digest,
    folder,
    socketPath: join(folder, 'docker.sock'),
    // Always here, wherever the data is, because the tests read it: test/helpers/engine.ts.
    stateFile: join(near, 'state.json'),
    cgroup: `/dockgate-test-${digest}`,
  }
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

function lastWords({ folder }) {
  const logs = ['namespace.log', 'dockerd.log'].map((log) => join(folder, log))
  const texts = logs.filter((log) => existsSync(log)).map((log) => readFileSync(log, 'utf8'))
  return texts.join('').split('\n').slice(-20).join('\n')
}
