// Holds the transcripts of terminals against what the records of their sessions say of them.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { parseLine } from './line.ts'
import { readLines } from './lines.ts'
import type { TranscriptSeal } from './transcript.ts'
import type { Finding, Report } from './verify.ts'

export interface TranscriptsReport {
  /** Those that are what was written. */
  readonly transcripts: number
}

export interface TranscriptOptions {
  /** The log is the whole one, in its place: what it tells of must be there. */
  readonly complete: boolean
  /** Of records before this (milliseconds since the epoch) they may have been retired. */
  readonly retiredBefore: number
}

export async function verifyTranscripts<T extends Report>(
  report: T,
  { complete, retiredBefore }: TranscriptOptions,
): Promise<T & TranscriptsReport> {
  const findings = [...report.findings]
  const notes = [...report.notes]
  let transcripts = 0
  for (const file of report.files) {
    for await (const { number: line, bytes } of readLines(file)) {
      if (!bytes.includes('"transcript":{')) continue
      const record = parseLine(bytes)
      const sealed = record?.fields['transcript'] as TranscriptSeal | undefined
      if (record?.event !== 'ended' || sealed === undefined) continue
      const found = await hashOf(sealed.path)
      if (found === sealed.sha256) {
        transcripts += 1
        continue
      }
      const finding = (message: string): Finding => ({ file, line, kind: 'transcript', message })
      const { path } = sealed
      if (found !== undefined) findings.push(finding(`the transcript ${path} was CHANGED`))
      else if (complete && Date.parse(record.time) >= retiredBefore) {
        findings.push(finding(`the transcript ${path} is MISSING`))
      } else notes.push(finding(`the transcript ${path} is not there, so it is not checked`))
    }
  }
  return { ...report, findings, notes, transcripts, sound: findings.length === 0 }
}

async function hashOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    for await (const part of createReadStream(path)) hash.update(part as Buffer)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  return hash.digest('hex')
}
