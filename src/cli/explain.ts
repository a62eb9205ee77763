// `dockgate explain`: what the policy says to a request that nobody has to make.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { loadPolicy, loadSettings } from '../config/load.ts'
import { isFailure } from '../errors.ts'
import { readPrincipal } from '../identity/certificate.ts'
import type { Principal } from '../identity/principal.ts'
import { canonicalAddress } from '../policy/network.ts'
import { readArguments, UsageError } from './arguments.ts'
import { explained, type Explained } from './explained.ts'
import { recordedRequests, type RecordedRequest } from './recorded-requests.ts'
import { principalAs } from './subject.ts'
import type { Io, Verb } from './verb.ts'

const help = `usage: dockgate explain (--as WHO | --cert FILE) [--address IP] [--body FILE] [--json] METHOD PATH
       dockgate explain (--as WHO | --cert FILE) [--address IP] [--json] -- docker ARGUMENTS

Says what would become of a request: the decision, the role, the grant's line in roles.yaml, and every
limit that objects, with the value found and the value allowed. The engine is not asked: what the
request names is taken for theirs, and "ask" says that it depends on that. What a role on trial would say stands
beside it and decides nothing.

A JSON body is read from --body FILE, or from standard input with --body -. After "--" stands a docker
command, which is run against a socket that writes its requests down and does nothing.

examples:
  dockgate explain --as alice GET /containers/json
  dockgate explain --as name=alice,unit=dev,org=Example --body - POST /containers/create < body.json
  dockgate explain --cert certs/clients/alice/cert.pem DELETE '/containers/web?force=1'
  dockgate explain --as alice -- docker run -v /:/host busybox
`

export const explain: Verb = {
  help,
  async run(args, io) {
    const cut = args.indexOf('--')
    const command = cut === -1 ? [] : args.slice(cut + 1)
    const asksCommand = cut !== -1
    const { values, positionals } = readArguments(
      asksCommand ? args.slice(0, cut) : args,
      {
        as: { type: 'string' },
        cert: { type: 'string' },
        address: { type: 'string' },
        body: { type: 'string' },
        json: { type: 'boolean' },
      },
      {
        min: asksCommand ? 0 : 2,
        max: asksCommand ? 0 : 2,
        usage: 'dockgate explain --as WHO METHOD PATH',
      },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    if (asksCommand && command[0] !== 'docker') {
      throw new UsageError(
        'after "--" stands a docker command',
        'dockgate explain --as WHO -- docker ps',
      )
    }
    const address = canonicalAddress(values.address ?? '127.0.0.1')
    if (address === undefined) {
      throw new UsageError(`--address takes an IP address, not ${JSON.stringify(values.address)}`)
    }
    const principal = principalOf(values)
    const policy = loadPolicy(loadSettings(io.env, io.cwd).rolesPath)
    const now = io.now().getTime()
    const roles = policy.rolesOf(principal, address, now)
    const trials = policy.trialsOf(principal, address, now)
    const base = {
      who: principal.name,
      roles: roles.map((role) => role.name),
      grants: policy
        .grantsOf(principal, address, now)
        .map((grant) => ({ line: grant.line, roles: grant.roles })),
    }
    const asked = asksCommand
      ? await recordedRequests(command, io.env)
      : [await givenRequest(positionals, values.body, io)]
    if (asked.length === 0) throw new Error('the command asked nothing of the engine')
    const answers = await Promise.all(
      asked.map(async (request) => ({
        ...base,
        request: `${request.method} ${request.target}`,
        ...(await explained(request, principal, roles, trials)),
        // They decide nothing, so that the exit code does not know them.
        ...(trials.length === 0 ? {} : { trial: await explained(request, principal, trials) }),
      })),
    )
    if (values.json === true) {
      io.stdout.write(`${JSON.stringify(asksCommand ? answers : answers[0], null, 2)}\n`)
    } else {
      for (const answer of answers) io.stdout.write(inWords(answer, asksCommand))
    }
    return answers.every(({ decision }) => decision === 'allow' || decision === 'ask') ? 0 : 1
  },
}

async function givenRequest(
  [method = '', target = '']: readonly string[],
  from: string | undefined,
  io: Io,
): Promise<RecordedRequest> {
  const body =
    from === undefined
      ? Buffer.alloc(0)
      : from === '-'
        ? await readAll(io.stdin)
        : readFileSync(from)
  return { method: method.toUpperCase(), target, contentType: 'application/json', body }
}

async function readAll(input: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of input as AsyncIterable<Buffer | string>) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

function inWords(
  answer: Explained & {
    readonly who: string
    readonly request: string
    readonly trial?: Explained
    readonly grants: readonly { readonly line: number; readonly roles: readonly string[] }[]
  },
  withRequest: boolean,
): string {
  const { who, operation, decision, role, reason, objections, grants, trial } = answer
  return [
    `${who}: ${operation ?? 'unreadable'}: ${decision}`,
    ...(withRequest ? [`  request ${answer.request}`] : []),
    ...(role === null ? [] : [`  role    ${role}`]),
    ...(objections.length === 0 ? [`  reason  ${reason}`] : []),
    ...objections.flatMap(({ field, message, found, allowed }) => [
      `  limit   ${message}`,
      `          ${field}: found ${found}; allowed ${allowed}`,
    ]),
    ...(trial === undefined ? [] : [inTrial(trial)]),
    ...grants.map((grant) => `  grant   roles.yaml:${grant.line} gives ${grant.roles.join(', ')}`),
    '',
  ].join('\n')
}

function inTrial({ decision, role, reason }: Explained): string {
  return `  trial   ${role ?? 'a role on trial'} would say ${decision}: ${reason}`
}

function principalOf(values: { as?: string | undefined; cert?: string | undefined }): Principal {
  if (values.cert !== undefined && values.as === undefined) {
    const cert = new X509Certificate(readFileSync(values.cert))
    const fingerprint = cert.fingerprint256.replaceAll(':', '').toLowerCase()
    const principal = readPrincipal(cert.raw, fingerprint)
    if (isFailure(principal)) throw new Error(principal.detail ?? principal.message)
    return principal
  }
  if (values.as === undefined || values.cert !== undefined) {
    throw new UsageError('say who: either --as WHO or --cert FILE')
  }
  return principalAs(values.as)
}
