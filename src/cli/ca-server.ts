// `dockgate ca server`: makes and renews the gateway's own certificate.
import { hostname } from 'node:os'
import { issueServer } from '../ca/issue-server.ts'
import { readArguments } from './arguments.ts'
import {
  accessOf,
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

const usage = 'dockgate ca server [--name DNS]… [--ip ADDRESS]… [--host URL] [--days N]'

export const server: CaVerb = {
  name: 'server',
  summary: "make or renew the gateway's own certificate",
  help: `usage: ${usage}

Makes certs/server/cert.pem and key.pem, for every name and address that clients will dial. Run again
without --name and --ip, it renews for those of the last time.

  --name DNS, --ip ADDRESS  may be repeated; localhost, this host's name, 127.0.0.1 and ::1 the first time
  --host tcp://NAME:PORT    where clients dial; goes into the bundles made from now on
                            (the first --name, port 2376)
  --key KIND                ec:p256 (unless said), ec:p384, rsa:3072, rsa:4096
  --days N, --hours N       its lifetime (397 days)
${signingHelp}

examples:
  dockgate ca server
  dockgate ca server --name gate.example.com --ip 192.0.2.7
  dockgate ca server --name gate.example.com --host tcp://gate.example.com:12376
`,
  async run(args, io) {
    const options = { ...signing, ...lifetime, name: words, ip: words, host: word, key: word }
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) return 'help'
    const here = hostname()
    const names = /^[A-Za-z0-9.-]+$/.test(here) ? ['localhost', here] : ['localhost']
    const made = await issueServer(accessOf(io, values['passphrase-file']), {
      ...given('names', values.name),
      ...given('ips', values.ip),
      ...given('host', values.host),
      ...keyOf(values.key),
      ...lifetimeOf(values),
      defaults: { names, ips: ['127.0.0.1', '::1'] },
    })
    const { issued, folder, host } = made
    return {
      json: values.json === true,
      value: made,
      lines: [
        `made the gateway's certificate, good until ${until(issued.notAfter)}`,
        `  names   ${[...issued.dns, ...issued.ip].join(', ')}`,
        `  folder  ${folder}`,
        `clients will dial ${host}`,
        'next: dockgate ca issue NAME',
      ],
    }
  },
}
