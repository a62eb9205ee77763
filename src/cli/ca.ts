// `dockgate ca …`: the authority. One table of its verbs; each prints what was made, where, and until
// when, or the same as JSON.
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { CaError } from '../ca/ca-error.ts'
import { initCa } from '../ca/init-ca.ts'
import { issueClient } from '../ca/issue-client.ts'
import { issueServer } from '../ca/issue-server.ts'
import { keyKinds, type KeyKind } from '../ca/keys.ts'
import { listIssued } from '../ca/list-issued.ts'
import type { Access } from '../ca/open-issuer.ts'
import { renew } from '../ca/renew.ts'
import { isRevocationReason, revocationReasons } from '../ca/revocation-list.ts'
import { revoke } from '../ca/revoke.ts'
import { signCrl } from '../ca/sign-crl.ts'
import { nearest } from '../nearest.ts'
import { readArguments, readCount, UsageError } from './arguments.ts'
import { askHidden, passphraseFrom } from './passphrase.ts'
import type { Io, Verb } from './verb.ts'

const help = `usage: dockgate ca VERB [options]

  init                        make the CA: certs/ca.pem, certs/ca.key, certs/crl.pem
  server                      make or renew the gateway's own certificate
  issue NAME                  make a client's bundle: certs/clients/NAME/
  renew NAME                  a new key and certificate for a name that has one
  revoke NAME|SERIAL          take certificates back
  crl                         sign the revocation list anew (fit for a timer)
  list                        who has what, until when

options of all: --json, --passphrase-file FILE (or DOCKGATE_CA_PASSPHRASE, or asked at a terminal)

  init    [--name TEXT] [--key KIND] [--days N] [--encrypt]
  server  [--name DNS]… [--ip ADDRESS]… [--host tcp://NAME:PORT] [--key KIND] [--days N]
  issue   [--org TEXT] [--unit TEXT] [--email ADDRESS]… [--uri URI]… [--dns NAME]… [--ip ADDRESS]…
          [--days N | --hours N] [--key KIND] [--host tcp://NAME:PORT] [--replace]
  renew   [--days N | --hours N] [--revoke-earlier]
  revoke  [--reason REASON]
  crl     [--days N] [--if-due]
  list    [--expiring DAYSd]

KIND is ${keyKinds.join(', ')}.
REASON is ${revocationReasons.join(', ')}.

examples:
  dockgate ca init
  dockgate ca server --name gate.example.com --ip 192.0.2.7 --host tcp://gate.example.com:2376
  dockgate ca issue alice --org Example --unit dev --days 90
  dockgate ca revoke alice --reason keyCompromise
`

const common = {
  json: { type: 'boolean' },
  'passphrase-file': { type: 'string' },
} as const
const life = { days: { type: 'string' }, hours: { type: 'string' } } as const
const many = { type: 'string', multiple: true } as const
const word = { type: 'string' } as const
const flag = { type: 'boolean' } as const

interface Answer {
  /** For people. */
  readonly lines: readonly string[]
  readonly json: unknown
}

type Run = (args: string[], io: Io) => Promise<{ answer: Answer; json: boolean } | 'help'>

const verbs: ReadonlyMap<string, Run> = new Map<string, Run>([
  ['init', runInit],
  ['server', runServer],
  ['issue', runIssue],
  ['renew', runRenew],
  ['revoke', runRevoke],
  ['crl', runCrl],
  ['list', runList],
])

export const ca: Verb = {
  name: 'ca',
  summary: 'the authority: makes, renews and revokes certificates',
  help,
  async run([first, ...args], io) {
    if (first === undefined || first === '--help' || first === '-h') {
      ;(first === undefined ? io.stderr : io.stdout).write(help)
      return first === undefined ? 2 : 0
    }
    const run = verbs.get(first)
    if (run === undefined) {
      const near = nearest(first, verbs.keys())
      const hint = near === undefined ? undefined : `did you mean ca ${near}?`
      throw new UsageError(`unknown verb "ca ${first}"`, hint ?? 'dockgate ca --help lists them')
    }
    try {
      const outcome = await run(args, io)
      if (outcome === 'help') io.stdout.write(help)
      else if (outcome.json) io.stdout.write(`${JSON.stringify(outcome.answer.json, null, 2)}\n`)
      else io.stdout.write(`${outcome.answer.lines.join('\n')}\n`)
      return 0
    } catch (error) {
      if (!(error instanceof CaError)) throw error
      const hint = error.hint === undefined ? '' : `hint: ${error.hint}\n`
      io.stderr.write(`dockgate: ${error.message}\n${hint}`)
      return 1
    }
  },
}

