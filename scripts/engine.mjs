// Brings the tests' own Docker engine up and down by hand; `npm test` does it by itself.
// Usage: node scripts/engine.mjs up|down|status
// `up` and `status` print the engine's facts as JSON:
//   export DOCKER_HOST=$(node scripts/engine.mjs up | node -p 'JSON.parse(fs.readFileSync(0)).engine')
import { engineDown, engineStatus, engineUp } from './engine/lifecycle.mjs'

const verbs = {
  async up() {
    console.log(JSON.stringify(await engineUp({ say }), null, 2))
  },
  async down() {
    await engineDown()
  },
  async status() {
    const state = await engineStatus()
    if (state === undefined) throw new Error('no engine of this folder is up')
    console.log(JSON.stringify(state, null, 2))
  },
}

function say(text) {
  process.stderr.write(`dockgate: ${text}\n`)
}

const [verb, ...rest] = process.argv.slice(2)
if (!Object.hasOwn(verbs, verb ?? '') || rest.length > 0) {
  say('usage: node scripts/engine.mjs up|down|status')
  process.exit(2)
}
try {
  await verbs[verb]()
} catch (error) {
  say(error.message)
  process.exit(1)
}
