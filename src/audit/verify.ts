// Holds a log against itself: every line against the hash that the next one has of it, every checkpoint
// against the gateway's key, its start and its end. Says what is wrong, and where.
import { basename } from 'node:path'
import { faultOfCheckpoint } from './checkpoint.ts'
import { readFirst } from './files.ts'
import { readHead } from './head.ts'
import { hashLine, origin, parseLine, type Line } from './line.ts'
import { readLines } from './lines.ts'
import { recordsPerCheckpoint } from './log-file.ts'
import type { SigningKey } from './signing-key.ts'

export type FindingKind =
  | 'changed'
  | 'missing'
  | 'moved'
  | 'duplicated'
  | 'unreadable'
  | 'torn'
  | 'signature'
  | 'unsigned'
  | 'start'
  | 'end'
  | 'reported'
  | 'transcript'

export interface Finding {
  readonly file: string
  /** 0: the file as a whole. */
  readonly line: number
  readonly kind: FindingKind
  readonly message: string
}

export interface Report {
  /** Nothing was found that an honest log does not have. */
  readonly sound: boolean
  readonly files: readonly string[]
  readonly records: number
  readonly checkpoints: number
  /** The last record that a good signature vouches for. */
  readonly signedThrough: number
  readonly first: Place | undefined
  readonly last: Place | undefined
  readonly findings: readonly Finding[]
  /** What is no fault and worth knowing. */
  readonly notes: readonly Finding[]
}

export interface Place {
  readonly seq: number
  readonly time: string
}

export interface VerifyOptions {
  readonly keys: readonly SigningKey[]
  /** The head beside the last file, if that is to be held against it. */
  readonly headPath?: string
  /** The files are all there are: what is missing before them must have been retired on record. */
  readonly complete: boolean
}

interface Seen {
  readonly line: Line
  readonly hash: string
  readonly at: At
  /** It does not hold the hash of the line before it: one of the two was changed. */
  readonly breaks: Seen | undefined
}

interface At {
  readonly file: string
  readonly line: number
}

/** A gap in the numbers, filled again by what only stands elsewhere. */
interface Gap {
  readonly at: At
  readonly from: number
  readonly to: number
  readonly missing: Set<number>
}

/** How far back a repeated line is known for what it is. */
const remembered = 20_000
/** A gap is counted out record by record as long as it is one that an edit makes. */
const countedGap = 100_000

export async function verifyLog(paths: readonly string[], options: VerifyOptions): Promise<Report> {
  const verifier = new Verifier(options)
  const head = options.headPath === undefined ? undefined : readHead(options.headPath)
  const files = inOrder(paths)
  for (const [index, path] of files.entries()) {
    await verifier.read(path, index === files.length - 1)
  }
  // The gateway may have gone on meanwhile: then the head has gone on as well.
  const later = options.headPath === undefined ? undefined : readHead(options.headPath)
  return verifier.finish(files, head, typeof later === 'object' ? later.foretold.seq : 0)
}

/** By the number of the first record: names are for people. */
function inOrder(paths: readonly string[]): readonly string[] {
  const known = paths.map((path, index) => ({ path, index, seq: readFirst(path)?.seq }))
  return known
    .toSorted((a, b) =>
      a.seq === undefined || b.seq === undefined ? a.index - b.index : a.seq - b.seq,
    )
    .map(({ path }) => path)
}

class Verifier {
  readonly #options: VerifyOptions
  readonly #findings: Finding[] = []
  readonly #notes: Finding[] = []
  readonly #hashes = new Map<number, { readonly hash: string; readonly at: At }>()
  readonly #gaps: Gap[] = []
  #records = 0
  #checkpoints = 0
  #signedThrough = 0
  #unsigned = 0
  #retiredThrough = 0
  #first: Seen | undefined
  #last: Seen | undefined
  /** An unreadable line stands between `#last` and what comes. */
  #hole = false
  #torn: { readonly at: At; readonly bytes: number } | undefined

  constructor(options: VerifyOptions) {
    this.#options = options
  }

  async read(path: string, isLast: boolean): Promise<void> {
    let lines = 0
    for await (const { number, bytes, whole } of readLines(path)) {
      lines = number
      const at = { file: path, line: number }
      if (!whole) {
        if (isLast) this.#torn = { at, bytes: bytes.length }
        else this.#find(at, 'torn', 'the file breaks off within a record')
        continue
      }
      this.#records += 1
      const line = parseLine(bytes)
      if (line === undefined) {
        this.#hole = true
        this.#find(at, 'unreadable', 'this is no record of the audit')
      } else {
        await this.#take({ line, hash: hashLine(bytes), at })
      }
    }
    if (lines === 0) this.#note({ file: path, line: 0 }, 'end', 'the file is empty')
    const closing = this.#last?.line.fields
    if (!isLast && lines > 0 && closing?.['why'] !== 'rotated') {
      const at = { file: path, line: lines }
      this.#note(at, 'end', 'the file ends without the checkpoint of a rotation')
    }
  }

