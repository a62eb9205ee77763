// Requests of one person over connections that stay open: for tests that ask much.
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { GatewayProcess } from './gateway-process.ts'

export interface KeptAnswer {
  readonly status: number
  readonly body: Buffer
}

export interface KeptDoor {
  /** `line` is `GET /path`; a body goes as JSON. */
  ask(this: void, line: string, body?: object): Promise<KeptAnswer>
  close(this: void): void
}

export function keptDoor(gateway: GatewayProcess, who: string): KeptDoor {
  const { authority, port } = gateway
  const to = { host: '127.0.0.1', port, servername: 'localhost', ca: authority.ca }
  const agent = new Agent({ keepAlive: true, ...gateway.identity(who) })
  return {
    async ask(line, body) {
      const [method = '', path = ''] = line.split(' ')
      const text = body === undefined ? '' : JSON.stringify(body)
      const headers = {
        'Content-Length': Buffer.byteLength(text),
        ...(body && { 'Content-Type': 'application/json' }),
      }
      const sent = request({ ...to, agent, method, path, headers }).end(text)
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      const parts: Buffer[] = []
      for await (const part of answer) parts.push(part as Buffer)
      return { status: answer.statusCode ?? 0, body: Buffer.concat(parts) }
    },
    close: () => agent.destroy(),
  }
}
