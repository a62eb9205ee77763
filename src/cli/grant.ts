// `dockgate grant`: on an operator's machine, gives somebody a role for a while, signed with the
// operator's own key, and lists or ends what was given.
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { ask } from '../connect/ask.ts'
import { openClientBundle } from '../connect/client-bundle.ts'
import type { Gateway } from '../connect/relay.ts'
import { openSigner } from '../connect/sign.ts'
import { grantType, writeClaims } from '../docker/grant-claims.ts'
import type { GrantRow } from '../gateway/give-grant.ts'
import { moment, span, table } from './amounts.ts'
import { readArguments, UsageError } from './arguments.ts'
import { demand, readGateway } from './at-gateway.ts'
import { readSpan } from './span.ts'
import type { Io, Verb } from './verb.ts'

const usage = 'dockgate grant NAME ROLE --for 30m --reason TEXT | --list | --end ID [--reason TEXT]'

const help = `usage: ${usage}

Gives NAME the role ROLE for a while: at once, without a change of roles.yaml, and gone by itself with
everything that is under way by it. The grant is signed with the key of your certificate. Your own role
must allow dockgate.grant and name ROLE in mayGrant (roles.yaml); whatever takes your right takes what
you gave, and who was given a right cannot give it on.

  --for 30m        for how long (or 2h, 1d), until your own certificate ends at most
  --reason TEXT    why: it stands in the audit and in "dockgate status"
  --list           what is given now (dockgate.grants); who does not reach all sees their own
  --end ID         takes one back, at once (dockgate.ungrant)
  --to             the gateway, tcp://HOST:PORT; DOCKER_HOST unless said
  --cert FOLDER    your bundle; DOCKER_CERT_PATH unless said
  --json           what was done as JSON

examples:
  dockgate grant alice operator --for 30m --reason INC-7
  dockgate grant --list
  dockgate grant --end 01M85QTZ4ENJW6S8YRTAG4FGGG --reason "INC-7 is over"
`

const path = '/_dockgate/grants'

export const grant: Verb = {
  help,
  async run(args, io) {
    const { values, positionals } = readArguments(
      args,
      {
        for: { type: 'string' },
        reason: { type: 'string' },
        list: { type: 'boolean' },
        end: { type: 'string' },
        to: { type: 'string' },
        cert: { type: 'string' },
        json: { type: 'boolean' },
      },
      { min: 0, max: 2, usage },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const [to, role] = positionals
    const given = { to, role, for: readSpan(values.for, 'for'), reason: values.reason }
    const ways = [to !== undefined, values.list === true, values.end !== undefined]
    if (ways.filter(Boolean).length !== 1) throw new UsageError(`usage: ${usage}`)
    const site = siteOf(values, io)
    if (values.list === true) return show(await list(site), values.json === true, io)
    const row =
      values.end === undefined
        ? await give(site, given, io)
        : await takeBack(site, values.end, values.reason)
    const words =
      values.end === undefined
        ? `${row.to} has ${row.role} until ${moment(row.until)}; grant ${row.id}\n`
        : `${row.to} no longer has ${row.role} by grant ${row.id}\n`
    io.stdout.write(values.json === true ? `${JSON.stringify(row, null, 2)}\n` : words)
    return 0
  },
}

interface Site {
  readonly gateway: Gateway
  readonly folder: string
}

function siteOf(values: { readonly to?: string; readonly cert?: string }, io: Io): Site {
  const folder = demand(values.cert ?? io.env['DOCKER_CERT_PATH'], '--cert FOLDER', usage)
  const to = demand(values.to ?? io.env['DOCKER_HOST'], '--to tcp://HOST:2376', usage)
  return { gateway: readGateway(to), folder: resolve(io.cwd, folder) }
}

interface Wanted {
  readonly to: string | undefined
  readonly role: string | undefined
  readonly for: number | undefined
  readonly reason: string | undefined
}

async function give(site: Site, wanted: Wanted, io: Io): Promise<GrantRow> {
  const { for: forMs } = wanted
  if (forMs === undefined) throw new UsageError('say for how long: --for 30m', `usage: ${usage}`)
  const signer = openSigner(site.folder)
  const iat = Math.floor(io.now().getTime() / 1000)
  const asked = iat + Math.floor(forMs / 1000)
  const exp = Math.min(asked, Math.floor(signer.notAfter.getTime() / 1000))
  if (exp < asked) io.stderr.write('dockgate: your own certificate ends before, and the grant with it\n') // prettier-ignore
  const claims = writeClaims({
    sub: demand(wanted.to, 'NAME', usage),
    role: demand(wanted.role, 'ROLE', usage),
    reason: demand(wanted.reason, '--reason TEXT', usage),
    jti: randomBytes(16).toString('hex'),
    iat,
    exp,
    host: site.gateway.host,
    thumbprint: signer.thumbprint,
  })
  return send<GrantRow>(site, 'POST', path, { grant: await signer.sign(grantType, claims) })
}

const list = (site: Site): Promise<readonly GrantRow[]> => send(site, 'GET', path)

function takeBack(site: Site, id: string, reason: string | undefined): Promise<GrantRow> {
  const query = reason === undefined ? '' : `?reason=${encodeURIComponent(reason)}`
  return send(site, 'DELETE', `${path}/${encodeURIComponent(id.toUpperCase())}${query}`)
}

async function send<T>(
  { gateway, folder }: Site,
  method: string,
  target: string,
  body?: object,
): Promise<T> {
  const context = openClientBundle(folder).context()
  const asked = { gateway, context, method, path: target, ...(body === undefined ? {} : { body }) }
  const { status, value } = await ask(asked)
  if (status === 200 || status === 201) return value as T
  const isWorded = typeof value === 'object' && value !== null && 'message' in value
  const words = isWorded ? String(value.message).replace(/^dockgate: /, '') : `status ${status}`
  // What another machine says goes to a terminal.
  throw new Error(words.replace(/\p{C}/gu, '?').slice(0, 500))
}

function show(rows: readonly GrantRow[], json: boolean, io: Io): number {
  if (json) io.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
  else if (rows.length === 0) io.stdout.write('nothing is given for a while\n')
  else io.stdout.write(grantTable(rows, io.now().getTime()))
  return 0
}

export function grantTable(rows: readonly GrantRow[], now: number): string {
  const cells = rows.map((row) => [
    row.id,
    row.to,
    row.role,
    row.by,
    span(row.until - now),
    row.idle === null ? row.reason : `${row.reason} (not in force: ${row.idle})`,
  ])
  return table([['GRANT', 'TO', 'ROLE', 'BY', 'LEFT', 'REASON'], ...cells])
}
