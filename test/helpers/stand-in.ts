// A server of a test's own in the place of the engine: at a socket that comes and goes with it.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface StandIn {
  readonly path: string
  close(): void
}

export async function standIn(server: Server): Promise<StandIn> {
  const folder = mkdtempSync(join(tmpdir(), 'dockgate-engine-'))
  const path = join(folder, 'engine.sock')
  await once(server.listen(path), 'listening')
  return {
    path,
    close() {
      server.closeAllConnections()
      server.close()
      rmSync(folder, { recursive: true })
    },
  }
}
