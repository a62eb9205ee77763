// Runs every compiled test file under .build/test with node:test, or those whose path contains one of
// the words given: `npm test -- attacks cli`. Tests that speak to a real Docker engine get one of their
// own, which ends with the run; DOCKGATE_TEST_ENGINE=unix:///path names another one to use instead.
// What is made at random comes of one seed; DOCKGATE_TEST_SEED=N is another one.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { engineDown, engineUp } from './engine/lifecycle.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const words = process.argv.slice(2)
/** The folders whose tests use the engine. */
const onEngine = ['attacks/', 'clients/', 'faults/', 'gateway/']

const found = readdirSync(join(root, '.build/test'), { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .toSorted()
if (found.length === 0) {
  say(`no test file matches ${words.join(' ')}`)
  process.exit(1)
}

const env = { ...process.env }
let started = false
if (env.DOCKGATE_TEST_ENGINE === undefined && found.some(needsEngine)) {
  try {
    const engine = await engineUp('main', { tied: true, say })
    env.DOCKGATE_TEST_ENGINE = engine.engine
    started = engine.started
  } catch (error) {
    say(error.message)
    process.exit(1)
  }
}

const files = found.map((name) => join('.build/test', name))
// The tests of one file wait for each other and for the engine: two files at least go side by side.
const concurrency = `--test-concurrency=${Math.max(2, availableParallelism() - 1)}`
let child
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child?.kill(signal))

/** The longest file takes some four minutes where two of them share two cores. */
const stuckAfter = `--test-timeout=${15 * 60_000}`
const failedList = join(root, '.build', 'failed-files')
let code = await runTests([concurrency, ...files])
if (code !== 0) {
  const failed = readFailed()
  // With a real engine and two cores a neighbor can make a test late. What fails by itself too has failed;
  // what does not is named, so that somebody looks at it.
  if (failed.length > 0 && failed.length <= 3 && failed.length < files.length) {
    say(`failed, and now run once more by themselves: ${failed.join(' ')}`)
    code = await runTests(['--test-concurrency=1', ...failed])
    if (code === 0) say(`UNSTABLE, failed beside others and passed alone: ${failed.join(' ')}`)
  }
}
try {
  if (started) await engineDown('main')
} catch (error) {
  say(error.message)
  code = 1
}
process.exit(code)

function runTests(args) {
  rmSync(failedList, { force: true })
  const reporters = [
    `--test-reporter=${process.stdout.isTTY ? 'spec' : 'tap'}`,
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/failed-files.mjs',
    `--test-reporter-destination=${failedList}`,
  ]
  const seed = ['--import', './.build/test/helpers/seed.js']
  child = spawn(process.execPath, [...seed, '--test', stuckAfter, ...reporters, ...args], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  return new Promise((resolve) => child.on('exit', (ended) => resolve(ended ?? 1)))
}

/** None where it is not known of each failure which file it was in. */
function readFailed() {
  const known = new Set(files)
  const failed = existsSync(failedList) ? readFileSync(failedList, 'utf8').split('\n') : []
  const named = failed.filter((line) => line !== '').map((path) => relative(root, path))
  return named.every((file) => known.has(file)) ? named : []
}

function needsEngine(name) {
  return onEngine.some((folder) => name.startsWith(folder))
}

function say(text) {
  process.stderr.write(`dockgate: ${text}\n`)
}
