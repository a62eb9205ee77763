// The control socket: a unix socket that only the gateway's own user may open, over which the verbs
// `status`, `sessions`, `end` and `reload` speak HTTP and JSON. Nothing of the Docker API is on it.
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { EndGrant } from './end-grant.ts'
import type { Operate, Selector } from './operate.ts'

export interface Control {
  close(): void
}

/** What it has a word for. */
export interface ControlParts extends Operate {
  readonly endGrant: EndGrant
}

const maxBodyBytes = 4_096

/** Throws where the socket cannot be made, or where another gateway answers on it. */
export async function openControl(
  path: string,
  operate: ControlParts,
  complain: (error: unknown) => void,
): Promise<Control> {
  await removeStale(path)
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(operate, request, response).catch((error: unknown) => {
      complain(error)
      reply(response, 500, { message: 'dockgate failed; its log says why' })
    })
  })
  // Nobody else may open it, not for one moment: binding takes the mode from here, within `listen`.
  const mask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(mask)
  }
  await once(server, 'listening')
  server.unref()
  server.on('error', complain)
  return {
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answer(
  operate: ControlParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /status':
      reply(response, 200, await operate.status())
      return
    case 'GET /sessions':
      reply(response, 200, await operate.sessions(() => true))
      return
    case 'POST /reload':
      reply(response, 200, await operate.reload('dockgate reload'))
      return
    case 'POST /end': {
      const asked = readEnd(await readText(request))
      if (asked === undefined) {
        reply(response, 400, { message: 'say {id}, {who} or {grant}, and {why}' })
      } else if ('grant' in asked.selector) {
        const ended = await operate.endGrant(asked.selector.grant, `the operator: ${asked.why}`)
        reply(response, 200, ended ?? null)
      } else
        reply(response, 200, await operate.end(asked.selector, `by the operator: ${asked.why}`))
      return
    }
    default:
      reply(response, 404, { message: 'no such thing here' })
  }
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of request.setEncoding('utf8')) {
    text += String(part)
    if (text.length > maxBodyBytes) return ''
  }
  return text
}

/** One line, since it is shown in terminals; undefined where it is not. */
export function readReason(said: unknown): string | undefined {
  const why = said ?? 'no reason given'
  const isLine = typeof why === 'string' && why.length <= 200
  return isLine && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(why) ? why : undefined
}

interface AskedEnd {
  readonly selector: Selector | { readonly grant: string }
  readonly why: string
}

/** `{"id": …}`, `{"who": …}` or `{"grant": …}`, and perhaps `why`. */
function readEnd(text: string): AskedEnd | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { why: said, ...rest } = value as Readonly<Record<string, unknown>>
  const why = readReason(said)
  const [way, ...more] = Object.entries(rest)
  if (why === undefined || way === undefined || more.length > 0) return undefined
  const [name, named] = way
  if (typeof named !== 'string') return undefined
  if (name === 'id') return { selector: { id: named }, why }
  if (name === 'who') return { selector: { who: named }, why }
  return name === 'grant' ? { selector: { grant: named }, why } : undefined
}

/** A socket that nobody answers on is what a killed gateway left. */
async function removeStale(path: string): Promise<void> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') rmSync(path)
    return
  } finally {
    socket.destroy()
  }
  throw new Error(`another gateway answers on ${path}`)
}
