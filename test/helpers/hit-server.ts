// An HTTP server on the engine's own loopback interface that records who calls, to see whether a
// request made the engine call somewhere.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { engineFacts, engineUrl } from './engine.ts'

export interface HitServer {
  readonly port: number
  readonly hits: readonly string[]
  close(): Promise<void>
}

// Runs as a program of its own, because the engine lives in another network namespace than the tests.
const program = `
const server = require('node:http').createServer((request, response) => {
  console.log(request.method + ' ' + request.url)
  response.writeHead(404).end()
})
server.on('connection', () => console.log('connection'))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit()).resume()
`

export async function startHitServer(): Promise<HitServer> {
  const node = [process.execPath, '-e', program]
  const [command = '', ...args] = inEngineNetwork(node)
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const hits: string[] = []
  const lines = createInterface(child.stdout)
  const [port] = await once(lines, 'line')
  lines.on('line', (line) => hits.push(line))
  return {
    port: Number(port),
    hits,
    async close() {
      const closed = once(child, 'close')
      child.stdin.end()
      await closed
    },
  }
}

/** An engine that is not of scripts/engine.mjs is taken to share the network of the tests. */
function inEngineNetwork(command: readonly string[]): readonly string[] {
  if (engineUrl() !== engineFacts().engine) return command
  return ['nsenter', '--target', String(engineFacts().pid), '--net', ...command]
}
