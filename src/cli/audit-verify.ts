// `dockgate audit verify`: whether the log is what the gateway wrote, and where not.
import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { headPathOf } from '../audit/head.ts'
import { publicPathOf, readPublicKey } from '../audit/signing-key.ts'
import { verifyChains, type ChainsReport } from '../audit/verify-chains.ts'
import { verifyTranscripts, type TranscriptsReport } from '../audit/verify-transcripts.ts'
import { verifyLog, type Finding, type Report } from '../audit/verify.ts'
import { loadSettings } from '../config/load.ts'
import { readArguments } from './arguments.ts'
import type { Io, SubVerb } from './verb.ts'

const help = `usage: dockgate audit verify [FILES] [--key FILE]… [--json]

Holds the audit against itself: each record carries the hash of the one before, checkpoints are signed
by the gateway's key, and the head file says which record is the last. Transcripts of terminals are held
against the hashes in the records of their sessions. Tells file, line and what is wrong.
Without FILES: the whole log, rotated files included. With FILES, copies for instance: these alone.

  --key FILE  a public key (or the private one) to trust; default: audit-key.pub.pem beside the key.
              Again for each key that the log was signed with

Exit code 0: nothing is wrong; 1: something is.

examples:
  dockgate audit verify
  dockgate audit verify --json /backup/audit-2026-11-*.log --key /backup/audit-key.pub.pem
`

export const verify: SubVerb = {
  name: 'verify',
  summary: 'finds any change, gap, reordering or cut in the log, and says where',
  help,
  async run(args, io) {
    const options = {
      json: { type: 'boolean' },
      key: { type: 'string', multiple: true },
    } as const
    const usage = 'dockgate audit verify [FILES] [--key FILE]… [--json]'
    const read = readArguments(args, options, { min: 0, max: Infinity, usage })
    if (read.values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const { audit } = loadSettings(io.env, io.cwd)
    const keyPaths = read.values.key ?? [publicPathOf(audit.keyPath)]
    const keys = keyPaths.map((path) => readPublicKey(resolve(io.cwd, path)))
    const files = read.positionals.map((path) => resolve(io.cwd, path))
    const headPath = files.map(headPathOf).find((path) => existsSync(path))
    const days = audit.keep.days ?? Infinity
    const retiredBefore = Date.now() - days * 86_400_000
    const log =
      files.length === 0
        ? await verifyChains(audit.path, keys)
        : await verifyLog(files, {
            keys,
            complete: false,
            ...(headPath === undefined ? {} : { headPath }),
          })
    const report = await verifyTranscripts(log, { complete: files.length === 0, retiredBefore })
    if (read.values.json === true) io.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
    else tell(report, io)
    return report.sound ? 0 : 1
  },
}

/** More of them say nothing new, and would push the first off the screen. */
const mostFindings = 50

function tell(report: Report & Partial<ChainsReport> & TranscriptsReport, io: Io): void {
  const line = ({ file, line: number, message }: Finding): string =>
    `${relative(io.cwd, file)}${number === 0 ? '' : `:${number}`}: ${message}`
  for (const finding of report.findings.slice(0, mostFindings)) {
    io.stdout.write(`${line(finding)}\n`)
  }
  const more = report.findings.length - mostFindings
  if (more > 0) io.stdout.write(`and ${more} more; --json tells all\n`)
  for (const note of report.notes) io.stdout.write(`note: ${line(note)}\n`)
  const { chains = [] } = report
  const others = chains.reduce((sum, { records }) => sum + records, 0)
  const otherFiles = chains.reduce((sum, { files }) => sum + files.length, 0)
  const main = {
    ...report,
    records: report.records - others,
    files: report.files.slice(0, report.files.length - otherFiles),
  }
  io.stdout.write(extent(main, ''))
  for (const chain of chains) io.stdout.write(extent(chain, `${chain.name}: `))
  const { transcripts } = report
  if (transcripts > 0) io.stdout.write(`transcripts as they were written: ${transcripts}\n`)
  io.stdout.write(report.sound ? 'the audit is whole\n' : 'the audit is NOT whole\n')
}

type Extent = Pick<Report, 'first' | 'last' | 'records' | 'files' | 'signedThrough'>

function extent({ first, last, records, files, signedThrough }: Extent, chain: string): string {
  if (first === undefined || last === undefined) return ''
  const many = files.length === 1 ? '1 file' : `${files.length} files`
  return `${chain}records ${first.seq} to ${last.seq} (${records} lines in ${many}), ${first.time} to ${last.time}, signed through ${signedThrough}\n`
}
