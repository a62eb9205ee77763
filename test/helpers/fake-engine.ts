// An engine that does nothing and remembers every request that reached it. Like the real one it takes
// no notice of an upgrade on a path that has none, and reads what follows as the next request.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Seen {
  readonly line: string
  readonly headers: readonly string[]
  readonly body: string
}

export interface FakeEngine {
  readonly path: string
  /** What reached it since the last look, the gateway's own questions about things included. */
  take(): readonly Seen[]
  close(): Promise<void>
}

/** At a path of its own, or at `at`. `owner` owns whatever container anybody asks for. */
export async function startFakeEngine(owner: string, at?: string): Promise<FakeEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'dockgate-fake-'))
  const path = at ?? join(folder, 'engine.sock')
  let seen: Seen[] = []
  const server = createServer({ insecureHTTPParser: true }, (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const line = `${request.method} ${request.url}`
      const body = Buffer.concat(parts).toString('latin1')
      seen.push({ line, headers: request.rawHeaders, body })
      const full = 'c'.repeat(64)
      response.setHeader('Api-Version', '1.41')
      response.setHeader('Content-Type', 'application/json')
      response.end(
        JSON.stringify({
          Id: full,
          ID: 'e'.repeat(64),
          ContainerID: full,
          Name: '/thing',
          Config: { Labels: { 'dockgate.owner': owner } },
          Labels: { 'dockgate.owner': owner },
        }),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    path,
    take() {
      const taken = seen
      seen = []
      return taken
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}
