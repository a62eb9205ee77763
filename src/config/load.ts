// Reads the operator's files from disk: settings, roles, and what is wrong with either.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { compilePolicy, type Policy } from '../policy/policy.ts'
import { formatFault, type Fault } from './fault.ts'
import { parseRoles } from './roles-file.ts'
import { readSettings, type Settings } from './settings.ts'

/** Every fault of a configuration, in one message. */
export class FaultyConfig extends Error {
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    super(faults.map(formatFault).join('\n'))
    this.name = 'FaultyConfig'
    this.faults = faults
  }
}

export function loadSettings(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Settings {
  const read = readSettings(env, cwd, readIfThere)
  if ('faults' in read) throw new FaultyConfig(read.faults)
  return read.settings
}

export function loadPolicy(path: string): Policy {
  return compileRoles(readRolesText(path))
}

/** From the text of a roles.yaml. */
export function compileRoles(text: string): Policy {
  // Editors that write in place leave a file empty for a moment.
  if (text.trim() === '') {
    const hint = 'write "grants: []" where nobody shall have a role'
    throw new FaultyConfig([{ where: 'roles.yaml', message: 'it is empty', hint }])
  }
  const read = parseRoles(text, 'roles.yaml')
  if ('faults' in read) throw new FaultyConfig(read.faults)
  return compilePolicy(read.file, createHash('sha256').update(text).digest('hex'))
}

export function readRolesText(path: string): string {
  const text = readIfThere(path)
  if (text !== undefined) return text
  throw new FaultyConfig([
    {
      where: path,
      message: 'there is no such file',
      hint: 'npm start writes a first one; DOCKGATE_HOME says in which folder it is looked for',
    },
  ])
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new FaultyConfig([{ where: path, message: `it cannot be read (${why})` }])
  }
}
