// `dockgate ca crl`: signs the CRL anew before it runs out.
import { signCrl } from '../ca/sign-crl.ts'
import { requireIndex } from '../ca/store.ts'
import { readArguments } from './arguments.ts'
import {
  accessOf,
  flag,
  lifetime,
  lifetimeOf,
  signing,
  signingHelp,
  until,
  type CaVerb,
} from './ca-verb.ts'

const usage = 'dockgate ca crl [--if-due] [--days N | --hours N]'

export const crl: CaVerb = {
  name: 'crl',
  summary: 'sign the revocation list anew, before it runs out',
  help: `usage: ${usage}

Signs certs/crl.pem with a new date and number. The gateway lets nobody in on an expired one, so call
this from cron or a timer; issuing and revoking sign it too when half of its life is over.

  --if-due                  only when half of its life is over, else do nothing
  --days N, --hours N       how long it is good, from now on (30 days)
${signingHelp}

examples:
  dockgate ca crl
  dockgate ca crl --if-due --passphrase-file /run/secrets/ca-passphrase
`,
  async run(args, io) {
    const options = { ...signing, ...lifetime, 'if-due': flag }
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) return 'help'
    const access = accessOf(io, values['passphrase-file'])
    const made = await signCrl({
      ...access,
      ...lifetimeOf(values),
      onlyIfDue: values['if-due'] === true,
    })
    const { root } = requireIndex(access.folder).ca
    return {
      json: values.json === true,
      value: made ?? null,
      lines: [
        made === undefined
          ? 'certs/crl.pem is not due yet'
          : `certs/crl.pem is number ${made.number}, good until ${until(made.nextUpdate)}`,
        ...(root === undefined
          ? []
          : [`the list of its root is good until ${until(root.nextUpdate)}: dockgate ca root-crl`]),
      ],
    }
  },
}
