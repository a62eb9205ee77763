// The signing endpoint in the test's own process, on a real socket, with a clock that a test may set;
// and requests to it as any program could send them.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { join } from 'node:path'
import { after } from 'node:test'
import { pino } from 'pino'
import { serveEndpoint } from '../../src/ca/endpoint/serve-endpoint.ts'
import type { EndpointSettings } from '../../src/ca/endpoint/settings.ts'
import type { Access } from '../../src/ca/open-issuer.ts'

export interface Identity {
  readonly cert: string
  readonly key: string
}

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: Readonly<Record<string, unknown>>
}

export interface TestEndpoint {
  readonly port: number
  readonly url: string
  /** Everything that it logged. */
  log(): string
  post(path: string, body: unknown, identity?: Identity): Promise<Answer>
  /** The same client, for another endpoint of the same CA. */
  at(port: number): Pick<TestEndpoint, 'post'>
  close(): Promise<void>
}

const usual: EndpointSettings = {
  listen: { host: '127.0.0.1', port: 0 },
  names: ['localhost', '127.0.0.1'],
  maxHours: 9528,
  ratePerMinute: 100_000,
  issuers: [],
}

const closers: (() => Promise<void>)[] = []
after(() => Promise.all(closers.map((close) => close())))

/** Closed when the test file ends, if not before. */
export async function startEndpoint(
  access: Access,
  settings: Partial<EndpointSettings> = {},
  upkeepMs?: number,
): Promise<TestEndpoint> {
  let logged = ''
  const serving = await serveEndpoint({
    access,
    now: () => access.now,
    settings: { ...usual, ...settings },
    log: pino({ level: 'info' }, { write: (line: string) => (logged += line) }),
    ...(upkeepMs === undefined ? {} : { upkeepMs }),
  })
  const ca = readFileSync(join(access.folder, 'ca.pem'), 'utf8')
  let isOpen = true
  const close = async (): Promise<void> => {
    if (isOpen) await serving.close()
    isOpen = false
  }
  closers.push(close)
  const clientOf = (port: number): Pick<TestEndpoint, 'post'> => ({
    post: (path, body, identity) => send({ port, ca, path, body, ...identity }),
  })
  return {
    ...clientOf(serving.port),
    at: clientOf,
    port: serving.port,
    url: `https://localhost:${serving.port}`,
    log: () => logged,
    close,
  }
}

/** A body that is text goes as it is. */
async function send(what: {
  readonly port: number
  readonly ca: string
  readonly path: string
  readonly body: unknown
  readonly cert?: string
  readonly key?: string
}): Promise<Answer> {
  const { port, ca, path, body, cert, key } = what
  const request = https.request({
    method: 'POST',
    host: 'localhost',
    port,
    path,
    ca,
    ...(cert === undefined ? {} : { cert, key }),
    agent: false,
    headers: { 'content-type': 'application/json' },
  })
  request.end(typeof body === 'string' ? body : JSON.stringify(body))
  const [response] = await once(request, 'response')
  const text = Buffer.concat(await response.toArray()).toString()
  return { status: response.statusCode, body: JSON.parse(text), headers: response.headers }
}

/** The same store under a clock that can be put forward. */
export function movable(store: Access): { access: Access; forward(byMs: number): void } {
  let { now } = store
  const access = { ...store }
  Object.defineProperty(access, 'now', { get: () => now })
  return { access, forward: (byMs) => void (now = new Date(now.getTime() + byMs)) }
}

/** What a bundle shows. */
export function identityIn(folder: string): Identity {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return { cert: read('cert.pem'), key: read('key.pem') }
}
