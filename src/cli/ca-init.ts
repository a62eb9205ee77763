// `dockgate ca init`: makes the authority.
import { hostname } from 'node:os'
import { join } from 'node:path'
import { initCa } from '../ca/init-ca.ts'
import { readArguments, UsageError } from './arguments.ts'
import {
  caPassphrase,
  flag,
  folderOf,
  given,
  keyOf,
  lifetime,
  lifetimeOf,
  signing,
  signingHelp,
  until,
  word,
  type CaVerb,
} from './ca-verb.ts'
import { askHidden } from './passphrase.ts'
import type { Io } from './verb.ts'

const usage = 'dockgate ca init [--name TEXT] [--encrypt] [--key KIND] [--days N]'

export const init: CaVerb = {
  name: 'init',
  summary: 'make the CA: its key, its certificate, and a CRL that revokes nothing',
  help: `usage: ${usage}

Makes certs/ca.key, certs/ca.pem and certs/crl.pem, once. The key is encrypted when a passphrase is
given; without one, whoever reads the file can issue certificates.

  --name TEXT               what the CA is called (dockgate CA of HOST)
  --encrypt                 ask for a passphrase, twice
  --key KIND                ec:p256 (unless said), ec:p384, rsa:3072, rsa:4096
  --days N                  its lifetime (3650)
${signingHelp}

examples:
  dockgate ca init
  dockgate ca init --name 'Example CA' --encrypt
  dockgate ca init --passphrase-file /run/secrets/ca-passphrase --key ec:p384
`,
  async run(args, io) {
    const options = { ...signing, ...lifetime, name: word, key: word, encrypt: flag }
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) return 'help'
    const folder = folderOf(io)
    const passphrase = await newPassphrase(io, values['passphrase-file'], values.encrypt === true)
    const made = await initCa({
      folder,
      now: io.now(),
      // RFC 5280 bounds a common name to 64 characters; host names may be longer.
      name: values.name ?? `dockgate CA of ${hostname()}`.slice(0, 64),
      ...keyOf(values.key),
      ...lifetimeOf(values),
      ...given('passphrase', passphrase),
    })
    return {
      json: values.json === true,
      value: { ...made, folder, encrypted: passphrase !== undefined },
      lines: [
        `made the CA "${made.name}", good until ${until(made.notAfter)}`,
        `  certificate  ${join(folder, 'ca.pem')}`,
        `  key          ${join(folder, 'ca.key')} (${passphrase === undefined ? 'not ' : ''}encrypted)`,
        `  fingerprint  ${made.fingerprint}`,
        'next: dockgate ca server --name NAME',
      ],
    }
  },
}

async function newPassphrase(
  io: Io,
  file: string | undefined,
  ask: boolean,
): Promise<string | undefined> {
  const { env } = io
  const isGiven = file ?? env['DOCKGATE_CA_PASSPHRASE_FILE'] ?? env['DOCKGATE_CA_PASSPHRASE']
  if (isGiven !== undefined && isGiven !== '') return caPassphrase(io, file)()
  if (!ask) return undefined
  const passphrase = await askHidden(io, 'new passphrase of the CA key: ')
  if (passphrase === undefined || passphrase === '') {
    throw new UsageError(
      'no passphrase was given',
      '--passphrase-file FILE where there is no terminal',
    )
  }
  if ((await askHidden(io, 'once more: ')) !== passphrase) {
    throw new UsageError('the two passphrases differ')
  }
  return passphrase
}