function folderOf(io: Io): string {
  return join(resolve(io.cwd, io.env['DOCKGATE_HOME'] ?? '.'), 'certs')
}

function accessOf(io: Io, file: string | undefined): Access {
  return { folder: folderOf(io), now: io.now(), passphrase: passphraseFrom(io, file) }
}

function keyOf(text: string | undefined): { key: KeyKind } | Record<string, never> {
  if (text === undefined) return {}
  const key = keyKinds.find((kind) => kind === text)
  if (key !== undefined) return { key }
  throw new UsageError(`unknown kind of key ${JSON.stringify(text)}`, keyKinds.join(', '))
}

function lifeOf(values: {
  days?: string | undefined
  hours?: string | undefined
}): { lifetimeHours: number } | Record<string, never> {
  const days = readCount(values.days, 'days')
  const hours = readCount(values.hours, 'hours')
  if (days !== undefined && hours !== undefined) throw new UsageError('--days or --hours, not both')
  if (days !== undefined) return { lifetimeHours: days * 24 }
  return hours === undefined ? {} : { lifetimeHours: hours }
}

function maybe<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>)
}

async function runInit(args: string[], io: Io): ReturnType<Run> {
  const { values } = readArguments(
    args,
    { ...common, name: word, key: word, days: word, encrypt: flag },
    { min: 0, max: 0, usage: 'dockgate ca init [--name TEXT] [--key KIND] [--days N] [--encrypt]' },
  )
  if (values.help === true) return 'help'
  const folder = folderOf(io)
  const file = values['passphrase-file']
  const given = file !== undefined || Boolean(io.env['DOCKGATE_CA_PASSPHRASE'])
  let passphrase = given ? await passphraseFrom(io, file)() : undefined
  if (!given && values.encrypt === true) {
    passphrase = await askHidden(io, 'new passphrase of the CA key: ')
    const again = await askHidden(io, 'once more: ')
    if (passphrase !== again) throw new UsageError('the two passphrases differ')
  }
  if (passphrase === '' || (values.encrypt === true && passphrase === undefined)) {
    throw new UsageError('no passphrase was given', '--passphrase-file FILE')
  }
  const made = await initCa({
    folder,
    now: io.now(),
    name: values.name ?? `dockgate CA of ${hostname()}`,
    ...keyOf(values.key),
    ...lifeOf(values),
    ...maybe('passphrase', passphrase),
  })
  const sealed = passphrase === undefined ? 'not encrypted' : 'encrypted'
  return done(values.json, made, [
    `made the CA "${made.name}", valid until ${day(made.notAfter)}`,
    `  certificate  ${join(folder, 'ca.pem')}`,
    `  key          ${join(folder, 'ca.key')} (${sealed})`,
    `  sha256       ${made.fingerprint}`,
  ])
}

async function runServer(args: string[], io: Io): ReturnType<Run> {
  const { values } = readArguments(
    args,
    { ...common, name: many, ip: many, host: word, key: word, days: word },
    { min: 0, max: 0, usage: 'dockgate ca server [--name DNS]… [--ip ADDRESS]… [--host URL]' },
  )
  if (values.help === true) return 'help'
  const names = ['localhost', hostname()].filter((name) => /^[A-Za-z0-9.-]+$/.test(name))
  const made = await issueServer(accessOf(io, values['passphrase-file']), {
    ...maybe('names', values.name),
    ...maybe('ips', values.ip),
    ...maybe('host', values.host),
    ...keyOf(values.key),
    ...lifeOf(values),
    defaults: { names: [...new Set(names)], ips: ['127.0.0.1', '::1'] },
  })
  const { issued } = made
  return done(values.json, made, [
    `made the gateway's certificate, valid until ${day(issued.notAfter)}`,
    `  names   ${[...issued.dns, ...issued.ip].join(', ')}`,
    `  clients dial ${made.host}`,
    `  folder  ${made.folder}`,
  ])
}

