// What a docker command asks of an engine, without an engine: a socket that answers just enough for the
// command to go on to its first change, writes it down and refuses it.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RecordedRequest {
  readonly method: string
  readonly target: string
  readonly contentType: string | undefined
  readonly body: Buffer
}

/** Questions about the engine itself, which every command asks. */
const preliminary = /^(\/v[0-9.]+)?\/(_ping|version|info)$/
const timeoutMs = 20_000
const maxBodyBytes = 8 * 1024 * 1024

/** Runs `docker …` against a recording socket; throws where it cannot be started or asks for nothing. */
export async function recordedRequests(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<readonly RecordedRequest[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dockgate-explain-'))
  const path = join(folder, 'docker.sock')
  const recorded: RecordedRequest[] = []
  const server = createServer((request, response) => void answer(request, response, recorded))
  try {
    server.listen(path)
    await once(server, 'listening')
    await run(command, { ...env, DOCKER_HOST: `unix://${path}`, DOCKER_BUILDKIT: '0' })
  } finally {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  }
  return recorded
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  recorded: RecordedRequest[],
): Promise<void> {
  const { method = '', url: target = '' } = request
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= maxBodyBytes) chunks.push(chunk)
  }
  response.setHeader('Api-Version', '1.41')
  response.setHeader('Ostype', 'linux')
  response.setHeader('Content-Type', 'application/json')
  const [asked = ''] = target.split('?', 1)
  if (preliminary.test(asked)) {
    response.end(method === 'HEAD' ? undefined : '{"ApiVersion":"1.41","Version":"20.10"}')
    return
  }
  const contentType = request.headers['content-type']
  recorded.push({ method, target, contentType, body: Buffer.concat(chunks) })
  if (method === 'GET') {
    // Enough of a container for `docker exec` to go on.
    response.end('{"Id":"0","State":{"Running":true},"Config":{}}')
    return
  }
  response.statusCode = 501
  response.end('{"message":"written down"}')
}

async function run(command: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const [file = '', ...args] = command
  const child = spawn(file, args, { env, stdio: 'ignore', timeout: timeoutMs })
  await once(child, 'close')
}
