// `dockgate connect`: on the client's machine, a unix socket for software that knows nothing else.
import { resolve } from 'node:path'
import { openClientBundle } from '../connect/client-bundle.ts'
import { offerSocket } from '../connect/offer.ts'
import { placeOf } from '../connect/relay.ts'
import { readArguments, UsageError } from './arguments.ts'
import { demand, readGateway } from './at-gateway.ts'
import { nextSignal } from './signals.ts'
import type { Io, Verb } from './verb.ts'

const usage = 'dockgate connect --socket PATH [--to tcp://HOST:PORT] [--cert FOLDER] [--mode 0600]'

const help = `usage: ${usage}

Offers a local unix socket and carries each connection to it to the gateway, over a mutual TLS connection
of its own that proves the identity of the client bundle in FOLDER. Whoever may open the socket is that
client, so mind its mode and its folder. Bytes pass as they are, upgrades and half-close included.

  --socket PATH    where the socket is offered; a file left behind by a dead process is replaced
  --to             the gateway; DOCKER_HOST unless said
  --cert FOLDER    ca.pem, cert.pem and key.pem; DOCKER_CERT_PATH unless said. A renewed certificate is
                   taken up with the next connection
  --mode MODE      0600 unless said; 0660 with a shared group, 0666 in a folder that only the neighbor has
  --json           the line that says it is ready, as JSON

Where the gateway cannot be reached, a request is answered with HTTP 502 and the reason; the next one
tries again. On SIGTERM the file goes at once and streams have 5 seconds; a second signal ends them.

examples:
  dockgate connect --socket /run/app/docker.sock --to tcp://gate.example.com:2376 --cert ~/.dockgate/app
  docker -H unix:///run/app/docker.sock ps
`

const graceMs = 5_000

export const connect: Verb = {
  help,
  async run(args, io) {
    const { values } = readArguments(
      args,
      {
        socket: { type: 'string' },
        to: { type: 'string' },
        cert: { type: 'string' },
        mode: { type: 'string' },
        json: { type: 'boolean' },
      },
      { min: 0, max: 0, usage },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const path = resolve(io.cwd, demand(values.socket, '--socket PATH', usage))
    const gateway = readGateway(
      demand(values.to ?? io.env['DOCKER_HOST'], '--to tcp://HOST:2376', usage),
    )
    const folder = demand(values.cert ?? io.env['DOCKER_CERT_PATH'], '--cert FOLDER', usage)
    const mode = readMode(values.mode ?? '0600')
    const bundle = openClientBundle(resolve(io.cwd, folder))
    warnOfExpiry(bundle.notAfter, io)
    const to = `tcp://${placeOf(gateway)}`
    const offer = await offerSocket({
      path,
      mode,
      gateway,
      bundle,
      changed: (why) =>
        void io.stderr.write(
          why === undefined ? `dockgate: ${to} answers again\n` : `dockgate: ${to} ${why}\n`,
        ),
    })
    // Listened for before anybody can know that it is ready, so that no signal finds it unprepared.
    const signal = nextSignal()
    const ready = { socket: path, to, subject: bundle.subject }
    io.stdout.write(
      values.json === true
        ? `${JSON.stringify(ready)}\n`
        : `dockgate: ${path} is ${bundle.subject} at ${to}\n`,
    )
    await signal
    void nextSignal().then(() => process.exit(1))
    await offer.close(graceMs)
    return 0
  },
}

function readMode(text: string): number {
  const mode = Number.parseInt(text, 8)
  // Connecting needs writing; what its owner may not, and what is no permission, helps nobody.
  if (!/^0?[0-7]{3}$/.test(text) || (mode & 0o600) !== 0o600 || (mode & 0o111) !== 0) {
    throw new UsageError(`--mode takes 0600, 0660 or 0666, not ${JSON.stringify(text)}`)
  }
  return mode
}

function warnOfExpiry(notAfter: Date, io: Io): void {
  if (notAfter.getTime() > io.now().getTime()) return
  io.stderr.write(
    `dockgate: the certificate expired on ${notAfter.toISOString()}\nhint: dockgate renew\n`,
  )
}
