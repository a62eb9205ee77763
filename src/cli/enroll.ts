// `dockgate enroll`: on the client's machine, a first certificate from the signing endpoint.
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { CaError } from '../ca/ca-error.ts'
import { contextName } from '../ca/client-bundle.ts'
import { enrollBundle } from '../ca/client/enroll-bundle.ts'
import { readCertificate } from '../ca/issuer.ts'
import { readArguments, UsageError } from './arguments.ts'
import { flag, keyOf, runCaVerb, until, word, type CaWork } from './ca-verb.ts'
import { firstLine, readText, secretFrom } from './passphrase.ts'
import { bundlesOf } from './renew.ts'
import type { Io, Verb } from './verb.ts'

const usage = 'dockgate enroll URL [--token TOKEN | --oidc-token-file FILE] [--context]'

const help = `usage: ${usage}

Gets a certificate from the signing endpoint at URL, for a token that an operator has made ("dockgate ca
token"). The key is made here and never leaves. The token names the CA by its fingerprint: a server of
another CA is told nothing. The bundle comes to ~/.dockgate/NAME, with NAME as the token says.

  --token TOKEN             the token; processes of others may see it here, so better:
  --token-file FILE         the first line of FILE; else it comes from DOCKGATE_TOKEN_FILE or
                            DOCKGATE_TOKEN, or is asked for
  --out FOLDER              where the bundle goes
  --replace                 in place of the bundle that lies there
  --key KIND                ec:p256 (unless said), ec:p384, rsa:3072, rsa:4096
  --context                 make a docker context of it too, without asking
  --json                    print what was done as JSON

A job in CI brings an identity token (OpenID Connect) of an issuer that the endpoint trusts instead, and
gets a certificate of some minutes. The bundle comes to ~/.dockgate/oidc, in place of the one before it.

  --oidc-token-file FILE    the identity token is the first line of FILE
  --oidc-token-env NAME     the identity token is in this variable of the environment
  --ca FILE                 the CA's certificate (certs/ca.pem), or
  --ca-fingerprint SHA256   its fingerprint, as "ca init" printed it: to whom the token may be shown

examples:
  dockgate enroll https://ca.example.com:2378
  dockgate enroll https://ca.example.com:2378 --token-file token --context
  dockgate enroll https://ca.example.com:2378 --oidc-token-env ID_TOKEN --ca ca.pem
`

const work: CaWork = {
  help,
  async run(args, io) {
    const options = {
      token: word,
      'token-file': word,
      'oidc-token-file': word,
      'oidc-token-env': word,
      ca: word,
      'ca-fingerprint': word,
      out: word,
      replace: flag,
      key: word,
      context: flag,
      json: flag,
    }
    const { values, positionals } = readArguments(args, options, { min: 1, max: 1, usage })
    if (values.help === true) return 'help'
    const { out, ca, 'ca-fingerprint': fingerprint } = values
    const placeOf = (name: string): string =>
      out === undefined ? join(bundlesOf(io), name) : resolve(io.cwd, out)
    const identityToken = identityTokenOf(io, values['oidc-token-file'], values['oidc-token-env'])
    const made = await enrollBundle({
      url: positionals[0] ?? '',
      ...keyOf(values.key),
      by:
        identityToken === undefined
          ? {
              token: values.token ?? (await askToken(io, values['token-file'])),
              now: io.now(),
              folderOf: placeOf,
              replace: values.replace === true,
            }
          : { identityToken, authority: authorityOf(io, ca, fingerprint), folder: placeOf('oidc') },
    })
    const { name, folder, serial, notAfter, host } = made
    const json = values.json === true
    const context = contextName(name)
    const archive = join(folder, `${name}.dockercontext`)
    const wanted = values.context === true || (!json && (await offersContext(io, context)))
    if (wanted) importContext(io, context, archive, folder)
    return {
      json,
      value: { ...made, context: wanted ? context : null },
      lines: [
        `${name} has a certificate, good until ${until(notAfter)}`,
        `  bundle   ${folder}`,
        `  serial   ${serial}`,
        `  dials    ${host}`,
        ...(wanted
          ? [`  context  ${context}`, 'to use it, either of:', `  docker --context ${context} ps`]
          : ['to use it, either of:', `  docker context import ${context} ${archive}`]),
        `  . ${join(folder, 'env.sh')}`,
      ],
    }
  },
}

export const enroll: Verb = {
  help,
  run: (args, io) => runCaVerb(work, args, io),
}

async function askToken(io: Io, file: string | undefined): Promise<string> {
  const source = { file, variable: 'DOCKGATE_TOKEN', question: 'token: ' }
  const token = await secretFrom(io, source)()
  if (token !== undefined && token !== '') return token.trim()
  throw new UsageError('no token was given', '--token-file FILE, or DOCKGATE_TOKEN')
}

function identityTokenOf(
  io: Io,
  file: string | undefined,
  variable: string | undefined,
): string | undefined {
  if (file === undefined && variable === undefined) return undefined
  if (variable === undefined) return firstLine(resolve(io.cwd, file ?? ''))
  if (file !== undefined) throw new UsageError('--oidc-token-file or --oidc-token-env, not both')
  const token = io.env[variable]?.trim() ?? ''
  if (token !== '') return token
  throw new UsageError(`the variable ${JSON.stringify(variable)} is not set`)
}

function authorityOf(io: Io, file: string | undefined, fingerprint: string | undefined) {
  if ((file === undefined) === (fingerprint === undefined)) {
    throw new UsageError('an identity token needs either --ca FILE or --ca-fingerprint SHA256')
  }
  if (file !== undefined)
    return { pem: readCertificate(readText(resolve(io.cwd, file))).toString() }
  const digits = (fingerprint ?? '').replaceAll(':', '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(digits)) return { fingerprint: digits }
  throw new UsageError('--ca-fingerprint takes the 64 digits that "ca init" printed')
}

/** Asks, where somebody sits at a terminal and there is a docker to ask for. */
async function offersContext(io: Io, name: string): Promise<boolean> {
  const isTerminal = 'isTTY' in io.stdin && io.stdin.isTTY === true
  if (!isTerminal || docker(io, ['--version']).status !== 0) return false
  const asking = createInterface({ input: io.stdin, output: io.stderr })
  const answer = await asking.question(`make the docker context ${JSON.stringify(name)}? [Y/n] `)
  asking.close()
  return /^(?:y|yes)?$/i.test(answer.trim())
}

/** The bundle is there in any case. */
function importContext(io: Io, name: string, archive: string, folder: string): void {
  const { status, stderr, error } = docker(io, ['context', 'import', name, archive])
  if (status === 0) return
  const why = error?.message ?? stderr.trim().split('\n').at(-1)
  const words = `the bundle is in "${folder}", but no docker context was made: ${why}`
  throw new CaError('not-written', words, { hint: `docker context import ${name} ${archive}` })
}

function docker(io: Io, args: readonly string[]) {
  return spawnSync('docker', args, { cwd: io.cwd, env: io.env, encoding: 'utf8' })
}
