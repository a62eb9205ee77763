// `dockgate status`: how the running gateway is.
import { formatFault } from '../config/fault.ts'
import type { Status } from '../gateway/operate.ts'
import { moment, span, table } from './amounts.ts'
import { readArguments } from './arguments.ts'
import { askGateway } from './ask-gateway.ts'
import { grantTable } from './grant.ts'
import type { Verb } from './verb.ts'

const usage = 'dockgate status [--json]'
const help = `usage: ${usage}

How the running gateway is: its version, the policy in force and since when, until when certificates and
the revocation list are good, whether the engine answers, what is under way, what was denied in the last
hour, which rights are given for a while, and what came of the last reading of its files.
Exit code 0: all is well; 1: it does not run, a file of its is not in force, or the engine is away.
`

export const status: Verb = {
  help,
  async run(args, io) {
    const { values } = readArguments(args, { json: { type: 'boolean' } }, { min: 0, max: 0, usage })
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const found = await askGateway<Status>(io, 'GET', '/status')
    const text = values.json === true ? JSON.stringify(found, null, 2) : words(found, io.now())
    io.stdout.write(`${text.trimEnd()}\n`)
    return found.lastReload.faults.length === 0 && found.engine.fault === null ? 0 : 1
  },
}

const periodNames = { ca: 'authority', crl: 'revocation list', server: 'certificate' } as const

function words(found: Status, at: Date): string {
  const now = at.getTime()
  const { engine, policy, revocations, sessions, denials, lastReload } = found
  const rows: (readonly string[])[] = [
    ['dockgate', `${found.version}, pid ${found.pid}, for ${span(now - found.startedAt)}`],
    ['listens on', found.listen],
    [
      'engine',
      engine.fault === null
        ? `${engine.version}, API ${engine.apiVersion}, at ${engine.url}`
        : `${engine.url} does not answer: ${engine.fault}`,
    ],
    ['policy', `${policy.digest.slice(0, 12)}, for ${span(now - policy.since)}`],
    ...found.periods.map(({ of, until }) => [
      periodNames[of],
      until < now
        ? `expired on ${moment(until)}`
        : `good until ${moment(until)} (${span(until - now)})`,
    ]),
    [
      'revoked',
      `${revocations.serials} certificates; an expired list is ${listIn(revocations.mode)}`,
    ],
    [
      'under way',
      `${sessions.underWay}, of them streams ${sessions.streams}; connections ${found.connections}`,
    ],
    ...found.workers.map(({ slot, pid, since, ...load }) => [
      `worker ${slot}`,
      `pid ${pid}, for ${span(now - since)}; connections ${load.connections}, streams ${load.streams}`,
    ]),
    ['denied', `${denials.total} in the last hour`],
    ...denials.most.map(({ who, operation, reason, count }) => [
      '',
      `${count} × ${who}, ${operation}, ${reason}`,
    ]),
    [
      'files',
      `read ${span(now - lastReload.at)} ago (${lastReload.why}), generation ${lastReload.generation}`,
    ],
  ]
  const faults = lastReload.faults.map((fault) => `not in force: ${formatFault(fault)}\n`)
  const given = found.temporaryGrants
  const grants = given.length === 0 ? [] : [grantTable(given, now)]
  return [
    table(rows),
    ...grants,
    ...found.reminders.map((reminder) => `${reminder}\n`),
    ...faults,
  ].join('')
}

function listIn(mode: Status['revocations']['mode']): string {
  return mode === 'refuse' ? 'fatal to all' : 'only warned of'
}
