// The one way to the Docker Engine's unix socket: pooled requests, and connections of their own for
// streams that take the connection over.
import http from 'node:http'
import net from 'node:net'
import type { Readable } from 'node:stream'
import { failure, type Failure } from '../errors.ts'
import { createLines, type Lines } from './wire/lines.ts'

export interface EngineRequest {
  readonly method: string
  /** Canonical target, as judged. */
  readonly path: string
  /** Flat list without framing headers; `Host` and the framing are set here. */
  readonly headers: readonly string[]
  /** `undefined`: no body. A stream comes with its length, or goes chunked. */
  readonly body:
    string | Uint8Array | { readonly stream: Readable; readonly length?: number } | undefined
  /**
   * Is handed what lets go of the engine when the client leaves; cheaper than an AbortSignal. With `done`
   * it is told when the engine has come to its end with the request.
   */
  readonly started?: (letGo: (done?: () => void) => void) => void
}

export interface Engine {
  /** `unix:///var/run/docker.sock` */
  readonly url: string
  /** The way of what goes as it comes. */
  readonly lines: Lines
  /** Sends over a pooled connection; `done` is called once, with an error or with the answer. */
  send(
    request: EngineRequest,
    done: (error: Error | null, answer?: http.IncomingMessage) => void,
  ): void
  /** Sends over a connection of its own, which is never used for anything else afterwards. */
  open(request: EngineRequest, upgrade: string | undefined): http.ClientRequest
  /** A small JSON question of our own: status and parsed answer. */
  ask(path: string): Promise<EngineAnswer>
  /** The same with a JSON body: what must be there before a judged request is sent. */
  make(path: string, body: object): Promise<EngineAnswer>
  close(): void
}

export interface EngineAnswer {
  readonly status: number
  readonly value: unknown
}

/** What `docker inspect` of one thing may take at most; larger answers are an error. */
const maxAnswerBytes = 8 * 1024 * 1024

