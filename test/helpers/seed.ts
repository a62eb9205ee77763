// Loaded before every test file: what is made at random is made alike in each run, so that a change is
// never stopped by a finding that is not its own. New findings are the fuzzer's (scripts/fuzz.mjs), or
// of a run with a seed of its own: DOCKGATE_TEST_SEED=N npm test.
import { configureGlobal } from 'fast-check'

const given = process.env['DOCKGATE_TEST_SEED'] ?? '20261127'
const seed = Number(given)
if (!Number.isInteger(seed)) throw new Error(`DOCKGATE_TEST_SEED is a whole number, not ${given}`)
configureGlobal({ seed })
