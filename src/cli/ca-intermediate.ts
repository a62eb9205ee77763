// `dockgate ca intermediate`: a CA below a root gets a new certificate.
import { join } from 'node:path'
import { renewAuthority } from '../ca/renew-authority.ts'
import { isRevocationReason, revocationReasons } from '../ca/revocation-list.ts'
import { readArguments, UsageError } from './arguments.ts'
import {
  accessOf,
  flag,
  lifetime,
  lifetimeOf,
  requireRootDir,
  rootAccessOf,
  rootHelp,
  rootSigning,
  signing,
  signingHelp,
  until,
  word,
  type CaVerb,
} from './ca-verb.ts'

const usage = 'dockgate ca intermediate --root-dir FOLDER [--days N] [--new-key]'

export const intermediate: CaVerb = {
  name: 'intermediate',
  summary: 'a new certificate for the CA, where it is below a root',
  help: `usage: ${usage}

The root signs a new certificate for the CA, before the one that it has ends. The key stays, and all that
was issued goes on. With --new-key the root takes the old one back, with all that it issued: within a
second nobody is let in any more, and everybody, the gateway first, needs a new certificate.

${rootHelp}
  --days N, --hours N       the lifetime (1825 days)
  --new-key                 when the key of the CA may be in the wrong hands
  --reason REASON           of that: ${revocationReasons.slice(0, 3).join(', ')},
                            ${revocationReasons.slice(3).join(', ')}
${signingHelp}

examples:
  dockgate ca intermediate --root-dir /media/root-ca
  dockgate ca intermediate --root-dir /media/root-ca --new-key --reason keyCompromise
`,
  async run(args, io) {
    const about = { 'new-key': flag, reason: word }
    const options = { ...signing, ...rootSigning, ...lifetime, ...about }
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) return 'help'
    const { reason = 'superseded', 'new-key': hasNewKey = false } = values
    if (!isRevocationReason(reason)) {
      throw new UsageError(`unknown reason ${JSON.stringify(reason)}`, revocationReasons.join(', '))
    }
    const access = accessOf(io, values['passphrase-file'])
    const root = rootAccessOf(io, requireRootDir(values), values['root-passphrase-file'])
    const made = await renewAuthority(access, root, {
      ...lifetimeOf(values),
      ...(hasNewKey ? { newKey: { reason } } : {}),
    })
    return {
      json: values.json === true,
      value: made,
      lines: [
        `the CA "${made.name}" has a new certificate, good until ${until(made.notAfter)}`,
        `  certificate  ${join(access.folder, 'ca.pem')}`,
        `  fingerprint  ${made.fingerprint}`,
        ...(hasNewKey
          ? ['its key is new, and all that it issued was taken back', 'next: dockgate ca server']
          : []),
      ],
    }
  },
}
