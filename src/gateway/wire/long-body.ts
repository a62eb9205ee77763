// Takes the rest of a long request's body from its connection without Node's making memory of it. Node's
// parser reads every byte all the same, and alone says where the body ends: where another end is counted
// here, the connection is cut.
import type { IncomingMessage } from 'node:http'
import { Chunks } from './chunks.ts'
import { readAsEver, readInto, type Take } from './reads.ts'

/** What Node keeps of a connection's parser. */
interface Parser {
  readonly incoming: unknown
  [callback: number]: unknown
}

/**
 * From now on `take` is shown the body, of which `left` bytes are to come, or so many as its chunks say, and
 * `raw` has no more `data` events; all its others come as ever. False where it must be read as ever. Not to
 * be called from within the parser.
 */
export function takeBody(raw: IncomingMessage, left: number | undefined, take: Take): boolean {
  const { socket } = raw
  const parser = Reflect.get(socket, 'parser') as Parser | null | undefined
  if (parser?.incoming !== raw || raw.complete || left === 0) return false
  // What Node has read already comes first, and what waits for a slow reader may go on waiting.
  if (raw.readableLength > 0 || raw.readableFlowing !== true) return false
  if (Reflect.get(socket, '_paused') !== false) return false
  const onBody: unknown = Reflect.get(parser.constructor, 'kOnBody')
  if (typeof onBody !== 'number') return false
  const usual = parser[onBody]
  if (typeof usual !== 'function') return false
  const [execute, ...others] = socket.listeners('data')
  if (execute === undefined || others.length > 0) return false

  /** The parser makes a copy for whoever wants to be told of the body, and none for nobody. */
  const parse = (bytes: Buffer, told?: (part: Buffer) => void): void => {
    if (bytes.length === 0) return
    parser[onBody] = told
    try {
      execute.call(socket, bytes)
    } finally {
      parser[onBody] = usual
    }
  }
  const read =
    left === undefined
      ? readChunks({
          parse,
          isDone: () => raw.complete,
          take,
          other: (part) => usual.call(parser, part),
        })
      : readLength(parse, left, take)
  const isTaken = readInto(socket, (bytes) => {
    const { goesOn, rest, isWhole } = read(bytes)
    // INVARIANT: a body has one end.
    if (raw.complete !== isWhole) socket.destroy()
    if (!isWhole || socket.destroyed) return goesOn
    readAsEver(socket)
    if (rest !== undefined) socket.push(rest)
    return true
  })
  // Node gives the connection back to whoever listens to it.
  if (isTaken) socket.on('data', noop).off('data', noop)
  return isTaken
}

type Parse = (bytes: Buffer, told?: (part: Buffer) => void) => void

/** Reads what came; `rest`, a copy, is not the body's. */
type Read = (bytes: Buffer) => {
  readonly goesOn: boolean
  readonly isWhole: boolean
  readonly rest: Buffer | undefined
}

function readLength(parse: Parse, length: number, take: Take): Read {
  let left = length
  return (bytes) => {
    const part = bytes.length > left ? bytes.subarray(0, left) : bytes
    const rest = bytes.length > left ? Buffer.from(bytes.subarray(left)) : undefined
    left -= part.length
    const goesOn = take(part)
    parse(part)
    return { goesOn, isWhole: left === 0, rest }
  }
}

const CRLF = '\r\n'
const endOfHead = '\r\n\r\n'
/** The end of a chunk, where it is seen, and the size of the next. */
const nextChunk = /^(\r\n)?([0-9a-f]{1,12})\r\n/i
const nextChunkBytes = 16

interface Chunked {
  readonly parse: Parse
  readonly isDone: () => boolean
  readonly take: Take
  /** Is told of what is another request's. */
  readonly other: (part: Buffer) => void
}

/**
 * Where a chunk ends is not known in the midst of one, and the parser does not tell: until the next begins,
 * it is asked for its copies.
 */
function readChunks({ parse, isDone, take, other }: Chunked): Read {
  let chunks: Chunks | undefined
  /** The last that came was no data, and a line's end. */
  let isAfterLine = false

  const takeCopies = (lent: Buffer): boolean => {
    // Node keeps what follows the head of an upgrade, which may come behind the body.
    const bytes = lent.includes(endOfHead) ? Buffer.from(lent) : lent
    let goesOn = true
    let copies = 0
    const told = (part: Buffer): void => {
      copies++
      if (isDone()) other(part)
      else goesOn = take(part) && goesOn
    }
    const found = nextChunk.exec(bytes.toString('latin1', 0, nextChunkBytes))
    const begins = found?.[1] !== undefined || isAfterLine ? (found?.[0].length ?? 0) : 0
    parse(bytes.subarray(0, begins), told)
    // With what goes before it, a line is a size and nothing else only if none of it was data.
    const isSize = begins > 0 && copies === 0
    const mayEndLine =
      bytes.length >= begins + 2 && bytes.toString('latin1', bytes.length - 2) === CRLF
    const ends = mayEndLine ? bytes.length - 2 : bytes.length
    parse(bytes.subarray(begins, ends), told)
    const before = copies
    parse(bytes.subarray(ends), told)
    isAfterLine = mayEndLine && copies === before
    const size = Number.parseInt(found?.[2] ?? '', 16)
    if (isSize && size > 0 && !isDone()) {
      const known = Chunks.within(size)
      if (known.read(bytes, begins, bytes.length, noop) === bytes.length && !known.done)
        chunks = known
    }
    return goesOn
  }
  return (bytes) => {
    if (chunks === undefined) {
      return { goesOn: takeCopies(bytes), isWhole: isDone(), rest: undefined }
    }
    const parts: Buffer[] = []
    const stopped = chunks.read(bytes, 0, bytes.length, (from, to) =>
      parts.push(bytes.subarray(from, to)),
    )
    if (stopped === -1) {
      // What a stricter reader does not know, as an extension of a chunk is, the parser may.
      chunks = undefined
      isAfterLine = false
      return { goesOn: takeCopies(bytes), isWhole: isDone(), rest: undefined }
    }
    let goesOn = true
    for (const part of parts) goesOn = take(part) && goesOn
    const rest = stopped < bytes.length ? Buffer.from(bytes.subarray(stopped)) : undefined
    parse(rest === undefined ? bytes : bytes.subarray(0, stopped))
    return { goesOn, isWhole: chunks.done, rest }
  }
}

function noop(): void {}