async function runIssue(args: string[], io: Io): ReturnType<Run> {
  const { values, positionals } = readArguments(
    args,
    {
      ...common,
      ...life,
      org: word,
      unit: word,
      email: many,
      uri: many,
      dns: many,
      ip: many,
      key: word,
      host: word,
      replace: flag,
    },
    { min: 1, max: 1, usage: 'dockgate ca issue NAME [--org TEXT] [--unit TEXT] [--days N]' },
  )
  if (values.help === true) return 'help'
  const { email, uri, dns, ip } = values
  const made = await issueClient(accessOf(io, values['passphrase-file']), {
    name: positionals[0] ?? '',
    ...maybe('org', values.org),
    ...maybe('unit', values.unit),
    names: {
      ...maybe('email', email),
      ...maybe('uri', uri),
      ...maybe('dns', dns),
      ...maybe('ip', ip),
    },
    ...keyOf(values.key),
    ...lifeOf(values),
    ...maybe('host', values.host),
    ...(values.replace === true ? { earlier: 'revoke' as const } : {}),
  })
  return done(values.json, made, bundleLines(made))
}

async function runRenew(args: string[], io: Io): ReturnType<Run> {
  const { values, positionals } = readArguments(
    args,
    { ...common, ...life, host: word, 'revoke-earlier': flag },
    { min: 1, max: 1, usage: 'dockgate ca renew NAME [--days N | --hours N] [--revoke-earlier]' },
  )
  if (values.help === true) return 'help'
  const made = await renew(accessOf(io, values['passphrase-file']), positionals[0] ?? '', {
    ...lifeOf(values),
    ...maybe('host', values.host),
    revokeEarlier: values['revoke-earlier'] === true,
  })
  return done(values.json, made, bundleLines(made))
}

async function runRevoke(args: string[], io: Io): ReturnType<Run> {
  const { values, positionals } = readArguments(
    args,
    { ...common, reason: word },
    { min: 1, max: 1, usage: 'dockgate ca revoke NAME|SERIAL [--reason REASON]' },
  )
  if (values.help === true) return 'help'
  const reason = values.reason ?? 'unspecified'
  if (!isRevocationReason(reason)) {
    throw new UsageError(`unknown reason ${JSON.stringify(reason)}`, revocationReasons.join(', '))
  }
  const made = await revoke(accessOf(io, values['passphrase-file']), positionals[0] ?? '', reason)
  return done(values.json, made, [
    ...made.revoked.map((row) => `revoked ${row.serial} of ${row.name} (${reason})`),
    `the CRL has number ${made.crl.number} and is good until ${day(made.crl.nextUpdate)}`,
  ])
}

async function runCrl(args: string[], io: Io): ReturnType<Run> {
  const { values } = readArguments(
    args,
    { ...common, days: word, 'if-due': flag },
    { min: 0, max: 0, usage: 'dockgate ca crl [--days N] [--if-due]' },
  )
  if (values.help === true) return 'help'
  const made = await signCrl({
    ...accessOf(io, values['passphrase-file']),
    ...lifeOf(values),
    onlyIfDue: values['if-due'] === true,
  })
  if (made === undefined) return done(values.json, null, ['the CRL is not due yet'])
  return done(values.json, made, [
    `the CRL has number ${made.number}, good until ${day(made.nextUpdate)}`,
  ])
}

async function runList(args: string[], io: Io): ReturnType<Run> {
  const { values } = readArguments(
    args,
    { ...common, expiring: word },
    { min: 0, max: 0, usage: 'dockgate ca list [--expiring 14d]' },
  )
  if (values.help === true) return 'help'
  const days = readCount(values.expiring?.replace(/d$/, ''), 'expiring')
  const rows = listIssued(
    folderOf(io),
    io.now(),
    days === undefined ? undefined : days * 86_400_000,
  )
  const table = rows.map((row) => [
    row.name,
    row.kind,
    row.revoked === undefined
      ? row.status
      : `revoked ${day(row.revoked.at)} (${row.revoked.reason})`,
    day(row.notAfter),
    row.serial,
  ])
  return done(
    values.json,
    rows,
    formatTable([['NAME', 'KIND', 'STATUS', 'UNTIL', 'SERIAL'], ...table]),
  )
}

function bundleLines(made: Awaited<ReturnType<typeof issueClient>>): string[] {
  const { issued, folder, host } = made
  return [
    `made a certificate for ${issued.name}, valid until ${day(issued.notAfter)}`,
    ...made.revoked.map((serial) => `  revoked  ${serial}`),
    `  bundle   ${folder}`,
    `  dials    ${host}`,
    `  try      source ${join(folder, 'env.sh')} && docker version`,
  ]
}

async function done(
  json: boolean | undefined,
  value: unknown,
  lines: readonly string[],
): ReturnType<Run> {
  return { answer: { lines, json: value }, json: json === true }
}

function day(time: string): string {
  return time.slice(0, 10)
}

function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
