// `dockgate ca issue`: makes a client's bundle.
import { join } from 'node:path'
import { contextName } from '../ca/client-bundle.ts'
import { nameRules } from '../ca/client-name.ts'
import { issueClient, type ClientIssue } from '../ca/issue-client.ts'
import { readArguments } from './arguments.ts'
import {
  accessOf,
  flag,
  given,
  keyOf,
  lifetime,
  lifetimeOf,
  signing,
  signingHelp,
  until,
  word,
  words,
  type CaVerb,
} from './ca-verb.ts'

const usage = 'dockgate ca issue NAME [--org TEXT] [--unit TEXT] [--days N | --hours N]'

export const issue: CaVerb = {
  name: 'issue',
  summary: "make a client's bundle: certs/clients/NAME/",
  help: `usage: ${usage}

Makes a key, a certificate, and what docker needs to use them, in certs/clients/NAME/. What NAME may do
is not said here but in roles.yaml ("dockgate roles grant").

NAME is ${nameRules}.

  --org TEXT, --unit TEXT   organization and unit, for grants to all of them
  --email, --uri, --dns, --ip
                            further names of the client, for grants; may be repeated
  --days N, --hours N       the lifetime (365 days)
  --key KIND                ec:p256 (unless said), ec:p384, rsa:3072, rsa:4096
  --host tcp://NAME:PORT    where this client dials, when not where all do
  --replace                 revoke what NAME has, and make it anew
${signingHelp}

examples:
  dockgate ca issue alice --org Example --unit dev
  dockgate ca issue ci --uri spiffe://example.org/ci/build --hours 8
  dockgate ca issue alice --org Example --unit ops --replace
`,
  async run(args, io) {
    const names = { email: words, uri: words, dns: words, ip: words }
    const about = { org: word, unit: word, key: word, host: word, replace: flag }
    const options = { ...signing, ...lifetime, ...names, ...about }
    const { values, positionals } = readArguments(args, options, { min: 1, max: 1, usage })
    if (values.help === true) return 'help'
    const made = await issueClient(accessOf(io, values['passphrase-file']), {
      name: positionals[0] ?? '',
      ...given('org', values.org),
      ...given('unit', values.unit),
      names: {
        ...given('email', values.email),
        ...given('uri', values.uri),
        ...given('dns', values.dns),
        ...given('ip', values.ip),
      },
      ...keyOf(values.key),
      ...lifetimeOf(values),
      ...given('host', values.host),
      ...(values.replace === true ? { earlier: 'revoke' as const } : {}),
    })
    return { json: values.json === true, value: made, lines: describeBundle(made) }
  },
}

/** What was made, where it lies, until when it is good, and how it is used. */
export function describeBundle({ issued, folder, host, revoked }: ClientIssue): string[] {
  const context = contextName(issued.name)
  return [
    `made a certificate for ${issued.name}, good until ${until(issued.notAfter)}`,
    `  bundle   ${folder}`,
    `  serial   ${issued.serial}`,
    `  dials    ${host}`,
    ...revoked.map((serial) => `  revoked  ${serial}`),
    'to use it, either of:',
    `  . ${join(folder, 'env.sh')}`,
    `  docker context import ${context} ${join(folder, `${issued.name}.dockercontext`)}`,
  ]
}
