// Environment and dockgate.yaml → one frozen value, or every fault at once. The environment wins.
// There is no setting for plaintext, and none that makes the client certificate optional.
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { canonicalAddress } from '../policy/network.ts'
import { parseSize } from '../policy/size.ts'
import { readAuditSettings, type AuditSettings } from './audit-settings.ts'
import { readDuration, type Complain } from './duration.ts'
import type { IssuerRules } from '../identity/issuer-rules.ts'
import type { Fault } from './fault.ts'
import { readIssuers } from './issuers-setting.ts'
import { readLoadLimits, type HandshakeTime, type LoadLimits } from './load-limits.ts'
import { readTranscriptSettings, type TranscriptSettings } from './transcripts-setting.ts'
import { readYaml, type Value } from './yaml-node.ts'

export interface Settings extends HandshakeTime {
  /** Where certs/, dockgate.yaml, roles.yaml and audit.log live. */
  readonly home: string
  readonly listen: { readonly host: string; readonly port: number }
  /** Path of the engine's unix socket. */
  readonly enginePath: string
  readonly certs: string
  readonly rolesPath: string
  readonly audit: AuditSettings
  readonly transcripts: TranscriptSettings
  readonly logLevel: string
  /** How long streams may go on after the first SIGTERM. */
  readonly graceMs: number
  /** How much may be asked of the gateway, by one and by all. */
  readonly load: LoadLimits
  /** The largest request body that is judged. */
  readonly maxBodyBytes: number
  /** Which authority may name whom; undefined: each may name anyone. */
  readonly issuers: IssuerRules | undefined
  /** Where rights that were given for a while are kept. */
  readonly grantsPath: string
  /** The unix socket that `dockgate status` and its like speak to. */
  readonly controlPath: string
  /** What an expired or unreadable revocation list does: refuses everybody, or is only warned of. */
  readonly crl: 'refuse' | 'warn'
  /** How long before a certificate or the revocation list runs out the log begins to say so. */
  readonly remindMs: number
  /** How long the engine may be silent before it is asked whether it is there. */
  readonly patienceMs: number
  /** How many processes serve; the one that the operator started serves alone where it is 1. */
  readonly workers: number
}

const defaultListen = '0.0.0.0:2376'
const defaultEngine = 'unix:///var/run/docker.sock'
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace']
/** `sun_path` of unix(7) without its final zero; what is longer would be cut to another path. */
const maxSocketPathBytes = 107
const keys = [
  'listen',
  'engine',
  'audit',
  'log',
  'grace',
  'body',
  'control',
  'crl',
  'remind',
  'workers',
  'patience',
  'grants',
  'limits',
  'issuers',
  'transcripts',
]

