// An engine in this process that answers what a test needs: small things at once, what it is told to hold
// when it is told to go on, events and streams without an end, and as many bytes as anybody will take.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface IdleEngine {
  readonly path: string
  /** Requests that have reached it. */
  readonly asked: number
  /** Bytes of endless answers that were taken from it. */
  readonly taken: number
  /** Answers that wait: every list of containers. */
  readonly held: number
  /** Answers all of them. */
  goOn(): void
  close(): Promise<void>
}

export async function startIdleEngine(): Promise<IdleEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'dockgate-idle-'))
  const path = join(folder, 'engine.sock')
  const held = new Set<ServerResponse>()
  let asked = 0
  let taken = 0
  const part = Buffer.alloc(64 * 1024, 'x')
  const pour = (response: ServerResponse): void => {
    while (!response.destroyed) {
      taken += part.length
      if (!response.write(part)) {
        response.once('drain', () => pour(response))
        return
      }
    }
  }
  const server = createServer((request, response) => {
    asked++
    const url = request.url ?? ''
    response.setHeader('Content-Type', 'application/json')
    response.setHeader('Api-Version', '1.41')
    if (url.includes('/events')) response.write('{}\n')
    else if (url.includes('/attach')) {
      // A stream from here on, as for a client that asked for no upgrade.
      response.useChunkedEncodingByDefault = false
      response.setHeader('Content-Type', 'application/vnd.docker.raw-stream')
      response.write('{}\n')
    } else if (url.includes('/images/get')) pour(response)
    else if (url.includes('/containers/json')) {
      held.add(response)
      response.once('close', () => held.delete(response))
    } else {
      request.resume().once('end', () => response.end('{"Id":"x","ApiVersion":"1.41"}'))
    }
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    path,
    get asked() {
      return asked
    },
    get taken() {
      return taken
    },
    get held() {
      return held.size
    },
    goOn() {
      for (const response of held) response.end('[]')
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}
