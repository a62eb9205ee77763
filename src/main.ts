#!/usr/bin/env node
// argv in, exit code out: finds the verb and lets it run. Whatever a verb did not expect ends here,
// in one line and exit code 1.
import { UsageError } from './cli/arguments.ts'
import { verbs } from './cli/verbs.ts'
import type { Io } from './cli/verb.ts'
import { nearest } from './nearest.ts'
import { version } from './version.ts'

// Whoever reads our output may stop reading (`dockgate ca --help | head`): no news to anybody.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever else listens minds it.
  if (process.stdout.listenerCount('error') > 1) return
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  cwd: process.cwd(),
  now: () => new Date(),
})

async function main(argv: string[], io: Io): Promise<number> {
  const [word, ...args] = argv
  if (word === undefined) {
    io.stderr.write(overview())
    return 2
  }
  if (word === '--help' || word === '-h' || word === 'help') {
    io.stdout.write(overview())
    return 0
  }
  if (word === '--version') {
    io.stdout.write(`dockgate ${version()}\n`)
    return 0
  }
  const verb = verbs.get(word)
  if (verb === undefined) {
    const near = nearest(word, verbs.keys())
    const hint = near === undefined ? 'dockgate --help lists them' : `did you mean ${near}?`
    io.stderr.write(`dockgate: unknown verb ${JSON.stringify(word)}\nhint: ${hint}\n`)
    return 2
  }
  try {
    return await (await verb.load()).run(args, io)
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr.write(`dockgate: ${error.message}\n`)
      if (error.hint !== undefined) io.stderr.write(`hint: ${error.hint}\n`)
      return 2
    }
    io.stderr.write(`dockgate: ${error instanceof Error ? error.message : String(error)}\n`)
    if (io.env['DOCKGATE_DEBUG'] && error instanceof Error) io.stderr.write(`${error.stack}\n`)
    return 1
  }
}

function overview(): string {
  const width = Math.max(...[...verbs.keys()].map((name) => name.length))
  const rows = [...verbs].map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return [
    'dockgate: the door to a Docker Engine, over mutual TLS, each call judged by roles',
    '',
    'usage: dockgate VERB [options]',
    '',
    ...rows,
    '',
    'dockgate VERB --help teaches each of them.',
    '',
  ].join('\n')
}