/** The files whose place no setting can change, so that they are found beside a faulty dockgate.yaml. */
export function placesOf(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Pick<Settings, 'home' | 'certs' | 'rolesPath'> {
  const home = resolve(cwd, env['DOCKGATE_HOME'] ?? '.')
  return { home, certs: join(home, 'certs'), rolesPath: join(home, 'roles.yaml') }
}

/** `readText` gives a file's text, or undefined where there is no such file. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
  readText: (path: string) => string | undefined,
): { readonly settings: Settings } | { readonly faults: readonly Fault[] } {
  const places = placesOf(env, cwd)
  const { home } = places
  const { root, faults } = readYaml(readText(join(home, 'dockgate.yaml')) ?? '', 'dockgate.yaml')
  const entries = root.entries(keys)

  interface Said {
    readonly text: string
    readonly fault: (message: string, hint: string) => void
  }
  const said = (key: string, variable: string, otherwise: string): Said => {
    const fromEnv = env[variable]
    if (fromEnv !== undefined && fromEnv !== '') {
      const fault = (message: string, hint: string): void =>
        void faults.push({ where: variable, message, hint })
      return { text: fromEnv, fault }
    }
    const value: Value | undefined = entries.get(key)
    return {
      text: value?.text() ?? otherwise,
      fault: (message, hint) => value?.fault(message, hint),
    }
  }

  const listen = said('listen', 'DOCKGATE_LISTEN', defaultListen)
  const engine = said('engine', 'DOCKGATE_ENGINE', defaultEngine)
  const audit = readAuditSettings(entries.get('audit'), env, home, faults)
  const log = said('log', 'DOCKGATE_LOG', 'info')
  const grace = said('grace', 'DOCKGATE_GRACE', '10s')
  const body = said('body', 'DOCKGATE_BODY', '1MiB')
  const maxBodyBytes = parseSize(body.text) ?? 0
  if (maxBodyBytes < 4096 || maxBodyBytes > 64 * 1024 * 1024) {
    body.fault(`"${body.text}" is no size for a body that is judged`, '1MiB; 4KiB to 64MiB')
  }
  const control = said('control', 'DOCKGATE_CONTROL', 'control.sock')
  const grants = said('grants', 'DOCKGATE_GRANTS', 'grants')
  const crl = said('crl', 'DOCKGATE_CRL', 'refuse')
  const patience = said('patience', 'DOCKGATE_PATIENCE', '30s')
  const patienceMs = readDuration(patience.text, patience.fault)
  if (patienceMs < 1_000) patience.fault(`"${patience.text}" is too short`, 'at least 1s')
  const workers = said('workers', 'DOCKGATE_WORKERS', '1')
  const remind = said('remind', 'DOCKGATE_REMIND', '168h')
  const { handshakeTimeoutMs, ...load } = readLoadLimits(entries.get('limits'))
  const controlPath = resolve(home, control.text)
  if (crl.text !== 'refuse' && crl.text !== 'warn') {
    crl.fault(`"${crl.text}" is neither refuse nor warn`, 'refuse')
  }
  const enginePath = engine.text.slice('unix://'.length)
  if (!engine.text.startsWith('unix:///') || enginePath.endsWith('/')) {
    engine.fault(`"${engine.text}" is no unix socket`, defaultEngine)
  } else if (Buffer.byteLength(enginePath) > maxSocketPathBytes) {
    engine.fault(
      `"${engine.text}" is too long for a unix socket`,
      'at most 107 bytes after unix://',
    )
  }
  if (!logLevels.includes(log.text)) {
    log.fault(`unknown log level "${log.text}"`, logLevels.join(', '))
  }
  const settings: Settings = Object.freeze({
    ...places,
    listen: readListen(listen.text, listen.fault),
    enginePath,
    audit,
    transcripts: Object.freeze(readTranscriptSettings(entries.get('transcripts'), home, audit)),
    logLevel: log.text,
    graceMs: readDuration(grace.text, grace.fault),
    handshakeTimeoutMs,
    load: Object.freeze(load),
    maxBodyBytes,
    controlPath,
    grantsPath: resolve(home, grants.text),
    issuers: readIssuers(entries.get('issuers')),
    crl: crl.text === 'warn' ? 'warn' : 'refuse',
    remindMs: readDuration(remind.text, remind.fault),
    patienceMs,
    workers: readWorkers(workers.text, workers.fault),
  })
  return faults.length > 0 ? { faults } : { settings }
}

function readListen(text: string, fault: Complain): Settings['listen'] {
  const match =
    /^(?:\[(?<v6>[0-9a-fA-F.]*:[0-9a-fA-F:.]*)\]|(?<host>[^:[\]]*)):(?<port>\d{1,5})$/.exec(text)
  const { v6 = '', host = '', port = '' } = match?.groups ?? {}
  if (match === null || Number(port) > 65_535 || !isHost(v6 === '' ? host : v6)) {
    fault(`"${text}" is no address to listen on`, `${defaultListen}, 127.0.0.1:2376 or [::]:2376`)
    return { host: '127.0.0.1', port: 0 }
  }
  return { host: (v6 === '' ? host : v6) || '0.0.0.0', port: Number(port) }
}

/** What ends in a number is an address (WHATWG URL, "ends in a number"); a resolver may guess at `127.1`. */
function isHost(text: string): boolean {
  if (text === '') return true
  // A zone (`%eth0`) is not bound to here.
  if (!text.includes('%') && canonicalAddress(text) !== undefined) return true
  return /^([a-z0-9_-]+\.)*[a-z][a-z0-9_-]*$/i.test(text)
}

const mostWorkers = 64

function readWorkers(text: string, fault: Complain): number {
  if (text === 'auto') return Math.min(availableParallelism(), mostWorkers)
  const count = /^[1-9]\d?$/.test(text) ? Number(text) : 0
  if (count < 1 || count > mostWorkers)
    fault(`"${text}" is no number of processes`, '1 to 64, or auto')
  return Math.max(1, count)
}