  async #take(read: Omit<Seen, 'breaks'>): Promise<void> {
    const { line, hash, at } = read
    const last = this.#last
    const expected = last === undefined ? line.seq : last.line.seq + 1
    const follows = last === undefined || line.prev === last.hash
    if (line.seq < expected && !(follows && !this.#hole)) {
      this.#tookBefore(read)
      return
    }
    if (line.seq !== expected && follows && last !== undefined) {
      // It stands where it stood: only its number is another.
      this.#find(
        at,
        'changed',
        `this record was changed: it is record ${expected}, not ${line.seq}`,
      )
      this.#last = { ...read, line: { ...line, seq: expected }, breaks: undefined }
      return
    }
    let breaks: Seen | undefined
    if (line.seq > expected) {
      this.#openGap(at, expected, line.seq - 1)
      this.#settle(undefined)
    } else if (follows) {
      this.#settle(undefined)
    } else {
      // Which of the two was changed, the next line tells.
      if (!this.#settle(last) && !this.#hole) breaks = last
    }
    this.#hole = false
    if (last === undefined) this.#first = { ...read, breaks: undefined }
    this.#last = { ...read, breaks }
    this.#remember(line.seq, hash, at)
    await this.#judge(line, at)
  }

  /**
   * A break of the chain before `#last` is settled by what follows it: if that breaks off too, `#last`
   * itself was changed (then true), else the line before it.
   */
  #settle(brokenAgain: Seen | undefined): boolean {
    const last = this.#last
    if (last?.breaks === undefined) return false
    const culprit = brokenAgain === undefined ? last.breaks : last
    this.#changed(culprit)
    return brokenAgain !== undefined
  }

  #changed({ at, line }: Seen): void {
    this.#find(at, 'changed', `record ${line.seq} was changed after it was written`)
  }

  #tookBefore({ line, hash, at }: Omit<Seen, 'breaks'>): void {
    const gap = this.#gaps.find(({ missing }) => missing.has(line.seq))
    const known = this.#hashes.get(line.seq)
    if (gap !== undefined) {
      gap.missing.delete(line.seq)
      this.#find(at, 'moved', `record ${line.seq} stands out of its order`)
      this.#remember(line.seq, hash, at)
    } else if (known?.hash === hash) {
      const where = `${basename(known.at.file)}:${known.at.line}`
      this.#find(at, 'duplicated', `record ${line.seq} stands here a second time, after ${where}`)
    } else {
      this.#find(at, 'duplicated', `there was a record ${line.seq} before this one`)
    }
  }

  #openGap(at: At, from: number, to: number): void {
    const missing = new Set<number>()
    if (to - from < countedGap) for (let seq = from; seq <= to; seq++) missing.add(seq)
    this.#gaps.push({ at, from, to, missing })
  }

  #remember(seq: number, hash: string, at: At): void {
    this.#hashes.set(seq, { hash, at })
    if (this.#hashes.size > remembered) {
      const [oldest] = this.#hashes.keys()
      if (oldest !== undefined) this.#hashes.delete(oldest)
    }
  }

  async #judge(line: Line, at: At): Promise<void> {
    const { fields, seq } = line
    this.#unsigned += 1
    if (line.event === 'checkpoint') {
      this.#checkpoints += 1
      const fault = await faultOfCheckpoint(this.#options.keys, fields['jws'], line)
      if (fault === undefined) {
        this.#signedThrough = seq
        this.#unsigned = 0
      } else this.#find(at, 'signature', `the checkpoint does not hold: ${fault}`)
      return
    }
    if (seq === this.#first?.line.seq) this.#judgeStart(line, at)
    if (this.#unsigned === recordsPerCheckpoint + 3) {
      const much = `more than ${recordsPerCheckpoint} records without a checkpoint`
      this.#find(at, 'unsigned', much)
    }
    if (line.event === 'retired') this.#retiredThrough = Number(fields['through'])
    if (line.event === 'recovered') this.#hearGateway(fields, at)
    if (line.event === 'resumed') {
      const lost = `${String(fields['decided'])} decisions and ${String(fields['ended'])} ends`
      const why = `nothing could be written since ${String(fields['since'])}`
      this.#note(at, 'reported', `${why} (${String(fields['error'])}): ${lost} are not on record`)
    }
    if (line.event === 'opened' && fields['how'] === 'after-crash') {
      this.#note(at, 'reported', 'the gateway had not ended its log before it started again')
    }
  }

  #judgeStart({ seq, prev }: Line, at: At): void {
    if (seq !== 1) {
      const why = `the log begins with record ${seq}, and no checkpoint vouches for that`
      this.#find(at, 'start', why)
    } else if (prev !== origin.hash) {
      this.#find(at, 'changed', 'record 1 was changed after it was written')
    }
  }

  /** What the gateway itself found when it opened its log. */
  #hearGateway(fields: Line['fields'], at: At): void {
    const { found, from, to, record, bytes } = fields
    const range = `records ${String(from)} to ${String(to)}`
    if (found === 'torn') {
      const size = `${String(bytes)} bytes`
      this.#note(at, 'torn', `the gateway cut off ${size} of a record torn by a crash`)
    } else if (found === 'missing') {
      this.#find(at, 'reported', `the gateway found that ${range} were gone`)
    } else if (found === 'appended') {
      this.#find(at, 'reported', `the gateway found ${range}, which it had not written`)
    } else if (found === 'changed') {
      this.#find(at, 'reported', `the gateway found that record ${String(record)} was changed`)
    } else if (found === 'no-head') {
      this.#find(at, 'reported', 'the gateway found its head file gone')
    } else {
      this.#find(at, 'reported', 'the gateway found an unreadable end of its log')
    }
  }

  /** `upTo`: the log may go on to here, one record that is being written aside. */
  finish(files: readonly string[], head: ReturnType<typeof readHead>, upTo: number): Report {
    const last = this.#last
    for (const { at, from, to, missing } of this.#gaps) {
      const counted = to - from < countedGap
      if (counted && missing.size === 0) continue
      const [low = from] = missing
      const high = counted ? Math.max(...missing) : to
      const what = low === high ? `record ${low} is` : `records ${low} to ${high} are`
      this.#find(at, 'missing', `${what} missing before this line`)
    }
    const lastFile = { file: files.at(-1) ?? '', line: 0 }
    const sameAsHead =
      last !== undefined &&
      typeof head === 'object' &&
      head.seq === last.line.seq &&
      head.hash !== last.hash
    // The head is what follows the last line.
    if (!this.#settle(sameAsHead ? last : undefined) && sameAsHead) this.#changed(last)
    this.#finishHead(head, last, lastFile, upTo)
    const first = this.#first
    if (this.#options.complete && first !== undefined && first.line.seq > 1) {
      if (this.#retiredThrough < first.line.seq - 1) {
        const what = `records 1 to ${first.line.seq - 1} are missing, and no record says that they were retired`
        this.#find(first.at, 'missing', what)
      }
    }
    if (last === undefined && files.length > 0) {
      this.#find(lastFile, 'end', 'there is no record of the audit')
    } else if (this.#checkpoints === 0) {
      this.#find(lastFile, 'unsigned', 'no checkpoint vouches for anything here')
    }
    const place = (seen: Seen | undefined): Place | undefined =>
      seen === undefined ? undefined : { seq: seen.line.seq, time: seen.line.time }
    return {
      sound: this.#findings.length === 0,
      files,
      records: this.#records,
      checkpoints: this.#checkpoints,
      signedThrough: this.#signedThrough,
      first: place(first),
      last: place(last),
      findings: inPlace(this.#findings, files),
      notes: inPlace(this.#notes, files),
    }
  }

  #finishHead(
    head: ReturnType<typeof readHead>,
    last: Seen | undefined,
    file: At,
    upTo: number,
  ): void {
    const torn = this.#torn
    const end = last?.line.seq ?? 0
    const at = torn?.at ?? last?.at ?? file
    if (this.#options.headPath === undefined) {
      if (torn !== undefined) this.#find(torn.at, 'torn', 'the file breaks off within a record')
      else if (last?.line.fields['why'] !== 'closed' && last?.line.fields['why'] !== 'rotated') {
        this.#note(at, 'end', `without the head file nobody can say what came after record ${end}`)
      }
      return
    }
    const headAt = { file: this.#options.headPath, line: 0 }
    if (head === undefined || head === 'unreadable') {
      const what = head === undefined ? 'is missing' : 'cannot be read'
      this.#find(headAt, 'end', `the head file ${what}: what came after record ${end} is not known`)
    } else if (head.seq > end) {
      const gone =
        head.seq === end + 1 ? `record ${head.seq} is` : `records ${end + 1} to ${head.seq} are`
      this.#find(at, 'missing', `the log is cut off: ${gone} missing after this line`)
    } else if (Math.max(head.seq, upTo - 1) < end - 1) {
      this.#find(
        headAt,
        'end',
        `the head stands at record ${head.seq}, and the log goes on to ${end}`,
      )
    } else if (head.seq === end - 1 && this.#hashes.get(head.seq)?.hash !== head.hash) {
      this.#find(headAt, 'end', `the head and record ${head.seq} do not agree`)
    }
    if (torn !== undefined) {
      const what = `${torn.bytes} bytes of a record stand here that was being written when the gateway was killed; nothing was done on it, and its next start cuts it off`
      this.#note(torn.at, 'torn', what)
    }
  }

  #find(at: At, kind: FindingKind, message: string): void {
    this.#findings.push({ ...at, kind, message })
  }

  #note(at: At, kind: FindingKind, message: string): void {
    this.#notes.push({ ...at, kind, message })
  }
}

function inPlace(findings: readonly Finding[], files: readonly string[]): readonly Finding[] {
  return findings.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line,
  )
}
