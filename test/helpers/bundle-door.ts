// Plain requests with the certificate of a bundle, as any client of ours makes them.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'

export interface BundleAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function material(folder: string) {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
}

export function askBundle(
  port: number,
  folder: string,
  ask: { readonly path: string; readonly method?: string; readonly headers?: object },
): Promise<BundleAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { ...ask.headers }
    const how = { host: 'localhost', port, agent: false, ...material(folder) }
    const sent = request(
      { ...how, path: ask.path, method: ask.method ?? 'GET', headers },
      (answer) => {
        let body = ''
        answer.setEncoding('utf8').on('data', (part: string) => (body += part))
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
        })
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}

export async function openBundle(port: number, folder: string): Promise<TLSSocket> {
  const socket = connect({ host: 'localhost', port, ...material(folder) })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}
