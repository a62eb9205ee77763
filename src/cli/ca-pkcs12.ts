// `dockgate ca pkcs12`: a client's bundle as one file for browsers and key stores.
import { exportPkcs12 } from '../ca/export-pkcs12.ts'
import { readArguments, UsageError } from './arguments.ts'
import { common, folderOf, word, type CaVerb } from './ca-verb.ts'
import { secretFrom } from './passphrase.ts'

const usage = 'dockgate ca pkcs12 NAME [--password-file FILE]'

export const pkcs12: CaVerb = {
  name: 'pkcs12',
  summary: "write a client's bundle as PKCS#12 too, for browsers and key stores",
  help: `usage: ${usage}

Writes certs/clients/NAME/NAME.p12: key, certificate and CA, sealed with AES-256 by a password.

  --password-file FILE      the password is the first line of FILE; else it comes from
                            DOCKGATE_PKCS12_PASSWORD_FILE or DOCKGATE_PKCS12_PASSWORD, or is asked for
  --json                    print what was done as JSON

examples:
  dockgate ca pkcs12 alice
  dockgate ca pkcs12 alice --password-file alice.password
`,
  async run(args, io) {
    const options = { ...common, 'password-file': word }
    const { values, positionals } = readArguments(args, options, { min: 1, max: 1, usage })
    if (values.help === true) return 'help'
    const [name = ''] = positionals
    const password = await secretFrom(io, {
      file: values['password-file'],
      variable: 'DOCKGATE_PKCS12_PASSWORD',
      question: `password of ${JSON.stringify(`${name}.p12`)}: `,
    })()
    if (password === undefined) {
      throw new UsageError('no password was given', '--password-file FILE')
    }
    const path = await exportPkcs12(folderOf(io), name, password)
    return { json: values.json === true, value: { name, path }, lines: [`wrote ${path}`] }
  },
}
