// Starts and stops the gateway: files read once, the listener up, and on the first signal a drain that
// a second signal or a timer cuts short.
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { createAudit, type AuditOptions } from '../audit/log.ts'
import type { Policy } from '../policy/policy.ts'
import { createGateway } from './app.ts'
import { createAuthenticator } from './authenticate.ts'
import { createEngine } from './engine.ts'
import { createQuotas } from './quotas.ts'
import { createSessions } from './sessions.ts'
import type { ConnectionLimits, TlsMaterial } from './tls.ts'

export interface ServeOptions {
  readonly listen: { readonly host: string; readonly port: number }
  /** Path of the engine's unix socket. */
  readonly enginePath: string
  /** The folder that the CA script writes. */
  readonly certs: string
  readonly audit: Omit<AuditOptions, 'now' | 'failing' | 'recovered'>
  readonly policy: Policy
  readonly limits: ConnectionLimits
  readonly maxBodyBytes: number
  readonly log: Logger
  readonly now: () => number
}

export interface Serving {
  readonly host: string
  readonly port: number
  /** Stops accepting, lets what is under way finish for `graceMs`, then ends it. */
  close(graceMs: number): Promise<void>
}

export async function serve(options: ServeOptions): Promise<Serving> {
  const { log, now } = options
  const material = readMaterial(options.certs)
  const engine = createEngine(options.enginePath)
  const audit = createAudit({
    ...options.audit,
    now,
    failing: (error) => log.error({ err: error }, 'the audit cannot be written'),
    recovered: () => log.warn('the audit can be written again'),
  })
  const sessions = createSessions()
  const authenticator = createAuthenticator(material.ca, now)
  const complain = (error: unknown): void => log.error({ err: error }, 'unexpected')
  const sockets = new Set<TLSSocket>()

  const { app, server } = await createGateway({
    listener: {
      material,
      limits: options.limits,
      judge: (socket) => authenticator.judge(socket),
      refused: (socket, cause) =>
        log.warn({ address: socket.remoteAddress, cause }, 'connection refused'),
    },
    guard: {
      authenticator,
      policy: () => options.policy,
      engine,
      audit,
      now,
      maxBodyBytes: options.maxBodyBytes,
      quotas: createQuotas(engine),
    },
    forwarder: { engine, audit, sessions, now, complain },
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen({ ...options.listen, backlog: 1024 })
  await once(server, 'listening')
  // Not before the port is ours: a second gateway started by mistake must not touch the log.
  try {
    audit.open()
  } catch (error) {
    server.close()
    throw new Error(`the audit cannot be opened: ${String(error)}`, { cause: error })
  }
  const { address, port } = server.address() as AddressInfo

  async function close(graceMs: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    const deadline = setTimeout(() => {
      for (const session of sessions.all()) session.end('the gateway stops')
      for (const socket of sockets) socket.destroy()
    }, graceMs)
    await stopped
    // Tunnels are no longer the server's: it does not wait for them.
    while (sockets.size > 0) {
      const [socket] = sockets
      if (socket !== undefined) await once(socket, 'close')
    }
    clearTimeout(deadline)
    await app.close()
    engine.close()
    audit.close()
  }
  return { host: address, port, close }
}

function readMaterial(certs: string): TlsMaterial {
  const read = (name: string): string => readFileSync(join(certs, name), 'utf8')
  return {
    key: read('server/key.pem'),
    cert: read('server/cert.pem'),
    ca: read('ca.pem'),
    // Absent, nobody's revocation could be known: the CA script always writes one.
    crl: read('crl.pem'),
  }
}
