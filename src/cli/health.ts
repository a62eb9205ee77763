// `dockgate health`: whether the door answers, for whoever watches over the process that serves.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadSettings } from '../config/load.ts'
import type { Status } from '../gateway/operate.ts'
import { missingOf } from '../gateway/readiness.ts'
import { readArguments, UsageError } from './arguments.ts'
import { askGateway } from './ask-gateway.ts'
import type { Verb } from './verb.ts'

const usage = 'dockgate health [--ready] [--wait SECONDS]'
const help = `usage: ${usage}

Knocks on the listener that the settings name, from the same machine: a TLS handshake, with a
certificate that is good and from our CA. It says that the door answers, not that the engine does.

  --ready         asks the gateway over its control socket as well: policy, certificates and engine
                  must be fine
  --wait SECONDS  tries again for so long

Exit code 0: it answers; 1: it does not, and why.
`

/** Below the time that a container's health check has. */
const patienceMs = 4_000
const lookEveryMs = 500

export const health: Verb = {
  help,
  async run(args, io) {
    const options = { ready: { type: 'boolean' }, wait: { type: 'string' } } as const
    const { values } = readArguments(args, options, { min: 0, max: 0, usage })
    if (values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const { wait = '0' } = values
    if (!/^\d{1,5}$/.test(wait))
      throw new UsageError(`--wait takes seconds, not ${JSON.stringify(wait)}`)
    const until = Date.now() + Number(wait) * 1_000
    const { listen, certs } = loadSettings(io.env, io.cwd)
    const [host, port] = [reachable(listen.host), listen.port]
    const place = `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`
    const ca = readFileSync(join(certs, 'ca.pem'), 'utf8')
    const look = async (): Promise<string | undefined> => {
      try {
        await knock(host, port, ca)
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        return `${place} does not answer: ${code ?? message}`
      }
      if (values.ready !== true) return undefined
      try {
        const status = await askGateway<Status>(io, 'GET', '/status')
        const missing = missingOf(status, io.now().getTime())
        return missing.length === 0 ? undefined : `${place} is not ready: ${missing.join('; ')}`
      } catch (error) {
        return `${place} is not ready: ${(error as Error).message}`
      }
    }
    let fault = await look()
    while (fault !== undefined && Date.now() < until) {
      await sleep(lookEveryMs)
      fault = await look()
    }
    if (fault !== undefined) {
      io.stderr.write(`dockgate: ${fault}\n`)
      return 1
    }
    io.stdout.write(`${place} ${values.ready === true ? 'is ready' : 'answers'}\n`)
    return 0
  },
}

/** Who listens on every address is reached on the loopback's. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return /^[0:]+$/.test(host) ? '::1' : host
}

function knock(host: string, port: number, ca: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Whoever asks here knows the gateway by its CA; which names it has is for its clients.
    const socket = connect({ host, port, ca, checkServerIdentity: () => undefined })
    const timer = setTimeout(() => fail(new Error(`nothing in ${patienceMs} ms`)), patienceMs)
    const fail = (error: Error): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    socket.once('error', fail)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      // Not destroyed: the gateway would wait for the end of a handshake that never comes.
      socket.off('error', fail).on('error', () => undefined)
      socket.end()
      resolve()
    })
  })
}
