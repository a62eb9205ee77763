// One question to the gateway itself (`/_dockgate/…`), over a mutual TLS connection that proves the
// identity of a client bundle.
import { request, type RequestOptions } from 'node:https'
import type { SecureContext } from 'node:tls'
import { inWords, placeOf, type Gateway } from './relay.ts'

export interface Asked {
  readonly gateway: Gateway
  readonly context: SecureContext
  readonly method: string
  readonly path: string
  readonly body?: object
}

export interface Answered {
  readonly status: number
  /** JSON, or undefined where it is none. */
  readonly value: unknown
}

const patienceMs = 15_000
const maxAnswerBytes = 8 * 1024 * 1024

export function ask({ gateway, context, method, path, body }: Asked): Promise<Answered> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    'Content-Length': Buffer.byteLength(text),
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
  }
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const why = error.name === 'TimeoutError' ? 'does not answer' : inWords(error)
      reject(new Error(`the gateway tcp://${placeOf(gateway)} ${why}`, { cause: error }))
    }
    const how: RequestOptions & { readonly secureContext: SecureContext } = {
      host: gateway.host,
      port: gateway.port,
      method,
      path,
      headers,
      agent: false,
      secureContext: context,
      signal: AbortSignal.timeout(patienceMs),
    }
    const asked = request(how)
    asked.on('error', fail)
    asked.on('response', (response) => {
      let answer = ''
      response.setEncoding('utf8').on('error', fail)
      response.on('data', (part: string) => {
        answer += part
        if (answer.length > maxAnswerBytes) response.destroy(new Error('answers without an end'))
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, value: json(answer) }))
    })
    asked.end(text)
  })
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
