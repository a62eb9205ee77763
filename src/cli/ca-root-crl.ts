// `dockgate ca root-crl`: the root's own list, signed anew, or with a CA taken back in it.
import { requireIndex } from '../ca/store.ts'
import { signRootList } from '../ca/root-list.ts'
import { isRevocationReason, revocationReasons } from '../ca/revocation-list.ts'
import { readArguments, UsageError } from './arguments.ts'
import {
  common,
  folderOf,
  lifetime,
  lifetimeOf,
  requireRootDir,
  rootAccessOf,
  rootHelp,
  rootSigning,
  until,
  word,
  type CaVerb,
} from './ca-verb.ts'

const usage = 'dockgate ca root-crl --root-dir FOLDER [--days N] [--revoke SERIAL]'

export const rootCrl: CaVerb = {
  name: 'root-crl',
  summary: "sign the root's revocation list anew, where the CA is below a root",
  help: `usage: ${usage}

Signs the list of the root, of the CAs that it took back, and puts it into certs/crl.pem beside that of the
CA. The gateway lets nobody in when either has expired. It needs the root's key, so it is good for a year.

${rootHelp}
  --days N, --hours N       how long it is good, from now on (365 days)
  --revoke SERIAL           take back the CA with this serial or fingerprint, with all that it issued
  --reason REASON           of that: ${revocationReasons.slice(0, 3).join(', ')},
                            ${revocationReasons.slice(3).join(', ')}
  --json                    print what was done as JSON

examples:
  dockgate ca root-crl --root-dir /media/root-ca
  dockgate ca root-crl --root-dir /media/root-ca --revoke 5F1C0A9E3B7D44218A60F2C7D19E8B35
`,
  async run(args, io) {
    const options = { ...common, ...rootSigning, ...lifetime, revoke: word, reason: word }
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) return 'help'
    const { revoke: who, reason = 'unspecified' } = values
    if (!isRevocationReason(reason)) {
      throw new UsageError(`unknown reason ${JSON.stringify(reason)}`, revocationReasons.join(', '))
    }
    const root = rootAccessOf(io, requireRootDir(values), values['root-passphrase-file'])
    const made = await signRootList(folderOf(io), root, {
      ...lifetimeOf(values),
      ...(who === undefined ? {} : { revoke: { who, reason } }),
    })
    const { name } = requireIndex(root.folder).ca
    return {
      json: values.json === true,
      value: made,
      lines: [
        ...(who === undefined ? [] : [`took back ${who} (${reason})`]),
        `the list of "${name}" is number ${made.number}, good until ${until(made.nextUpdate)}`,
      ],
    }
  },
}
