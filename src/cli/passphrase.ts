// Secrets that a person or a machine hands over: from a file, from the environment, or asked for at
// the terminal without showing them. Never from an argument, which every process could read.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from './arguments.ts'
import type { Io } from './verb.ts'

export interface SecretSource {
  /** What the command line named. */
  readonly file: string | undefined
  /** The environment variable that may hold it; with `_FILE` after it, the one that may name a file. */
  readonly variable: string
  readonly question: string
}

/** Undefined when nothing was given and nobody sits at a terminal. */
export function secretFrom(io: Io, source: SecretSource): () => Promise<string | undefined> {
  return async () => {
    const { variable, question } = source
    const file = source.file ?? io.env[`${variable}_FILE`]
    if (file !== undefined && file !== '') return firstLine(resolve(io.cwd, file))
    const fromEnv = io.env[variable]
    if (fromEnv !== undefined && fromEnv !== '') return fromEnv
    return askHidden(io, question)
  }
}

/** Undefined where nobody sits at a terminal, or when they do not want to answer. */
export function askHidden(io: Io, question: string): Promise<string | undefined> {
  const { stdin, stderr } = io
  if (!('isTTY' in stdin) || stdin.isTTY !== true) return Promise.resolve(undefined)
  const terminal = stdin as NodeJS.ReadStream
  // Silent first: whoever answers fast must not see the secret echoed.
  terminal.setRawMode(true)
  stderr.write(question)
  return new Promise((answered) => {
    const bytes: number[] = []
    const done = (answer: string | undefined): void => {
      terminal.off('data', take)
      terminal.setRawMode(false)
      terminal.pause()
      stderr.write('\n')
      answered(answer)
    }
    const take = (chunk: Buffer): void => {
      for (const [place, byte] of chunk.entries()) {
        if (byte === 0x0d || byte === 0x0a) {
          done(Buffer.from(bytes).toString('utf8'))
          // What was typed or pasted ahead is for the next question, so it waits until nobody listens.
          const rest = chunk.subarray(place + 1)
          if (rest.length > 0) terminal.unshift(rest)
          return
        }
        if (byte === 0x03 || byte === 0x04) return done(undefined)
        if (byte === 0x7f || byte === 0x08) dropLetter(bytes)
        else bytes.push(byte)
      }
    }
    terminal.on('data', take)
    terminal.resume()
  })
}

/** A letter may be several bytes: all that continue one, and the one that began it. */
function dropLetter(bytes: number[]): void {
  let dropped = bytes.pop()
  while (dropped !== undefined && (dropped & 0xc0) === 0x80) dropped = bytes.pop()
}

export function firstLine(path: string): string {
  const [line = ''] = readText(path).split(/\r?\n/)
  if (line === '') throw new UsageError(`"${path}" has an empty first line`)
  return line
}

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new UsageError(`"${path}" cannot be read`)
  }
}
