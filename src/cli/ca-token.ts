// `dockgate ca token`: makes, lists and cancels one-time tokens for enrollment.
import { cancelToken, listTokens, makeToken } from '../ca/make-token.ts'
import { nameRules } from '../ca/client-name.ts'
import { readArguments, UsageError } from './arguments.ts'
import { loadEndpointSettings } from './ca-settings.ts'
import {
  accessOf,
  flag,
  folderOf,
  given,
  lifetime,
  lifetimeOf,
  signing,
  signingHelp,
  until,
  word,
  words,
  type Answer,
  type CaVerb,
} from './ca-verb.ts'
import { readSpan } from './span.ts'
import type { Io } from './verb.ts'

const usage = 'dockgate ca token NAME [--for 15m] [--org TEXT] [--unit TEXT] [--days N | --hours N]'

export const token: CaVerb = {
  name: 'token',
  summary: 'a one-time token, with which NAME gets a certificate at the signing endpoint',
  help: `usage: ${usage}
       dockgate ca token --list
       dockgate ca token --cancel ID

Makes a token that NAME uses once, on their own machine, with "dockgate enroll": their key is made there
and never leaves. Everything else about the certificate is said here. "dockgate ca serve" must run.

NAME is ${nameRules}.

  --for 15m                 how long the token can be used: m, h or d, up to 7d (15m)
  --org TEXT, --unit TEXT   organization and unit, for grants to all of them
  --email, --uri, --dns, --ip
                            further names of the client, for grants; may be repeated
  --days N, --hours N       the lifetime of the certificate (365 days)
  --host tcp://NAME:PORT    where this client dials, when not where all do
  --again                   one more certificate for a NAME that has one
  --replace                 revoke what NAME has, when the token is used
  --list                    those that can still be used
  --cancel ID               make one unusable
${signingHelp}

examples:
  dockgate ca token alice --org Example --unit dev
  dockgate ca token ci --uri spiffe://example.org/ci/build --hours 8 --for 2h
  dockgate ca token --list
`,
  async run(args, io) {
    const names = { email: words, uri: words, dns: words, ip: words }
    const about = { org: word, unit: word, host: word, for: word, again: flag, replace: flag }
    const other = { list: flag, cancel: word }
    const options = { ...signing, ...lifetime, ...names, ...about, ...other }
    const { values, positionals } = readArguments(args, options, { min: 0, max: 1, usage })
    if (values.help === true) return 'help'
    const json = values.json === true
    if (values.list === true) return list(io, json)
    if (values.cancel !== undefined) return cancel(io, values.cancel, json)
    const [name] = positionals
    if (name === undefined) throw new UsageError(`usage: ${usage}`)
    if (values.again === true && values.replace === true) {
      throw new UsageError('--again or --replace, not both')
    }
    const earlier: 'revoke' | 'keep' | undefined =
      values.replace === true ? 'revoke' : values.again === true ? 'keep' : undefined
    const made = await makeToken(accessOf(io, values['passphrase-file']), {
      name,
      ...given('org', values.org),
      ...given('unit', values.unit),
      names: {
        ...given('email', values.email),
        ...given('uri', values.uri),
        ...given('dns', values.dns),
        ...given('ip', values.ip),
      },
      ...lifetimeOf(values),
      ...given('host', values.host),
      ...given('earlier', earlier),
      goodForMs: readSpan(values.for ?? '15m', 'for') ?? 0,
    })
    return {
      json,
      value: made,
      lines: [
        `made a token for ${made.name}, to be used once until ${until(made.until)}`,
        `  id  ${made.id}`,
        'on their machine:',
        `  dockgate enroll ${endpointUrl(io)} --token ${made.token}`,
      ],
    }
  },
}

function list(io: Io, json: boolean): Answer {
  const rows = listTokens(folderOf(io), io.now())
  const lines = rows.map((row) => `${row.id}  until ${until(row.until)}  ${row.name}`)
  return { json, value: rows, lines: lines.length > 0 ? lines : ['there is no token to be used'] }
}

async function cancel(io: Io, id: string, json: boolean): Promise<Answer> {
  const row = await cancelToken(folderOf(io), id, io.now())
  return { json, value: row, lines: [`cancelled the token for ${row.name}`] }
}

/** As ca.yaml has it; what else it says is checked where it is used. */
function endpointUrl(io: Io): string {
  const { names, listen } = loadEndpointSettings(io, {})
  const [name = 'localhost'] = names
  return `https://${name.includes(':') ? `[${name}]` : name}:${listen.port}`
}
