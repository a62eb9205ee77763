// `dockgate health`: whether the door answers, for whoever watches over the process that serves.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { loadSettings } from '../config/load.ts'
import { readArguments } from './arguments.ts'
import type { Verb } from './verb.ts'

const help = `usage: dockgate health

Knocks on the listener that the settings name, from the same machine: a TLS handshake, with a
certificate that is good and from our CA. It says that the door answers, not that the engine does.
Exit code 0: it answers; 1: it does not, and why.
`

/** Below the time that a container's health check has. */
const patienceMs = 4_000

export const health: Verb = {
  name: 'health',
  summary: 'whether the gateway on this machine answers',
  help,
  async run(args, io) {
    const usage = { min: 0, max: 0, usage: 'dockgate health' }
    if (readArguments(args, {}, usage).values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const { listen, certs } = loadSettings(io.env, io.cwd)
    const [host, port] = [reachable(listen.host), listen.port]
    const place = `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`
    const ca = readFileSync(join(certs, 'ca.pem'), 'utf8')
    try {
      await knock(host, port, ca)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      io.stderr.write(`dockgate: ${place} does not answer: ${code ?? message}\n`)
      return 1
    }
    io.stdout.write(`${place} answers\n`)
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
