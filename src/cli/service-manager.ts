// What systemd and its like are told, and what they give: readiness, a watchdog's sign of life, and a
// socket that listens already (sd_notify(3), sd_listen_fds(3)). Node has no datagrams on unix sockets, so
// systemd's own systemd-notify carries the words.
import { spawn } from 'node:child_process'
import type { Logger } from 'pino'

type Environment = Readonly<Record<string, string | undefined>>

/** The first descriptor that is handed over, SD_LISTEN_FDS_START. */
const firstFd = 3

/** The socket that was handed to this process, if one was. */
export function handedSocket(env: Environment, pid: number): { readonly fd: number } | undefined {
  if (env['LISTEN_PID'] !== String(pid)) return undefined
  if (env['LISTEN_FDS'] === '1') return { fd: firstFd }
  throw new Error(`one socket can be served, and ${env['LISTEN_FDS']} were handed over`)
}

export interface ServiceManager {
  /** Says that it is ready once `missing` finds nothing, and shows signs of life from now on. */
  watch(missing: () => Promise<readonly string[]>): void
  stopping(): void
}

const lookEveryMs = 1_000
const tellEveryLooks = 5
/** What is not ready yet has so much more time each time it says so. */
const extendedMs = 15_000

/** Undefined where nobody asked to be told. */
export function createServiceManager(
  env: Environment,
  pid: number,
  log: Logger,
): ServiceManager | undefined {
  if (!env['NOTIFY_SOCKET']) return undefined
  const tell = (...words: readonly string[]): void => {
    const child = spawn('systemd-notify', ['--', ...words], { stdio: 'ignore' })
    child.on('error', (error) => log.error({ err: error }, 'systemd-notify cannot be run'))
  }
  const watchdogUs = env['WATCHDOG_PID'] === String(pid) ? Number(env['WATCHDOG_USEC']) : 0
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  async function wait(missing: () => Promise<readonly string[]>, looks: number): Promise<void> {
    const [first] = await missing()
    if (stopped) return
    if (first === undefined) {
      tell('READY=1', 'STATUS=serving')
      return
    }
    if (looks % tellEveryLooks === 0) {
      tell(`EXTEND_TIMEOUT_USEC=${extendedMs * 1_000}`, `STATUS=not ready: ${first}`)
    }
    timer = setTimeout(() => void wait(missing, looks + 1), lookEveryMs)
  }

  return {
    watch(missing) {
      void wait(missing, 0)
      if (watchdogUs > 0) setInterval(() => tell('WATCHDOG=1'), watchdogUs / 2_000).unref()
    },
    stopping() {
      stopped = true
      clearTimeout(timer)
      tell('STOPPING=1', 'STATUS=letting what is under way finish')
    },
  }
}
