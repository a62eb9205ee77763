// `dockgate renew`: on the client's machine, a new key and certificate for the bundle there.
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { CaError } from '../ca/ca-error.ts'
import { renewBundle } from '../ca/client/renew-bundle.ts'
import { readArguments } from './arguments.ts'
import {
  flag,
  given,
  keyOf,
  lifetime,
  lifetimeOf,
  runCaVerb,
  until,
  word,
  type CaWork,
} from './ca-verb.ts'
import { readSpan } from './span.ts'
import type { Io, Verb } from './verb.ts'

const usage = 'dockgate renew [FOLDER] [--if-within 8h] [--url URL]'

const help = `usage: ${usage}

Renews the certificate of the bundle in FOLDER at the signing endpoint ("dockgate ca serve"): the key is
made here and never leaves, the names stay what they are, and the bundle is replaced whole or not at all.
Docker contexts that were made of it are brought up to date too.

  FOLDER                    DOCKER_CERT_PATH unless said, else the one bundle in ~/.dockgate
  --url URL                 the endpoint, when the bundle does not say; it is remembered in it
  --if-within 8h            only when the certificate ends within 8 hours (or 14d): fit for a timer
  --days N, --hours N       a shorter life than that of the certificate now
  --key KIND                ec:p256, ec:p384, rsa:3072, rsa:4096 (the kind of the key now)
  --supersede               have the earlier certificate revoked once the new one is in place
  --json                    print what was done as JSON

examples:
  dockgate renew ~/.dockgate/alice --url https://ca.example.com:2378
  dockgate renew --if-within 8h
`

const work: CaWork = {
  help,
  async run(args, io) {
    const about = { url: word, 'if-within': word, key: word, supersede: flag, json: flag }
    const { values, positionals } = readArguments(
      args,
      { ...lifetime, ...about },
      { min: 0, max: 1, usage },
    )
    if (values.help === true) return 'help'
    const [folder] = positionals
    const made = await renewBundle({
      folder: folder === undefined ? usualBundle(io) : resolve(io.cwd, folder),
      dockerConfig: dockerConfigOf(io),
      now: io.now,
      ...given('url', values.url),
      ...given('ifWithinMs', readSpan(values['if-within'], 'if-within')),
      ...given('hours', lifetimeOf(values).lifetimeHours),
      ...keyOf(values.key),
      supersede: values.supersede === true,
    })
    const { name, notAfter, serial, superseded, contexts } = made
    return {
      json: values.json === true,
      value: made,
      lines: [
        serial === undefined
          ? `the certificate of ${name} is not due yet, it is good until ${until(notAfter)}`
          : `renewed the certificate of ${name}, good until ${until(notAfter)}`,
        ...(serial === undefined ? [] : [`  bundle   ${made.folder}`, `  serial   ${serial}`]),
        ...superseded.map((earlier) => `  revoked  ${earlier}`),
        ...contexts.map((context) => `  context  ${context}`),
      ],
    }
  },
}

export const renew: Verb = {
  help,
  run: (args, io) => runCaVerb(work, args, io),
}

export function dockerConfigOf(io: Io): string {
  return io.env['DOCKER_CONFIG'] ?? join(homeOf(io), '.docker')
}

/** Where `dockgate enroll` puts bundles. */
export function bundlesOf(io: Io): string {
  return join(homeOf(io), '.dockgate')
}

function homeOf(io: Io): string {
  return io.env['HOME'] ?? homedir()
}

function usualBundle(io: Io): string {
  const fromEnv = io.env['DOCKER_CERT_PATH']
  if (fromEnv !== undefined && fromEnv !== '') return resolve(io.cwd, fromEnv)
  const bundles = bundlesOf(io)
  const found = existsSync(bundles)
    ? readdirSync(bundles).filter((name) => existsSync(join(bundles, name, 'cert.pem')))
    : []
  const [only] = found
  if (only !== undefined && found.length === 1) return join(bundles, only)
  throw new CaError('missing', `there is ${only === undefined ? 'no' : 'more than one'} bundle in "${bundles}"`, { hint: 'name the folder of the one to renew' }) // prettier-ignore
}
