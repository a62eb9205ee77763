// What the audit tells of the past: who came, by which roles they were let through, and how commands were
// run in containers.
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { chainFiles } from '../audit/chains.ts'
import { parseLine } from '../audit/line.ts'
import { readLines } from '../audit/lines.ts'

export interface AuditFacts {
  /** Milliseconds since the epoch; of the first and last decision on record. */
  readonly from: number
  readonly until: number
  readonly decisions: number
  /** Names of those who came, by the fingerprint of their certificate. */
  readonly people: ReadonlyMap<string, string>
  /** Roles that let something through. */
  readonly roles: ReadonlySet<string>
  readonly privilegedCommands: readonly Command[]
  readonly rootCommands: readonly Command[]
}

export interface Command {
  readonly who: string
  readonly intent: string
  readonly time: string
}

/** So many commands are shown; of the rest there is a count in none of them. */
const kept = 20

/** A sentence where there is no audit. */
export async function readAudit(path: string): Promise<AuditFacts | string> {
  const files = existsSync(dirname(path)) ? chainFiles(path) : []
  const people = new Map<string, string>()
  const roles = new Set<string>()
  const privilegedCommands: Command[] = []
  const rootCommands: Command[] = []
  let [from, until, decisions] = [0, 0, 0]
  for (const file of files) {
    for await (const { bytes, whole } of readLines(file)) {
      const line = whole ? parseLine(bytes) : undefined
      if (line?.event !== 'decided') continue
      const { who, fingerprint, role, decision, operation, intent } = line.fields
      const at = Date.parse(line.time)
      if (Number.isNaN(at) || typeof who !== 'string') continue
      decisions += 1
      if (from === 0 || at < from) from = at
      until = Math.max(until, at)
      if (typeof fingerprint === 'string') people.set(fingerprint, who)
      if (decision !== 'allow') continue
      if (typeof role === 'string') roles.add(role)
      if (operation !== 'exec.create' || typeof intent !== 'string') continue
      const command = { who, intent, time: line.time }
      if (intent.endsWith(', privileged')) keep(privilegedCommands, command)
      if (/ as user "?(root|0)(:[^ ,"]*)?"?(,|$)/.test(intent)) keep(rootCommands, command)
    }
  }
  if (decisions === 0) return 'there is no decision in the audit yet'
  return { from, until, decisions, people, roles, privilegedCommands, rootCommands }
}

function keep(commands: Command[], command: Command): void {
  commands.push(command)
  if (commands.length > kept) commands.shift()
}
