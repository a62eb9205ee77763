// Looks for a request line or a JSON body that breaks what the tests hold for every one, until it finds
// one or is stopped. A finding is printed with its seed; put it into the tables of test/docker.
// Usage: node scripts/fuzz.mjs [--seconds N] [--seed N]
import { parseArgs } from 'node:util'
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { check } from 'fast-check'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const roundRuns = 5000

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' } },
})
const seconds = values.seconds === undefined ? Infinity : Number(values.seconds)
let seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
if (!(seconds > 0) || !Number.isInteger(seed)) {
  process.stderr.write('dockgate: usage: node scripts/fuzz.mjs [--seconds N] [--seed N]\n')
  process.exit(2)
}

const prepared = spawnSync(process.execPath, [join(root, 'scripts/prepare.mjs'), '--test'], {
  stdio: 'inherit',
})
if (prepared.status !== 0) process.exit(1)
const { targetProperties } = await import('../.build/test/helpers/target-properties.js')
const { jsonProperties } = await import('../.build/test/helpers/json-properties.js')
const { limitProperties } = await import('../.build/test/helpers/limit-properties.js')
const all = [
  ...targetProperties.map((one) => ({ ...one, what: 'a request line' })),
  ...jsonProperties.map((one) => ({ ...one, what: 'a JSON text' })),
  ...limitProperties.map((one) => ({ ...one, what: 'a body' })),
]

const endMs = Date.now() + seconds * 1000
let runs = 0
while (Date.now() < endMs) {
  for (const { fact, property, what } of all) {
    const found = check(property, { seed, numRuns: roundRuns })
    runs += found.numRuns
    if (!found.failed) continue
    console.error(`does not hold: ${what} ${fact}`)
    console.error(`seed ${seed}, path ${found.counterexamplePath}:`, found.counterexample?.[0])
    console.error(found.errorInstance)
    process.exit(1)
  }
  console.log(`seed ${seed}: ${runs} requests, nothing found`)
  seed = (seed + 1) % 2 ** 31
}
