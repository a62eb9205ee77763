// An engine of a few known things that writes down, byte for byte, what else it is asked.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Thing, ThingKind } from '../../src/docker/operation.ts'

export interface Recorded {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  readonly body: Buffer
}

export interface RecordingEngine {
  readonly path: string
  /** What was asked since the last look, but for what the things mean. */
  take(): readonly Recorded[]
  close(): Promise<void>
}

const kinds: Readonly<Record<string, ThingKind>> = {
  containers: 'container',
  images: 'image',
  networks: 'network',
  volumes: 'volume',
  services: 'service',
  secrets: 'secret',
  configs: 'config',
}

/** The thing of that kind which has the name or the id. */
export function findThing(things: readonly Thing[], kind: string, name: string): Thing | undefined {
  const bare = name.startsWith('/') ? name.slice(1) : name
  return things.find((one) => one.kind === kind && (one.name === bare || one.id === bare))
}

export async function startRecordingEngine(things: readonly Thing[]): Promise<RecordingEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'dockgate-recording-'))
  const path = join(folder, 'engine.sock')
  let recorded: Recorded[] = []
  const server = createServer((request, response) => {
    const { method = '', url: target = '', rawHeaders: headers } = request
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      response.setHeader('Content-Type', 'application/json')
      const [, plural = '', name = ''] = /^\/([a-z]+)\/([^/?]+)(?:\/json)?$/.exec(target) ?? []
      const kind = kinds[plural]
      if (method === 'GET' && kind !== undefined) {
        const thing = findThing(things, kind, decodeURIComponent(name))
        response.statusCode = thing === undefined ? 404 : 200
        response.end(JSON.stringify(thing === undefined ? { message: 'no' } : shown(thing)))
        return
      }
      recorded.push({ method, target, headers, body: Buffer.concat(parts) })
      response.statusCode = 201
      // A volume is answered as it was made: by its labels it is seen whose it is.
      response.end(target === '/volumes/create' ? Buffer.concat(parts).toString() : '{"Id":"made"}')
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    path,
    take() {
      const taken = recorded
      recorded = []
      return taken
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}

function shown({ kind, id, name, labels }: Thing): object {
  if (kind === 'container') return { Id: id, Name: `/${name}`, Config: { Labels: labels } }
  if (kind === 'image') return { Id: id, RepoTags: [`${name}:latest`], Config: { Labels: labels } }
  if (kind === 'network' || kind === 'volume') return { Id: id, Name: name, Labels: labels }
  return { ID: id, Spec: { Name: name, Labels: labels } }
}
