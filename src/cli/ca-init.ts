// `dockgate ca init`: makes the authority.
import { hostname } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { CaError } from '../ca/ca-error.ts'
import { initCa } from '../ca/init-ca.ts'
import type { RootOptions } from '../ca/init-ca.ts'
import { readIndex } from '../ca/store.ts'
import { readArguments, UsageError } from './arguments.ts'
import {
  flag,
  folderOf,
  given,
  keyOf,
  lifetime,
  lifetimeOf,
  rootAccessOf,
  rootHelp,
  rootSigning,
  signing,
  signingHelp,
  until,
  word,
  type CaVerb,
} from './ca-verb.ts'
import { askHidden, secretFrom } from './passphrase.ts'
import type { Io } from './verb.ts'

const usage =
  'dockgate ca init [--name TEXT] [--encrypt] [--key KIND] [--days N] [--root-dir FOLDER]'

export const init: CaVerb = {
  name: 'init',
  summary: 'make the CA: its key, its certificate, and a CRL that revokes nothing',
  help: `usage: ${usage}

Makes certs/ca.key, certs/ca.pem and certs/crl.pem, once. The key is encrypted when a passphrase is
given; without one, whoever reads the file can issue certificates.

  --name TEXT               what the CA is called (dockgate CA of HOST)
  --encrypt                 ask for a passphrase, twice
  --key KIND                ec:p256 (unless said), ec:p384, rsa:3072, rsa:4096
  --days N                  its lifetime (3650; 1825 below a root)
${signingHelp}

With --root-dir, a root signs the CA and then can be locked away: its key and certificate are made in that
folder, unless there is a root in it already. Clients trust the root; the CA can be renewed and taken back
("ca root-crl", "ca intermediate"). The key kind is that of both; the root lives 20 years.

${rootHelp}
  --root-name TEXT          what the root is called (the CA's name with "root" behind it)

examples:
  dockgate ca init
  dockgate ca init --name 'Example CA' --encrypt
  dockgate ca init --passphrase-file /run/secrets/ca-passphrase --key ec:p384
  dockgate ca init --root-dir /media/root-ca --encrypt
`,
  async run(args, io) {
    const about = { name: word, key: word, encrypt: flag, 'root-name': word }
    const options = { ...signing, ...rootSigning, ...lifetime, ...about }
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) return 'help'
    const folder = folderOf(io)
    // RFC 5280 bounds a common name to 64 characters; host names may be longer.
    const name = values.name ?? `dockgate CA of ${hostname()}`.slice(0, 64)
    const { 'root-dir': rootDir, 'root-passphrase-file': rootFile, 'root-name': rootName } = values
    if (rootDir === undefined && (rootFile ?? rootName) !== undefined) {
      throw new UsageError('--root-passphrase-file and --root-name go with --root-dir')
    }
    const ask = values.encrypt === true
    const root =
      rootDir === undefined
        ? undefined
        : {
            ...(await rootOf(io, folder, rootDir, rootFile, ask)),
            name: rootName ?? `${name.slice(0, 59).trimEnd()} root`,
            ...keyOf(values.key),
          }
    const passphrase = await newPassphrase(io, caKey, values['passphrase-file'], ask)
    const made = await initCa({
      folder,
      now: io.now(),
      name,
      ...keyOf(values.key),
      ...lifetimeOf(values),
      ...given('passphrase', passphrase),
      ...given('root', root),
    })
    return {
      json: values.json === true,
      value: { ...made, folder, encrypted: passphrase !== undefined },
      lines: [
        `made the CA "${made.name}", good until ${until(made.notAfter)}`,
        `  certificate  ${join(folder, 'ca.pem')}`,
        `  key          ${join(folder, 'ca.key')} (${passphrase === undefined ? 'not ' : ''}encrypted)`,
        `  fingerprint  ${made.fingerprint}`,
        ...(made.root === undefined || root === undefined
          ? []
          : [
              `below the root "${made.root.name}", good until ${until(made.root.notAfter)}`,
              `  folder       ${root.folder}: keep it, and its key, away from here`,
              `  fingerprint  ${made.root.fingerprint}`,
              `  its list     good until ${until(made.root.nextUpdate)}, by then: dockgate ca root-crl`,
            ]),
        'next: dockgate ca server --name NAME',
      ],
    }
  },
}

const caKey = { whose: 'CA', variable: 'DOCKGATE_CA_PASSPHRASE' } as const
const rootKey = { whose: 'root', variable: 'DOCKGATE_ROOT_PASSPHRASE' } as const

/** One that is there is opened with its passphrase, a new one is sealed with it. */
async function rootOf(
  io: Io,
  certs: string,
  rootDir: string,
  file: string | undefined,
  ask: boolean,
): Promise<Pick<RootOptions, 'folder' | 'access' | 'passphrase'>> {
  const folder = resolve(io.cwd, rootDir)
  if (!relative(certs, folder).startsWith('..')) {
    throw new CaError('not-allowed', 'the root is to be kept elsewhere than the CA', {
      hint: '--root-dir with a folder on a medium of its own',
    })
  }
  const access = rootAccessOf(io, rootDir, file)
  if (readIndex(folder) !== undefined) return { folder, access }
  const passphrase = await newPassphrase(io, rootKey, file, ask)
  const known = { ...access, passphrase: () => Promise.resolve(passphrase) }
  return { folder, access: known, ...given('passphrase', passphrase) }
}

async function newPassphrase(
  io: Io,
  { whose, variable }: typeof caKey | typeof rootKey,
  file: string | undefined,
  ask: boolean,
): Promise<string | undefined> {
  const { env } = io
  const isGiven = file ?? env[`${variable}_FILE`] ?? env[variable]
  if (isGiven !== undefined && isGiven !== '')
    return secretFrom(io, { file, variable, question: '' })()
  if (!ask) return undefined
  const passphrase = await askHidden(io, `new passphrase of the ${whose} key: `)
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
