// `dockgate ca serve`: the signing endpoint in the foreground, until a signal.
import { pino } from 'pino'
import { readArguments } from './arguments.ts'
import { loadEndpointSettings } from './ca-settings.ts'
import { caPassphrase, folderOf, word, words, type CaVerb } from './ca-verb.ts'
import { nextSignal } from './signals.ts'

const usage = 'dockgate ca serve [--listen ADDRESS] [--name DNS or IP]…'

export const serve: CaVerb = {
  name: 'serve',
  summary: 'the signing endpoint: clients enroll and renew over the network',
  help: `usage: ${usage}

Signs over HTTPS, until SIGTERM or SIGINT, for keys that never leave the client's machine:
  - who has a token of "dockgate ca token" gets their first certificate ("dockgate enroll")
  - who shows a certificate of this CA that is valid and not revoked gets it anew ("dockgate renew")
  - who has an identity token (OpenID Connect) of an issuer in ca.yaml gets one for some minutes

It is a process of its own: it holds the CA's key and needs no Docker socket; the gateway has the socket
and never the key. It also signs certs/crl.pem anew when half of its life is over, and hands it out at
/v1/crl.pem. Run it where certs/ is, perhaps on another machine than the gateway's.

  --listen ADDRESS:PORT     0.0.0.0:2378 unless said
  --name NAME               a DNS name or address by which clients reach it; may be repeated
                            (localhost, this host's name, 127.0.0.1 and ::1 unless said)
  --passphrase-file FILE    the passphrase of the CA key is the first line of FILE; else it comes from
                            DOCKGATE_CA_PASSPHRASE_FILE or DOCKGATE_CA_PASSPHRASE, or is asked for

ca.yaml, beside certs/ and read at the start, may say the same and more; all of it may be left out:
  listen: 0.0.0.0:2378
  names: [ca.example.com]
  maxHours: 9528            # no certificate signed here lives longer
  ratePerMinute: 60         # requests from one address
  oidc:
    - issuer: https://token.example.com     # exactly what stands in "iss"
      audience: dockgate                    # what the token is for, and for nobody else
      rules:                                # the first that a token fulfills
        - require: { repository: example/app, ref: [refs/heads/main, refs/heads/next] }
          name: ci-app                      # or { claim: login, prefix: id- }
          unit: ci                          # org and uri likewise
          minutes: 15
The issuer's keys are found by its discovery document, or at "jwks: URL"; "algorithms: [RS256, ES256]" may
name others, never symmetric ones. An issuer with a certificate of a company's own CA needs that CA in
NODE_EXTRA_CA_CERTS.

examples:
  dockgate ca serve --name ca.example.com
  dockgate ca serve --listen 127.0.0.1:2378 --passphrase-file /run/secrets/ca-passphrase
`,
  async run(args, io) {
    const options = { listen: word, name: words, 'passphrase-file': word }
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) return 'help'
    const settings = loadEndpointSettings(io, { listen: values.listen, names: values.name })
    const level = io.env['DOCKGATE_LOG'] ?? 'info'
    const log = pino({ level }, pino.destination({ dest: 2, sync: true }))
    // Here, not above: the other verbs of the CA need no server.
    const { serveEndpoint } = await import('../ca/endpoint/serve-endpoint.ts')
    const serving = await serveEndpoint({
      access: { folder: folderOf(io), passphrase: caPassphrase(io, values['passphrase-file']) },
      now: io.now,
      settings,
      log,
    })
    const host = serving.host.includes(':') ? `[${serving.host}]` : serving.host
    io.stdout.write(`dockgate: signing at https://${host}:${serving.port}\n`)
    const signal = await nextSignal()
    log.info({ signal }, 'stopping')
    void nextSignal().then(() => process.exit(1))
    await serving.close()
    return { json: false, value: undefined, lines: [] }
  },
}
