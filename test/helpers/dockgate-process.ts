// `dockgate` as it is run: the built program, once to its end or as a server until it is stopped.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { projectRoot } from './engine.ts'

const main = join(projectRoot, 'dist/main.js')

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

type Environment = Readonly<Record<string, string>>

const inherited = { PATH: process.env['PATH'] ?? '/usr/bin:/bin' }

export async function runDockgate(
  args: readonly string[],
  env: Environment,
  stdin = '',
): Promise<Ran> {
  const child = spawn(process.execPath, [main, ...args], { env: { ...inherited, ...env } })
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const closed = once(child, 'close')
  const [stdout, stderr] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()])
  const [status] = await closed
  return { status, stdout: stdout.join(''), stderr: stderr.join('') }
}

export interface Serving {
  readonly port: number
  readonly pid: number
  /** The line that says that it is ready. */
  readonly line: string
  log(): string
  /** Resolves when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Waits for the line that says where it listens. */
export async function serveDockgate(args: readonly string[], env: Environment): Promise<Serving> {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => (log += part))
  const closed = once(child, 'close')
  const early = closed.then(() => {
    throw new Error(`"dockgate ${args.join(' ')}" did not start:\n${log}`)
  })
  early.catch(() => {})
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), early])
  return {
    pid: child.pid ?? 0,
    line: String(line),
    port: Number(/:(\d+)$/.exec(String(line))?.[1]),
    log: () => log,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await closed
    },
  }
}
