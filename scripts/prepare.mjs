// Makes a fresh clone ready: installs the locked packages and compiles, each only when its inputs
// changed. Plain JavaScript with no imports but Node's, because it runs before anything is installed.
// Usage: node scripts/prepare.mjs [--test] [--quiet]
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const cache = join(root, 'node_modules', '.cache', 'dockgate')
const forTests = process.argv.includes('--test')
const quiet = process.argv.includes('--quiet')

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node 20.19 or later is needed, this is ${process.version}`)
}

/** What stands in the place of what; `scripts/bundle` says why. */
const absent = [
  'undici',
  'ws',
  'node:http2',
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'light-my-request',
  '@opentelemetry/api',
]

/**
 * The program with its packages in a few files, one for each verb and one for what they share: opening the
 * seven hundred of which they are made took most of a start, and reading them takes the most of what is
 * left. So white space goes; names and lines stay, for the traces in a log.
 */
const bundling = [
  'src/main.ts',
  '--bundle',
  '--splitting',
  '--outdir=dist',
  '--platform=node',
  '--target=node20.19',
  '--format=esm',
  // For the packages that are CommonJS.
  `--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
  '--alias:node:http=./scripts/bundle/node-http.cjs',
  ...absent.map((name) => `--alias:${name}=./scripts/bundle/absent.cjs`),
  '--minify-whitespace',
  '--minify-syntax',
  '--line-limit=160',
  '--log-level=warning',
]

step('packages', ['package.json', 'package-lock.json'], join(root, 'node_modules'), () => {
  say('installing the locked packages')
  // `npm ci` refuses a lock whose registry lacks the tools' builds for other platforms; this installs
  // the locked versions just the same and leaves the lock alone.
  const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  run('npm', ['install', ...flags])
})
const sources = [
  'package-lock.json',
  'scripts/prepare.mjs',
  'tsconfig.json',
  ...files('scripts/bundle'),
  ...files('src'),
]
step('build', sources, join(root, 'dist'), () => {
  say('building dist')
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  // Its link, which is a script, or the program itself where an `npm install` ran the package's scripts.
  run(join(root, 'node_modules', '.bin', 'esbuild'), bundling)
})
if (forTests) {
  const inputs = [...sources, ...files('test')]
  step('test-build', inputs, join(root, '.build'), () => {
    say('checking src and compiling test')
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'test'])
    copyFileSync(join(root, 'package.json'), join(root, '.build', 'package.json'))
  })
}

/** Runs `act` unless `output` exists and the digest of `inputs` is the one of its last success. */
function step(name, inputs, output, act) {
  const hash = createHash('sha256').update(process.versions.modules).update(root)
  for (const file of inputs)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
  const digest = hash.digest('hex')
  const stamp = join(cache, `${name}.done`)
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  // Removed, not written over: a node_modules copied by hard links shares this file.
  rmSync(stamp, { force: true })
  act()
  mkdirSync(cache, { recursive: true })
  writeFileSync(stamp, digest)
}

function files(folder) {
  const found = []
  for (const name of readdirSync(join(root, folder)).toSorted()) {
    const path = join(folder, name)
    if (statSync(join(root, path)).isDirectory()) found.push(...files(path))
    else found.push(path)
  }
  return found
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', quiet ? 2 : 'inherit', 'inherit'],
  })
  if (error) fail(`${command}: ${error.message}`)
  if (status !== 0) fail(`${command} ${args.join(' ')} ended with ${status}`)
}

function say(text) {
  process.stderr.write(`dockgate: ${text}\n`)
}

function fail(text) {
  process.stderr.write(`dockgate: ${text}\n`)
  process.exit(1)
}
