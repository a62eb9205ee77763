// The gateway as it is run: the built program in a process of its own, with an authority that issues
// whatever a test wants, and raw TLS connections to it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { chainFiles } from '../../src/audit/chains.ts'
import { createAuthority, type Authority, type Identity } from './authority.ts'
import { CN, rdn, sequence } from './certificate-der.ts'
import { engineSocket, projectRoot } from './engine.ts'
import type { Door } from './raw-http.ts'

export interface GatewayProcess {
  /** Its DOCKGATE_HOME. */
  readonly home: string
  readonly authority: Authority
  readonly port: number
  readonly pid: number
  /** A DOCKER_CERT_PATH with an ordinary client certificate with this common name. */
  certPath(name: string, identity?: Identity): string
  /** An ordinary client certificate with this common name. */
  identity(name: string): Identity
  /** A TLS connection; rejects when the handshake fails on our side. */
  connect(identity: Identity | undefined, options?: ConnectionOptions): Promise<TLSSocket>
  door(identity: Identity, options?: ConnectionOptions): Door
  /** Everything that the audit and the operational log hold so far. */
  logs(): string
  /** The same with the audits of all workers. */
  allLogs(): string
  /** The operational log alone. */
  log(): string
  stop(): Promise<void>
  /** SIGKILL: its home stays, for another one to start in. */
  kill(): Promise<void>
}

export interface GatewayProcessOptions {
  /** The text of roles.yaml. */
  readonly roles: string
  readonly enginePath?: string
  /** More of its environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Called with its home before it starts; gives still more of its environment. */
  readonly prepare?: (home: string) => Readonly<Record<string, string>>
  /** The text of dockgate.yaml. */
  readonly settings?: string
  /** One that was killed: its home and its authority are taken over. */
  readonly after?: GatewayProcess
}

export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const home = options.after?.home ?? mkdtempSync(join(tmpdir(), 'dockgate-gateway-'))
  const authority = options.after?.authority ?? createAuthority('test authority')
  authority.write(join(home, 'certs'))
  writeFileSync(join(home, 'roles.yaml'), options.roles)
  if (options.settings !== undefined) writeFileSync(join(home, 'dockgate.yaml'), options.settings)
  const child = spawn(process.execPath, [join(projectRoot, 'dist/main.js'), 'serve'], {
    cwd: home,
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      DOCKGATE_HOME: home,
      DOCKGATE_LISTEN: '127.0.0.1:0',
      DOCKGATE_ENGINE: `unix://${options.enginePath ?? engineSocket()}`,
      DOCKGATE_GRACE: '1s',
      ...options.env,
      ...options.prepare?.(home),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => (log += part))
  const closed = once(child, 'close')
  const listening = once(createInterface(child.stdout), 'line')
  const early = closed.then(() => {
    throw new Error(`the gateway did not start:\n${log}`)
  })
  const [line] = await Promise.race([listening, early])
  const port = Number(/:([0-9]+)$/.exec(String(line))?.[1])
  early.catch(() => {})

  const open = async (
    identity: Identity | undefined,
    more: ConnectionOptions = {},
  ): Promise<TLSSocket> => {
    const how: ConnectionOptions & { allowHalfOpen: boolean } = {
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: authority.ca,
      allowHalfOpen: true,
      ...identity,
      ...more,
    }
    const socket = connect(how)
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve).once('error', reject)
    })
    return socket
  }
  const issue = (name: string): Identity => authority.issue({ subject: sequence(rdn(CN, name)) })
  return {
    home,
    authority,
    port,
    pid: child.pid ?? 0,
    certPath(name, identity) {
      const folder = join(home, 'clients', name)
      if (existsSync(folder)) return folder
      const { cert, key } = identity ?? issue(name)
      mkdirSync(folder, { recursive: true })
      for (const [file, pem] of Object.entries({ ca: authority.ca, cert, key })) {
        writeFileSync(join(folder, `${file}.pem`), pem, { mode: 0o600 })
      }
      return folder
    },
    identity: issue,
    connect: open,
    door: (identity, more) => () => open(identity, more),
    log: () => log,
    allLogs: () =>
      [...chainFiles(join(home, 'audit.log')).map((file) => readFileSync(file, 'utf8')), log].join(
        '',
      ),
    logs: () => `${readFileSync(join(home, 'audit.log'), 'utf8')}\n${log}`,
    async stop() {
      child.kill('SIGTERM')
      await closed
      rmSync(home, { recursive: true })
    },
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
  }
}
