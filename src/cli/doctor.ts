// `dockgate doctor`: what is unsafe here, at the engine, on its containers and in dockgate's own house.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { harmless } from '../audit/line.ts'
import { FaultyConfig, loadSettings } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import { readAudit } from '../doctor/audit-facts.ts'
import { severities, type Severity } from '../doctor/check.ts'
import { readEngine, type Progress } from '../doctor/engine-facts.ts'
import {
  checkIds,
  examine,
  failsAt,
  type Accepted,
  type Finding,
  type Report,
} from '../doctor/examine.ts'
import type { Facts } from '../doctor/facts.ts'
import { readGate } from '../doctor/gate-facts.ts'
import { readMachine } from '../doctor/machine-facts.ts'
import { createEngine } from '../gateway/engine.ts'
import { nearest } from '../nearest.ts'
import { readArguments, UsageError } from './arguments.ts'
import type { Io, Verb } from './verb.ts'

const usage =
  'dockgate doctor [--fail-on SEVERITY] [--accept ID[=WHAT]]… [--trusted USERS] [--all] [--json]'
const help = `usage: ${usage}

Looks at the engine behind the gateway and at everything on it, over its API, by requests that only
read; at this machine; and at dockgate's own files, roles and audit. Each finding has its number in the
CIS Docker Benchmark 1.6, what was seen, and how to mend it. What cannot be seen from here is said to be
not seen. Do it as the gateway's user; as root it sees more of the machine.

  --fail-on SEVERITY  info, low, medium, high (the default) or never: what makes the exit code 1
  --accept ID[=WHAT]  a finding that you live with, perhaps on one thing alone: 5.32=traefik
  --trusted USERS     who may open the engine's socket beside the gateway: alice,bob
  --all               also what is well, and each thing that was not seen
  --json              an object: findings, accepted, fine, notSeen

Exit code 0: nothing of that severity was found; 1: something was; 2: it could not look.

examples:
  dockgate doctor
  dockgate doctor --fail-on medium --accept 5.13 --accept 5.32=traefik
  dockgate doctor --json | jq '.findings[] | select(.severity == "high")'
`

export const doctor: Verb = {
  help,
  async run(args, io) {
    const text = { type: 'string' } as const
    const { values } = readArguments(
      args,
      {
        'fail-on': text,
        accept: { ...text, multiple: true },
        trusted: text,
        all: { type: 'boolean' },
        json: { type: 'boolean' },
      },
      { min: 0, max: 0, usage },
    )
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const failOn = readSeverity(values['fail-on'] ?? 'high')
    const accepted = (values.accept ?? []).map(readAccepted)
    const trusted = new Set((values.trusted ?? '').split(',').filter((user) => user !== ''))
    let settings: Settings
    try {
      settings = loadSettings(io.env, io.cwd)
    } catch (error) {
      if (!(error instanceof FaultyConfig)) throw error
      io.stderr.write(`${error.message}\n`)
      return 2
    }
    const facts = await gather(settings, trusted, io)
    const report = examine(facts, accepted)
    const engine = typeof facts.engine === 'string' ? facts.engine : null
    const place = { engine: `unix://${settings.enginePath}`, notAsked: engine }
    const whole = { ...place, at: new Date(facts.now).toISOString(), ...report }
    const shown =
      values.json === true
        ? `${JSON.stringify(whole, null, 2)}\n`
        : inWords(report, values.all === true)
    io.stdout.write(harmlessLines(shown))
    if (engine !== null) io.stderr.write(`dockgate: ${engine}\n`)
    if (engine !== null) return 2
    return failOn !== undefined && failsAt(report, failOn) ? 1 : 0
  },
}

async function gather(settings: Settings, trusted: ReadonlySet<string>, io: Io): Promise<Facts> {
  const now = io.now().getTime()
  const gate = readGate(settings, now)
  const machine = await readMachine(settings.enginePath, readOwn(settings.certs))
  const audit = await readAudit(settings.audit.path)
  const engine = createEngine(settings.enginePath)
  try {
    return {
      engine: await readEngine((path) => engine.ask(path), progressTo(io)),
      machine,
      gate,
      audit,
      now,
      trusted,
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const said = `the engine at ${engine.url} could not be asked: ${why}`
    return { engine: said, machine, gate, audit, now, trusted }
  } finally {
    engine.close()
  }
}

/** On a terminal, for engines with much on them. */
function progressTo({ stderr }: Io): Progress {
  if (!('isTTY' in stderr) || stderr.isTTY !== true) return () => undefined
  return (what, done, all) => {
    stderr.write(done < all ? `\r${done} of ${all} ${what}` : '\r\u001b[K')
  }
}

function readOwn(certs: string): string | undefined {
  try {
    return readFileSync(join(certs, 'server/cert.pem'), 'utf8')
  } catch {
    return undefined
  }
}

function readSeverity(word: string): Severity | undefined {
  if (word === 'never') return undefined
  const severity = severities.find((one) => one === word)
  if (severity !== undefined) return severity
  throw new UsageError(`--fail-on takes ${severities.join(', ')} or never`, `usage: ${usage}`)
}

function readAccepted(word: string): Accepted {
  const cut = word.indexOf('=')
  const id = cut === -1 ? word : word.slice(0, cut)
  if (checkIds.has(id)) return { id, on: cut === -1 ? undefined : word.slice(cut + 1) }
  const near = nearest(id, checkIds)
  throw new UsageError(
    `there is no check ${JSON.stringify(id)}`,
    near === undefined ? '`dockgate doctor --all` names them' : `did you mean ${near}?`,
  )
}

/** Beyond this many only their number is told; --json has all. */
const shownItems = 8

function inWords(report: Report, all: boolean): string {
  const { findings, accepted, fine, notSeen } = report
  const width = Math.max(...[...checkIds].map((id) => id.length))
  const line = (mark: string, { id, title }: Pick<Finding, 'id' | 'title'>, said: string): string =>
    `${mark.padEnd(8)}  ${id.padEnd(width)}  ${said} (asked: ${title})\n`
  const rest = [
    ...accepted.map((one) =>
      line('accepted', one, one.seen.map(({ on, seen }) => on ?? seen).join(', ')),
    ),
    ...fine.map((one) => line('fine', one, one.seen)),
    ...notSeen.map((one) => line('not seen', one, one.why)),
  ]
  const counts = [...severities]
    .toReversed()
    .map((severity) => `${findings.filter((one) => one.severity === severity).length} ${severity}`)
  const others = `${accepted.length} accepted, ${fine.length} fine, ${notSeen.length} not seen`
  return [
    ...findings.map((finding) => paragraph(finding, all)),
    ...(all ? rest : []),
    `${counts.join(', ')}; ${others}${all ? '' : ' (--all shows them)'}\n`,
  ].join('')
}

function paragraph({ id, title, severity, seen, mend }: Finding, all: boolean): string {
  const shown = all ? seen : seen.slice(0, shownItems)
  const lines = shown.map(
    ({ on, seen: said }) => `        ${on === undefined ? '' : `${on}: `}${said}\n`,
  )
  const more = seen.length - shown.length
  const left = more > 0 ? `        and ${more} more\n` : ''
  return `${severity.padEnd(6)}  ${id}  ${title}\n${lines.join('')}${left}        mend: ${mend}\n`
}

/** Paths and names are other people's: nothing in them may move a cursor. */
function harmlessLines(text: string): string {
  return text.split('\n').map(harmless).join('\n')
}
