// `dockgate ca renew`: a new key and certificate for a client that has one.
import { renew as renewClient } from '../ca/renew.ts'
import { readArguments } from './arguments.ts'
import { describeBundle } from './ca-issue.ts'
import {
  accessOf,
  flag,
  given,
  lifetime,
  lifetimeOf,
  signing,
  signingHelp,
  word,
  type CaVerb,
} from './ca-verb.ts'

const usage = 'dockgate ca renew NAME [--days N | --hours N] [--revoke-earlier]'

export const renew: CaVerb = {
  name: 'renew',
  summary: 'a new key and certificate for a client that has one',
  help: `usage: ${usage}

Makes certs/clients/NAME/ anew with the same names, the same kind of key and the same lifetime. The
certificate before it stays good until it ends, so that nothing stops while the new bundle travels.

  --days N, --hours N       another lifetime
  --host tcp://NAME:PORT    another address to dial
  --revoke-earlier          end what NAME has at once
${signingHelp}

examples:
  dockgate ca renew alice
  dockgate ca renew alice --days 30 --revoke-earlier
`,
  async run(args, io) {
    const options = { ...signing, ...lifetime, host: word, 'revoke-earlier': flag }
    const { values, positionals } = readArguments(args, options, { min: 1, max: 1, usage })
    if (values.help === true) return 'help'
    const access = accessOf(io, values['passphrase-file'])
    const made = await renewClient(access, positionals[0] ?? '', {
      ...lifetimeOf(values),
      ...given('host', values.host),
      revokeEarlier: values['revoke-earlier'] === true,
    })
    return { json: values.json === true, value: made, lines: describeBundle(made) }
  },
}
