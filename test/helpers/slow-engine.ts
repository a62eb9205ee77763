// The real engine behind a socket of its own that holds a request back until it is told to go on: so
// that a test can change things between what the gateway asked and what it sends.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { engineSocket } from './engine.ts'

export interface SlowEngine {
  readonly path: string
  /** Holds the next request whose line fits, and calls `meanwhile` before it goes on. */
  holdNext(line: RegExp, meanwhile: () => Promise<void>): void
  /** The lines of all requests so far; to be emptied at will. */
  readonly lines: string[]
  close(): Promise<void>
}

export async function startSlowEngine(): Promise<SlowEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'dockgate-slow-'))
  const path = join(folder, 'engine.sock')
  const lines: string[] = []
  let next: { readonly line: RegExp; readonly meanwhile: () => Promise<void> } | undefined
  const server = createServer((incoming, response) => {
    const { method, url, rawHeaders } = incoming
    lines.push(`${method} ${url}`)
    const pass = (): void => {
      const target = { socketPath: engineSocket(), method, path: url, agent: false as const }
      const outgoing = request({ ...target, headers: rawHeaders }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
        answer.pipe(response)
      })
      outgoing.on('error', () => {
        if (!response.headersSent) response.destroy()
      })
      // In one write with the head: an engine that answers at once and closes would else be found gone by
      // the empty write that ends a piped body, and its answer lost.
      const body: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => body.push(chunk))
      incoming.on('end', () => outgoing.end(Buffer.concat(body)))
    }
    const held = next
    if (held === undefined || !held.line.test(`${method} ${url}`)) {
      pass()
      return
    }
    next = undefined
    held.meanwhile().then(pass, () => response.destroy())
  })
  // As the engine, which answers whoever has ended their side, too.
  Object.assign(server, { httpAllowHalfOpen: true })
  // As the engine, which never closes an idle connection while the gateway takes it up again.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    path,
    lines,
    holdNext: (line, meanwhile) => void (next = { line, meanwhile }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}
