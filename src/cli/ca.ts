// `dockgate ca …`: the authority. One table of its verbs, one file a verb.
import { nearest } from '../nearest.ts'
import { UsageError } from './arguments.ts'
import { crl } from './ca-crl.ts'
import { init } from './ca-init.ts'
import { intermediate } from './ca-intermediate.ts'
import { issue } from './ca-issue.ts'
import { list } from './ca-list.ts'
import { pkcs12 } from './ca-pkcs12.ts'
import { renew } from './ca-renew.ts'
import { revoke } from './ca-revoke.ts'
import { rootCrl } from './ca-root-crl.ts'
import { serve } from './ca-serve.ts'
import { server } from './ca-server.ts'
import { token } from './ca-token.ts'
import { runCaVerb, type CaVerb } from './ca-verb.ts'
import type { Verb } from './verb.ts'

const verbs: ReadonlyMap<string, CaVerb> = new Map(
  [init, server, issue, renew, revoke, crl, rootCrl, intermediate, list, pkcs12, token, serve].map(
    (verb) => [verb.name, verb],
  ),
)

const help = `usage: dockgate ca VERB [options]

${[...verbs.values()].map((verb) => `  ${verb.name.padEnd(12)} ${verb.summary}`).join('\n')}

dockgate ca VERB --help teaches each of them. Everything lies in certs/ under DOCKGATE_HOME (the current
folder unless set), private to its owner.

a first day:
  dockgate ca init
  dockgate ca server --name gate.example.com
  dockgate ca issue alice --unit dev
  dockgate ca list
`

export const ca: Verb = {
  help,
  async run([first, ...args], io) {
    if (first === undefined || first === '--help' || first === '-h') {
      ;(first === undefined ? io.stderr : io.stdout).write(help)
      return first === undefined ? 2 : 0
    }
    const verb = verbs.get(first)
    if (verb === undefined) {
      const near = nearest(first, verbs.keys())
      const hint = near === undefined ? undefined : `did you mean ca ${near}?`
      throw new UsageError(`unknown verb "ca ${first}"`, hint ?? 'dockgate ca --help lists them')
    }
    return runCaVerb(verb, args, io)
  },
}
