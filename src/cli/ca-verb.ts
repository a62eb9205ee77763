// What the verbs of `dockgate ca` have in common: their shape, the options that all of them take, and
// the way to the store and its passphrase.
import { join, resolve } from 'node:path'
import { CaError } from '../ca/ca-error.ts'
import { keyKinds, type KeyKind } from '../ca/keys.ts'
import type { Access } from '../ca/open-issuer.ts'
import { readCount, UsageError } from './arguments.ts'
import { secretFrom } from './passphrase.ts'
import type { Io } from './verb.ts'

/** What was done: for people as lines, for programs as one JSON value. */
export interface Answer {
  readonly lines: readonly string[]
  readonly value: unknown
  readonly json: boolean
}

export interface CaWork {
  readonly help: string
  run(args: string[], io: Io): Promise<Answer | 'help'>
}

export interface CaVerb extends CaWork {
  readonly name: string
  readonly summary: string
}

/** Says what was done, or why not and what to do next; the exit code. */
export async function runCaVerb(verb: CaWork, args: string[], io: Io): Promise<number> {
  try {
    const answer = await verb.run(args, io)
    if (answer === 'help') io.stdout.write(verb.help)
    else if (answer.json) io.stdout.write(`${JSON.stringify(answer.value, undefined, 2)}\n`)
    else for (const line of answer.lines) io.stdout.write(`${line}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof CaError)) throw error
    io.stderr.write(`dockgate: ${error.message}\n`)
    if (error.hint !== undefined) io.stderr.write(`hint: ${error.hint}\n`)
    return 1
  }
}

export const word = { type: 'string' } as const
export const words = { type: 'string', multiple: true } as const
export const flag = { type: 'boolean' } as const
export const lifetime = { days: word, hours: word } as const

/** For the verbs that only read. */
export const common = { json: flag } as const
/** For those that sign. */
export const signing = { ...common, 'passphrase-file': word } as const

export const signingHelp = `  --passphrase-file FILE    the passphrase of the CA key is the first line of FILE; else it comes from
                            DOCKGATE_CA_PASSPHRASE_FILE or DOCKGATE_CA_PASSPHRASE, or is asked for
  --json                    print what was done as JSON`

/** For those for which the root signs. */
export const rootSigning = { 'root-dir': word, 'root-passphrase-file': word } as const

export const rootHelp = `  --root-dir FOLDER         the folder of the root, on a medium that is fetched for this alone
  --root-passphrase-file FILE
                            the passphrase of the root key is the first line of FILE; else it comes from
                            DOCKGATE_ROOT_PASSPHRASE_FILE or DOCKGATE_ROOT_PASSPHRASE, or is asked for`

export function folderOf(io: Io): string {
  return join(resolve(io.cwd, io.env['DOCKGATE_HOME'] ?? '.'), 'certs')
}

export function accessOf(io: Io, passphraseFile: string | undefined): Access {
  return { folder: folderOf(io), now: io.now(), passphrase: caPassphrase(io, passphraseFile) }
}

export function caPassphrase(io: Io, file: string | undefined): () => Promise<string | undefined> {
  return secretFrom(io, {
    file,
    variable: 'DOCKGATE_CA_PASSPHRASE',
    question: 'passphrase of the CA key: ',
  })
}

/** To the folder of a root that is kept offline. */
export function rootAccessOf(io: Io, rootDir: string, passphraseFile: string | undefined): Access {
  const passphrase = secretFrom(io, {
    file: passphraseFile,
    variable: 'DOCKGATE_ROOT_PASSPHRASE',
    question: 'passphrase of the root key: ',
  })
  return { folder: resolve(io.cwd, rootDir), now: io.now(), passphrase, isRoot: true }
}

export function keyOf(text: string | undefined): { key?: KeyKind } {
  if (text === undefined) return {}
  const key = keyKinds.find((kind) => kind === text)
  if (key !== undefined) return { key }
  throw new UsageError(
    `unknown kind of key ${JSON.stringify(text)}`,
    `these are: ${keyKinds.join(', ')}`,
  )
}

export function lifetimeOf(values: {
  readonly days?: string | undefined
  readonly hours?: string | undefined
}): { lifetimeHours?: number } {
  const days = readCount(values.days, 'days')
  const hours = readCount(values.hours, 'hours')
  if (days !== undefined && hours !== undefined) throw new UsageError('--days or --hours, not both')
  if (days !== undefined) return { lifetimeHours: days * 24 }
  return hours === undefined ? {} : { lifetimeHours: hours }
}

/** `{ key: value }`, or nothing at all when there is no value. */
export function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V })
}

/** To the minute, as people read it. */
export function until(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`
}

export function requireRootDir({
  'root-dir': folder,
}: {
  'root-dir'?: string | undefined
}): string {
  if (folder !== undefined) return folder
  throw new UsageError('where the root is was not said', '--root-dir FOLDER')
}
