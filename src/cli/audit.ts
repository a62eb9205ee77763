// `dockgate audit …`: proves and reads what the gateway recorded. One file a verb.
import { nearest } from '../nearest.ts'
import { UsageError } from './arguments.ts'
import { show } from './audit-show.ts'
import { verify } from './audit-verify.ts'
import type { SubVerb, Verb } from './verb.ts'

const verbs: ReadonlyMap<string, SubVerb> = new Map([show, verify].map((verb) => [verb.name, verb]))

const help = `usage: dockgate audit VERB [options]

${[...verbs.values()].map((verb) => `  ${verb.name.padEnd(6)} ${verb.summary}`).join('\n')}

dockgate audit VERB --help teaches each of them. The log's place is that of "dockgate serve".
`

export const audit: Verb = {
  help,
  async run([first, ...args], io) {
    if (first === undefined || first === '--help' || first === '-h') {
      ;(first === undefined ? io.stderr : io.stdout).write(help)
      return first === undefined ? 2 : 0
    }
    const verb = verbs.get(first)
    if (verb === undefined) {
      const near = nearest(first, verbs.keys())
      const hint = near === undefined ? undefined : `did you mean audit ${near}?`
      throw new UsageError(
        `unknown verb "audit ${first}"`,
        hint ?? 'dockgate audit --help lists them',
      )
    }
    return verb.run(args, io)
  },
}
