// Brings a Docker engine of the tests' own up and down by hand; `npm test` does it by itself.
// Usage: node scripts/engine.mjs up|down|status|hold [NAME]
// `up` and `status` print the engine's facts as JSON; `hold` does so too and keeps the engine until
// its standard input ends. The name is "main" unless given.
//   export DOCKER_HOST=$(node scripts/engine.mjs up | node -p 'JSON.parse(fs.readFileSync(0)).engine')
import { engineDown, engineStatus, engineUp } from './engine/lifecycle.mjs'

const verbs = {
  async up(name) {
    print(await engineUp(name, { say }))
  },
  async down(name) {
    await engineDown(name)
  },
  async status(name) {
    const state = await engineStatus(name)
    if (state === undefined) throw new Error(`the engine "${name}" is not up`)
    print(state)
  },
  async hold(name) {
    print(await engineUp(name, { tied: true, say: () => {} }))
    for await (const _ of process.stdin);
    await engineDown(name)
  },
}

function print(state) {
  console.log(JSON.stringify(state))
}

function say(text) {
  process.stderr.write(`dockgate: ${text}\n`)
}

const [verb, name = 'main', ...rest] = process.argv.slice(2)
if (!Object.hasOwn(verbs, verb ?? '') || !/^[a-z0-9-]{1,20}$/.test(name) || rest.length > 0) {
  say('usage: node scripts/engine.mjs up|down|status|hold [NAME]')
  process.exit(2)
}
try {
  await verbs[verb](name)
} catch (error) {
  say(error.message)
  process.exit(1)
}
