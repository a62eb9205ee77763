// `dockgate ca revoke`: takes certificates back.
import { listTokens } from '../ca/make-token.ts'
import { isRevocationReason, revocationReasons } from '../ca/revocation-list.ts'
import { revoke as revokeIssued } from '../ca/revoke.ts'
import { nearest } from '../nearest.ts'
import { readArguments, UsageError } from './arguments.ts'
import { accessOf, signing, signingHelp, until, word, type CaVerb } from './ca-verb.ts'

const usage = 'dockgate ca revoke NAME|SERIAL [--reason REASON]'

export const revoke: CaVerb = {
  name: 'revoke',
  summary: 'take certificates back',
  help: `usage: ${usage}

Puts every certificate that NAME has, or the one with SERIAL (or with that SHA-256 fingerprint), into
certs/crl.pem. It cannot be undone; "ca issue NAME --replace" makes a new certificate.

  --reason REASON           ${revocationReasons.slice(0, 3).join(', ')},
                            ${revocationReasons.slice(3).join(', ')}
${signingHelp}

examples:
  dockgate ca revoke alice --reason keyCompromise
  dockgate ca revoke 5F1C0A9E3B7D44218A60F2C7D19E8B35 --reason superseded
`,
  async run(args, io) {
    const options = { ...signing, reason: word }
    const { values, positionals } = readArguments(args, options, { min: 1, max: 1, usage })
    if (values.help === true) return 'help'
    const reason = values.reason ?? 'unspecified'
    if (!isRevocationReason(reason)) {
      const near = nearest(reason, revocationReasons)
      const hint = near === undefined ? revocationReasons.join(', ') : `did you mean ${near}?`
      throw new UsageError(`unknown reason ${JSON.stringify(reason)}`, hint)
    }
    const access = accessOf(io, values['passphrase-file'])
    const made = await revokeIssued(access, positionals[0] ?? '', reason)
    const names = new Set(made.revoked.map((row) => row.name))
    const open = listTokens(access.folder, io.now()).filter((token) => names.has(token.name))
    return {
      json: values.json === true,
      value: { ...made, tokens: open.map(({ id, name }) => ({ id, name })) },
      lines: [
        ...made.revoked.map((row) => `revoked ${row.serial} of ${row.name} (${reason})`),
        `certs/crl.pem is number ${made.crl.number}, good until ${until(made.crl.nextUpdate)}`,
        ...open.map(({ id, name }) => `${name} can still enroll: dockgate ca token --cancel ${id}`),
      ],
    }
  },
}
