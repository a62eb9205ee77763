// Runs a real docker command line as a person would: on the engine's socket or through a gateway, with
// standard input of any kind, or under a terminal of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import { engineUrl, projectRoot } from './engine.ts'

/** Where a command goes: what the environment says to docker and to docker-compose. */
export type Target = Readonly<Record<string, string>>

export function onSocket(): Target {
  return { DOCKER_HOST: engineUrl() }
}

export function throughTls(host: string, certPath: string): Target {
  return { DOCKER_HOST: host, DOCKER_CERT_PATH: certPath, DOCKER_TLS_VERIFY: '1' }
}

/** The docker command lines of this machine: Debian's, and a newer one where there is one. */
export const dockerPrograms: readonly string[] = [
  '/usr/bin/docker',
  '/usr/local/bin/docker',
].filter((path) => existsSync(path))

/** A standard input that stays open and never says anything. */
export const openStdin = Symbol('open')

/** One act of a person at the terminal, once `expect` has been printed since the act before. */
export interface TerminalStep {
  readonly expect: string
  readonly send?: string
  readonly resize?: { readonly rows: number; readonly columns: number }
}

export interface RunOptions {
  /** Another program than Debian's docker, for instance docker-compose. */
  readonly program?: string
  /** What it reads: nothing (the default, /dev/null), a pipe that nobody writes to, or data. */
  readonly stdin?: typeof openStdin | Buffer | string | (() => Readable)
  /** Runs it under a terminal; what comes out of it is in `stdout`. */
  readonly terminal?: readonly TerminalStep[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly timeoutMs?: number
  /** What to do once each text has been printed, for instance a signal: so a person ends `logs -f`. */
  readonly when?: readonly {
    readonly printed: string
    readonly act: (child: ChildProcess) => void
  }[]
  /** Where output goes instead of into `stdout`, for what is too long to keep. */
  readonly sink?: (part: Buffer) => void
}

export interface RunResult {
  readonly stdout: string
  readonly stderr: string
  /** The exit code, the signal's name, or `timeout`. */
  readonly exit: number | string
}

// A configuration that is empty: no credentials, no contexts, no plugins of the person at the machine.
let config: string | undefined

function ownConfig(): string {
  if (config !== undefined) return config
  const folder = mkdtempSync(join(tmpdir(), 'dockgate-cli-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  config = folder
  return folder
}

export async function runDocker(
  target: Target,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const emptyConfig = ownConfig()
  const program = options.program ?? '/usr/bin/docker'
  const [command, ...rest] =
    options.terminal === undefined
      ? [program, ...args]
      : ['python3', terminalProgram, JSON.stringify(options.terminal), program, ...args]
  const child = spawn(command, rest, {
    cwd: options.cwd ?? tmpdir(),
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: emptyConfig,
      DOCKER_CONFIG: emptyConfig,
      TERM: 'xterm',
      LC_ALL: 'C.UTF-8',
      ...target,
      ...options.env,
    },
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    child.kill('SIGKILL')
  }, options.timeoutMs ?? 60_000)

  let stdout = ''
  let stderr = ''
  const waiting = [...(options.when ?? [])]
  const actWhenPrinted = () => {
    const [next] = waiting
    if (next === undefined || !`${stdout}${stderr}`.includes(next.printed)) return
    waiting.shift()
    next.act(child)
    actWhenPrinted()
  }
  const { sink } = options
  if (sink === undefined) child.stdout?.setEncoding('utf8')
  child.stdout?.on('data', (part: string | Buffer) => {
    if (Buffer.isBuffer(part)) sink?.(part)
    else stdout += part
    actWhenPrinted()
  })
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (part: string) => {
    stderr += part
    actWhenPrinted()
  })
  const closed = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  if (child.stdin !== null && options.stdin !== undefined && options.stdin !== openStdin) {
    const { stdin } = options
    // A command may end without reading all of its input; that is no failure of the test.
    child.stdin.on('error', () => {})
    if (typeof stdin === 'function') await pipeline(stdin(), child.stdin).catch(() => {})
    else child.stdin.end(stdin)
  }
  const exit = await closed
  clearTimeout(timer)
  return { stdout, stderr, exit: timedOut ? 'timeout' : exit }
}

const terminalProgram = join(projectRoot, 'test', 'helpers', 'terminal.py')
