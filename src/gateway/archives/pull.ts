// Fetches an image that a Dockerfile names and that is not here, with the client's own credentials for
// that registry, as the engine would do it in the middle of the build.
import { parseImageReference } from '../../docker/image-reference.ts'
import { formatQuery } from '../../docker/query.ts'
import { failure, type Failure } from '../../errors.ts'
import { engineFailure, type Engine } from '../engine.ts'

export interface Pull {
  readonly name: string
  readonly platform: string | undefined
  /** X-Registry-Config: base64 of registry → credentials. */
  readonly registries: string | undefined
  readonly signal: AbortSignal
}

/** Undefined when it is here now. */
export function pullImage(engine: Engine, pull: Pull): Promise<Failure | undefined> {
  const { name, platform, registries, signal } = pull
  const parsed = parseImageReference(name)
  if (parsed === undefined) throw new Error('INVARIANT: only a name is fetched')
  const query: [string, string][] = [['fromImage', parsed.name]]
  query.push(['tag', parsed.digest ?? parsed.tag ?? 'latest'])
  if (platform) query.push(['platform', platform])
  const credentials = credentialsFor(parsed.domain, registries)
  const headers = credentials === undefined ? [] : ['X-Registry-Auth', credentials]
  return new Promise((resolve) => {
    const path = `/images/create?${formatQuery(query)}`
    const started = (letGo: () => void): void => {
      if (signal.aborted) letGo()
      else signal.addEventListener('abort', () => letGo())
    }
    engine.send({ method: 'POST', path, headers, body: undefined, started }, (error, answer) => {
      if (answer === undefined) {
        resolve(engineFailure(engine, error))
        return
      }
      // Progress is long, and the error comes last.
      let last = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => (last = `${last}${part}`.slice(-16_384)))
      answer.on('error', (broken) => resolve(engineFailure(engine, broken)))
      answer.on('end', () => {
        const said = lastError(last)
        const isDone = answer.statusCode === 200 && said === undefined
        resolve(isDone ? undefined : failure('not-found', said ?? `${name} cannot be fetched`))
      })
    })
  })
}

function lastError(text: string): string | undefined {
  for (const line of text.trimEnd().split('\n').toReversed()) {
    try {
      const said = JSON.parse(line) as { error?: unknown; message?: unknown }
      const words = said.error ?? said.message
      if (typeof words === 'string') return words
    } catch {
      // The first may be cut.
    }
  }
  return undefined
}

function credentialsFor(domain: string, registries: string | undefined): string | undefined {
  if (registries === undefined) return undefined
  const keys =
    domain === 'docker.io'
      ? ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io']
      : [domain, `https://${domain}`, `http://${domain}`]
  try {
    const all = JSON.parse(Buffer.from(registries, 'base64').toString('utf8')) as object
    const found = keys.find((key) => Object.hasOwn(all, key))
    if (found === undefined) return undefined
    const own = JSON.stringify((all as Record<string, unknown>)[found])
    return Buffer.from(own).toString('base64url')
  } catch {
    return undefined
  }
}
