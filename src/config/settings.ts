// Environment and dockgate.yaml → one frozen value, or every fault at once. The environment wins.
// There is no setting for plaintext, and none that makes the client certificate optional.
import { join, resolve } from 'node:path'
import type { Fault } from './fault.ts'
import { readYaml, type Value } from './yaml-node.ts'

export interface Settings {
  /** Where certs/, dockgate.yaml, roles.yaml and audit.log live. */
  readonly home: string
  readonly listen: { readonly host: string; readonly port: number }
  /** Path of the engine's unix socket. */
  readonly enginePath: string
  readonly certs: string
  readonly rolesPath: string
  readonly auditPath: string
  readonly logLevel: string
  /** How long streams may go on after the first SIGTERM. */
  readonly graceMs: number
  readonly handshakeTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly maxHeaderBytes: number
}

const defaultListen = '0.0.0.0:2376'
const defaultEngine = 'unix:///var/run/docker.sock'
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace']
const keys = ['listen', 'engine', 'audit', 'log', 'grace']

/** `readText` gives a file's text, or undefined where there is no such file. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
  readText: (path: string) => string | undefined,
): { readonly settings: Settings } | { readonly faults: readonly Fault[] } {
  const home = resolve(cwd, env['DOCKGATE_HOME'] ?? '.')
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
  const audit = said('audit', 'DOCKGATE_AUDIT', 'audit.log')
  const log = said('log', 'DOCKGATE_LOG', 'info')
  const grace = said('grace', 'DOCKGATE_GRACE', '10s')
  if (!engine.text.startsWith('unix:///')) {
    engine.fault(`"${engine.text}" is no unix socket`, defaultEngine)
  }
  if (!logLevels.includes(log.text)) {
    log.fault(`unknown log level "${log.text}"`, logLevels.join(', '))
  }
  const settings: Settings = Object.freeze({
    home,
    listen: readListen(listen.text, listen.fault),
    enginePath: engine.text.slice('unix://'.length),
    certs: join(home, 'certs'),
    rolesPath: join(home, 'roles.yaml'),
    auditPath: resolve(home, audit.text),
    logLevel: log.text,
    graceMs: readDuration(grace.text, grace.fault),
    handshakeTimeoutMs: 10_000,
    headersTimeoutMs: 30_000,
    keepAliveTimeoutMs: 300_000,
    // Registry credentials travel in headers: X-Registry-Config holds those of every registry.
    maxHeaderBytes: 256 * 1024,
  })
  return faults.length > 0 ? { faults } : { settings }
}

type Complain = (message: string, hint: string) => void

function readListen(text: string, fault: Complain): Settings['listen'] {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]]*)):(?<port>\d{1,5})$/.exec(text)
  const port = Number(match?.groups?.['port'])
  if (match === null || port > 65_535) {
    fault(`"${text}" is no address to listen on`, `${defaultListen}, 127.0.0.1:2376 or [::]:2376`)
    return { host: '127.0.0.1', port: 0 }
  }
  const host = match.groups?.['v6'] ?? match.groups?.['host'] ?? ''
  return { host: host === '' ? '0.0.0.0' : host, port }
}

function readDuration(text: string, fault: Complain): number {
  const match = /^(\d{1,6})(ms|s|m|h)$/.exec(text)
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
  if (match === null) {
    fault(`"${text}" is no duration`, '10s, 5m or 1h')
    return 0
  }
  return Number(match[1]) * unit[match[2] as keyof typeof unit]
}
