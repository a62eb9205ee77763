// How the verbs that speak to the running gateway reach it: over its control socket, as its own user.
import { request } from 'node:http'
import { resolve } from 'node:path'
import { FaultyConfig, loadSettings } from '../config/load.ts'
import { placesOf } from '../config/settings.ts'
import type { Io } from './verb.ts'

const patienceMs = 10_000

/** The JSON of the answer; an error says what to do where there is none. */
export async function askGateway<T>(
  io: Io,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<T> {
  const socketPath = controlPath(io)
  const text = body === undefined ? '' : JSON.stringify(body)
  const { status, answer } = await send(socketPath, method, path, text)
  const value: unknown = JSON.parse(answer)
  if (status === 200) return value as T
  throw new Error((value as { readonly message?: string }).message ?? `status ${status}`)
}

/** A faulty dockgate.yaml must not keep anybody from asking the gateway about it. */
function controlPath(io: Io): string {
  try {
    return loadSettings(io.env, io.cwd).controlPath
  } catch (error) {
    if (!(error instanceof FaultyConfig)) throw error
    return resolve(placesOf(io.env, io.cwd).home, io.env['DOCKGATE_CONTROL'] ?? 'control.sock')
  }
}

function send(
  socketPath: string,
  method: string,
  path: string,
  body: string,
): Promise<{ readonly status: number; readonly answer: string }> {
  return new Promise((done, reject) => {
    const headers = { 'Content-Length': Buffer.byteLength(body) }
    const asked = request({ socketPath, method, path, headers }, (response) => {
      let answer = ''
      response.setEncoding('utf8').on('data', (part: string) => (answer += part))
      response.on('end', () => done({ status: response.statusCode ?? 0, answer }))
      response.on('error', reject)
    })
    asked.setTimeout(patienceMs, () => {
      asked.destroy(new Error(`the gateway at ${socketPath} does not answer`))
    })
    asked.on('error', (error: NodeJS.ErrnoException) => reject(explained(error, socketPath)))
    asked.end(body)
  })
}

function explained(error: NodeJS.ErrnoException, socketPath: string): Error {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return new Error(
      `no gateway runs here (nothing answers on ${socketPath})\nhint: set DOCKGATE_HOME to its folder, or DOCKGATE_CONTROL to its control socket`,
    )
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new Error(
      `you may not speak to ${socketPath}\nhint: do it as the gateway's user, or as root`,
    )
  }
  return error
}
