// The passphrase of the CA's key: from a file, from the environment, or asked for at the terminal.
import { readFileSync } from 'node:fs'
import type { Io } from './verb.ts'

export function passphraseFrom(
  io: Io,
  file: string | undefined,
): () => Promise<string | undefined> {
  return async () => {
    if (file !== undefined) return firstLine(readFileSync(file, 'utf8'))
    const fromEnv = io.env['DOCKGATE_CA_PASSPHRASE']
    if (fromEnv !== undefined && fromEnv !== '') return fromEnv
    return askHidden(io, 'passphrase of the CA key: ')
  }
}

/** Undefined where nobody sits at a terminal. */
export function askHidden(io: Io, question: string): Promise<string | undefined> {
  const { stdin, stderr } = io
  if (!('isTTY' in stdin) || stdin.isTTY !== true) return Promise.resolve(undefined)
  const terminal = stdin as NodeJS.ReadStream
  stderr.write(question)
  terminal.setRawMode(true)
  return new Promise((resolve) => {
    let text = ''
    const done = (answer: string | undefined): void => {
      terminal.off('data', take)
      terminal.setRawMode(false)
      terminal.pause()
      stderr.write('\n')
      resolve(answer)
    }
    const take = (chunk: Buffer): void => {
      for (const letter of chunk.toString('utf8')) {
        if (letter === '\r' || letter === '\n') return done(text)
        if (letter === '\u0003' || letter === '\u0004') return done(undefined)
        text = letter === '\u007f' ? text.slice(0, -1) : text + letter
      }
    }
    terminal.on('data', take)
    terminal.resume()
  })
}

function firstLine(text: string): string {
  return text.split(/\r?\n/)[0] ?? ''
}
