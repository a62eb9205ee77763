// The real engine that `npm test` brought up: where it is, and plain requests to its socket for
// preparing a test and for seeing on the engine itself what a request through the gateway did.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import {
  request,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type RequestOptions,
} from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The repository's root: tests are run from there. */
export const projectRoot = join(import.meta.dirname, '..', '..', '..')

/** What the engine offers beside its socket; only an engine of scripts/engine.mjs has it. */
export interface EngineFacts {
  readonly engine: string
  /** A process in its network namespace; to kill it is to kill all of the engine. */
  readonly pid: number
  /** Its own mutual-TLS listener, and a DOCKER_CERT_PATH for it. */
  readonly tls: { readonly host: string; readonly certPath: string }
  /** The registry's address as the engine sees it, and as the tests see it. */
  readonly registry: { readonly inside: string; readonly outside: string }
}

/** The DOCKER_HOST of the engine: `unix:///path`. */
export function engineUrl(): string {
  return process.env['DOCKGATE_TEST_ENGINE'] ?? engineFacts().engine
}

export function engineSocket(): string {
  const url = engineUrl()
  if (!url.startsWith('unix://'))
    throw new Error(`DOCKGATE_TEST_ENGINE is not unix:///path: "${url}"`)
  return url.slice('unix://'.length)
}

export function engineFacts(): EngineFacts {
  const file = join(projectRoot, '.test-engine', 'main', 'state.json')
  try {
    const facts: EngineFacts = JSON.parse(readFileSync(file, 'utf8'))
    return facts
  } catch (cause) {
    throw new Error('no test engine is up (try: node scripts/engine.mjs up)', { cause })
  }
}

/**
 * An engine that a test file has for itself, for what neighbors would disturb or notice. It ends with
 * `down`, or with this process.
 */
export async function privateEngine(name: string): Promise<PrivateEngine> {
  const script = join(projectRoot, 'scripts', 'engine.mjs')
  const holder = spawn(process.execPath, [script, 'hold', name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(holder, 'close')
  const [line] = await Promise.race([once(createInterface(holder.stdout), 'line'), ended])
  if (typeof line !== 'string') throw new Error(`the engine "${name}" did not start`)
  const facts: EngineFacts = JSON.parse(line)
  return {
    ...facts,
    async down() {
      holder.stdin.end()
      await ended
    },
  }
}

export interface PrivateEngine extends EngineFacts {
  down(): Promise<void>
}

export interface EngineAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export interface EngineAsk {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  /** A string or bytes go as they are; anything else goes as JSON. */
  readonly body?: unknown
  readonly socketPath?: string
}

/** One request straight to the engine, on a connection of its own, with the whole answer. */
export function askEngine(path: string, ask: EngineAsk = {}): Promise<EngineAnswer> {
  const raw = typeof ask.body === 'string' || Buffer.isBuffer(ask.body)
  const body = raw ? ask.body : JSON.stringify(ask.body)
  const headers: OutgoingHttpHeaders = { host: 'docker', ...ask.headers }
  if (ask.body !== undefined && !raw) headers['content-type'] ??= 'application/json'
  if (body !== undefined) headers['content-length'] ??= String(Buffer.byteLength(body))
  const options: RequestOptions = { method: ask.method ?? 'GET', path, headers, agent: false }
  options.socketPath = ask.socketPath ?? engineSocket()
  return new Promise((resolve, reject) => {
    const sent = request(options, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          rawHeaders: answer.rawHeaders,
          body: Buffer.concat(parts),
        })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** As askEngine, for what must work: the JSON of the answer, or an error that shows the engine's words. */
export async function onEngine<T = unknown>(path: string, ask: EngineAsk = {}): Promise<T> {
  const answer = await askEngine(path, ask)
  if (answer.status >= 300) {
    throw new Error(`${ask.method ?? 'GET'} ${path}: ${answer.status} ${answer.body.toString()}`)
  }
  return JSON.parse(answer.body.length === 0 ? 'null' : answer.body.toString())
}

/**
 * A name that nothing else on the engine has, so that test files can run side by side. No name made
 * here is the beginning of another, hence removeAll never reaches into a neighbor.
 */
export function uniqueName(word: string): string {
  return `${word}-${randomBytes(5).toString('hex')}`
}

interface Thing {
  readonly Id?: string
  readonly Name?: string
  readonly Names?: readonly string[]
  readonly RepoTags?: readonly string[] | null
}

/** Removes every container, volume, network and image tag whose name contains `name`. */
export async function removeAll(name: string): Promise<void> {
  const containers = await onEngine<readonly Thing[]>('/containers/json?all=1')
  const ofContainers = containers.filter((one) => one.Names?.some((own) => own.includes(name)))
  await remove(ofContainers.map((one) => `/containers/${one.Id}?force=1&v=1`))
  const { Volumes } = await onEngine<{ readonly Volumes: readonly Thing[] | null }>('/volumes')
  const volumes = (Volumes ?? [])
    .flatMap((one) => one.Name ?? [])
    .filter((own) => own.includes(name))
  await remove(volumes.map((own) => `/volumes/${encodeURIComponent(own)}?force=1`))
  const networks = await onEngine<readonly Thing[]>('/networks')
  const ofNetworks = networks.filter((one) => one.Name?.includes(name))
  await remove(ofNetworks.map((one) => `/networks/${one.Id}`))
  const images = await onEngine<readonly Thing[]>('/images/json')
  const tags = images.flatMap((one) => one.RepoTags ?? []).filter((tag) => tag.includes(name))
  await remove(tags.map((tag) => `/images/${tag}?force=1`))
}

async function remove(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const { status, body } = await askEngine(path, { method: 'DELETE' })
    // 404 and 409: gone already, or on its way (--rm).
    if (status >= 300 && status !== 404 && status !== 409) {
      throw new Error(`DELETE ${path}: ${status} ${body.toString()}`)
    }
  }
}
