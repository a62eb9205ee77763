// Runs every compiled test file under .build/test with node:test, or those whose path contains one of
// the words given: `npm test -- attacks cli`.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const words = process.argv.slice(2)

const found = readdirSync(join(root, '.build/test'), { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .toSorted()
  .map((name) => join('.build/test', name))
if (found.length === 0) {
  process.stderr.write(`dockgate: no test file matches ${words.join(' ')}\n`)
  process.exit(1)
}
const child = spawn(process.execPath, ['--test', ...found], { cwd: root, stdio: 'inherit' })
child.on('exit', (code) => process.exit(code ?? 1))
