// Holds the chains of one audit against themselves, and those of the processes that served against what
// the main one says of them: a chain that was taken away, put back to an earlier state or cut is missed.
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { chainName, chainPaths } from './chains.ts'
import { logFiles } from './files.ts'
import { headPathOf } from './head.ts'
import { hashLine, parseLine, type Position } from './line.ts'
import { readLines } from './lines.ts'
import type { SigningKey } from './signing-key.ts'
import { verifyLog, type Report } from './verify.ts'

/** Of all chains; what has a place in one is of the main one. */
export interface ChainsReport extends Report {
  /** Those of the processes that served. */
  readonly chains: readonly ChainReport[]
}

export interface ChainReport extends Pick<
  Report,
  'files' | 'records' | 'signedThrough' | 'first' | 'last'
> {
  readonly name: string
}

export async function verifyChains(
  logPath: string,
  keys: readonly SigningKey[],
): Promise<ChainsReport> {
  const verify = (path: string): Promise<Report> =>
    verifyLog(logFiles(path), { keys, complete: true, headPath: headPathOf(path) })
  const main = await verify(logPath)
  const told = await tellings(logPath)
  const findings = [...main.findings]
  const notes = [...main.notes]
  const chains: ChainReport[] = []
  const paths = chainPaths(logPath).slice(1)
  for (const path of paths) {
    const report = await verify(path)
    const { files, records, signedThrough, first, last } = report
    const name = chainName(path)
    findings.push(...report.findings)
    notes.push(...report.notes)
    chains.push({ name, files, records, signedThrough, first, last })
    const position = told.get(name)
    if (position === undefined) {
      const message = `${basename(logPath)} tells of no process that wrote this`
      // Killed in its first seconds, a gateway has written nothing of the others' yet.
      notes.push({ file: path, line: 0, kind: 'start', message })
    } else {
      const fault = await faultOf(path, first?.seq ?? 0, position)
      if (fault !== undefined)
        findings.push({ file: path, line: 0, kind: 'missing', message: fault })
    }
  }
  for (const [name, { seq }] of told) {
    if (chains.some((chain) => chain.name === name)) continue
    const message = `there were ${seq} records in ${name}.log, which is gone`
    findings.push({ file: logPath, line: 0, kind: 'missing', message })
  }
  const all = [main, ...chains]
  return {
    ...main,
    sound: findings.length === 0,
    files: all.flatMap(({ files }) => files),
    records: all.reduce((sum, { records }) => sum + records, 0),
    findings,
    notes,
    chains,
  }
}

/** How far each chain had come, as the main one says last. */
async function tellings(logPath: string): Promise<ReadonlyMap<string, Position>> {
  const told = new Map<string, Position>()
  for (const file of existsSync(logPath) ? logFiles(logPath) : []) {
    for await (const { bytes } of readLines(file)) {
      if (!bytes.includes('"event":"chains"')) continue
      const line = parseLine(bytes)
      if (line?.event !== 'chains') continue
      const chains = Object.entries(line.fields['chains'] ?? {}) as [string, Position][]
      for (const [name, position] of chains) told.set(name, position)
    }
  }
  return told
}

async function faultOf(
  path: string,
  first: number,
  { seq, hash }: Position,
): Promise<string | undefined> {
  // Retired since: what is left is vouched for by its own checkpoints.
  if (seq < first) return undefined
  for (const file of logFiles(path)) {
    for await (const { bytes } of readLines(file)) {
      const line = parseLine(bytes)
      if (line?.seq !== seq) continue
      return hashLine(bytes) === hash
        ? undefined
        : `record ${seq} is not the one of which the main log tells`
    }
  }
  return `record ${seq}, of which the main log tells, is not there`
}