export function createEngine(socketPath: string, askTimeoutMs = 30_000): Engine {
  // No timeouts: `docker wait` is silent for days. Lifo, so that idle connections can age out.
  const lines = createLines(socketPath)
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 64, scheduling: 'lifo' })

  function start(request: EngineRequest, options: http.RequestOptions): http.ClientRequest {
    const { body } = request
    const headers = ['Host', 'docker', ...request.headers]
    if (typeof body === 'string' || body instanceof Uint8Array) {
      headers.push('Content-Length', String(Buffer.byteLength(body)))
    } else if (body !== undefined) {
      if (body.length === undefined) headers.push('Transfer-Encoding', 'chunked')
      else headers.push('Content-Length', String(body.length))
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      headers.push('Content-Length', '0')
    }
    return http.request({
      ...options,
      method: request.method,
      path: request.path,
      headers,
    })
  }

  function send(
    request: EngineRequest,
    done: (error: Error | null, answer?: http.IncomingMessage) => void,
  ): void {
    let answered = false
    let released = false
    let outgoing: http.ClientRequest

    function attempt(options: http.RequestOptions, isLast: boolean): void {
      const tried = start(request, options)
      outgoing = tried
      tried.setNoDelay(true)
      tried.on('response', (answer) => {
        answered = true
        if (released) answer.resume()
        const { statusCode = 0 } = answer
        if (statusCode >= 200) done(null, answer)
        else {
          tried.destroy()
          done(new Error(`the engine answers with the status ${statusCode}`))
        }
      })
      tried.on('error', (error) => {
        if (answered) return
        // A pooled connection that the engine has closed, as when it restarts. What only reads is asked
        // once more; of all else nobody knows whether it was done.
        if (!isLast && !released && tried.reusedSocket && isSafe(request)) {
          attempt({ agent: false, socketPath }, true)
          return
        }
        answered = true
        done(error)
      })
      writeBody(tried, request.body)
    }
    attempt({ agent, socketPath }, false)
    request.started?.((finished) => {
      released = true
      if (finished === undefined) outgoing.destroy()
      else if (outgoing.closed) finished()
      else outgoing.once('close', finished)
    })
  }

  function open(request: EngineRequest, upgrade: string | undefined): http.ClientRequest {
    const headers =
      upgrade === undefined
        ? [...request.headers, 'Connection', 'close']
        : [...request.headers, 'Connection', 'Upgrade', 'Upgrade', upgrade]
    const outgoing = start(
      { ...request, headers },
      { createConnection: () => net.connect({ path: socketPath, allowHalfOpen: true }) },
    )
    outgoing.setNoDelay(true)
    writeBody(outgoing, request.body)
    return outgoing
  }

  function question(request: EngineRequest): Promise<EngineAnswer> {
    const { path } = request
    return new Promise((resolve, reject) => {
      let status = 0
      const chunks: Buffer[] = []
      let bytes = 0
      const refuse = (error: Error): void => {
        clearTimeout(patience)
        reject(error)
        call.letGo()
      }
      const patience = setTimeout(
        () =>
          refuse(
            Object.assign(new Error(`the engine does not answer ${path}`), { code: 'ETIMEDOUT' }),
          ),
        askTimeoutMs,
      )
      const call = lines.call(request, {
        head: (head) => void (status = head.status),
        part(part, isLast) {
          bytes += part.length
          if (bytes > maxAnswerBytes) {
            refuse(new Error(`answer to ${path} is too large`))
            return true
          }
          if (isLast) {
            clearTimeout(patience)
            try {
              const whole = chunks.length === 0 ? part : Buffer.concat([...chunks, part])
              const value: unknown = JSON.parse(whole.toString('utf8'))
              resolve({ status, value })
            } catch (cause) {
              reject(new Error(`the engine's answer to ${path} is no JSON`, { cause }))
            }
          } else chunks.push(Buffer.from(part))
          return true
        },
        broken: refuse,
      })
    })
  }

  return {
    url: `unix://${socketPath}`,
    lines,
    send,
    open,
    ask: (path) => question({ path, method: 'GET', headers: [], body: undefined }),
    make: (path, body) =>
      question({
        path,
        method: 'POST',
        headers: ['Content-Type', 'application/json'],
        body: JSON.stringify(body),
      }),
    close() {
      agent.destroy()
      lines.close()
    },
  }
}

/** RFC 9110 §9.2.1; with a body it could not be sent twice anyhow. */
function isSafe({ method, body }: EngineRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && body === undefined
}

const smallBodyBytes = 64 * 1024

function writeBody(outgoing: http.ClientRequest, body: EngineRequest['body']): void {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    outgoing.end(body)
    return
  }
  const { stream, length } = body
  if (length !== undefined && length <= smallBodyBytes) {
    // In one write with the head: an engine that answers at once and closes would else be found gone
    // by the empty write that ends a piped body, and its answer lost.
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.once('end', () => outgoing.end(Buffer.concat(chunks)))
  } else stream.pipe(outgoing)
  // A body that breaks off must not look finished to the engine.
  stream.once('error', (error) => outgoing.destroy(error))
  stream.once('close', () => {
    if (!stream.readableEnded) outgoing.destroy(new Error('the client broke off its request'))
  })
}

/** The failure that a client is told when the engine could not be asked or broke off. */
export function engineFailure(engine: Engine, error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ETIMEDOUT')
    return failure('engine-silent', `the Docker Engine at ${engine.url} does not answer`)
  const why = reasons.get(code)
  if (why === undefined) {
    return failure(
      'engine-broke',
      undefined,
      error instanceof Error ? error.message : String(error),
    )
  }
  return failure(
    'engine-unreachable',
    `the Docker Engine at ${engine.url} cannot be reached: ${why}`,
  )
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such socket (is the engine running?)'],
  ['ECONNREFUSED', 'nothing listens there (is the engine running?)'],
  ['EACCES', "dockgate may not open this socket (is it in the socket's group?)"],
  ['EAGAIN', 'it accepts no more connections now'],
  ['EMFILE', 'dockgate has too many open files'],
])
