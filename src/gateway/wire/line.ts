// One connection to the engine: a request goes out, its answer comes in and is read strictly, and after
// a whole answer the line is free for the next. What breaks off is told as broken, never as finished.
import net from 'node:net'
import { readAnswerHead, type AnswerHead } from './answer-head.ts'
import { common, giveBuffer, takeBuffer } from './buffers.ts'
import { Chunks } from './chunks.ts'

/** Who reads one answer. */
export interface Receiver {
  /** Comes once, before all parts. `more`: a part follows at once. */
  head(head: AnswerHead, more: boolean): void
  /**
   * A part of the body, the receiver's for the time of the call alone, unless it borrows the memory. The
   * last one may be empty. False stops the reading until `resume`.
   */
  part(bytes: Buffer, isLast: boolean): boolean
  /** Nothing comes after this. */
  broken(error: Error): void
}

/** No answer's head is longer: the engine's own are of some hundred bytes. */
const maxHeadBytes = 256 * 1024
/** From a part of this size on an answer is a stream, and worth memory of its own. */
const streamPartBytes = 32 * 1024
const nobody: Receiver = {
  head: () => undefined,
  part: () => true,
  broken: () => undefined,
}
const endOfHead = Buffer.from('\r\n\r\n')
const nothing = Buffer.alloc(0)

export class Line {
  readonly socket: net.Socket
  /** When it was last put aside, on the clock that never jumps; undefined for a new one. */
  idleSince: number | undefined
  readonly #free: (line: Line) => void
  #receiver: Receiver | undefined
  #method = ''
  /** The request is not all sent: the line cannot be used again before. */
  #sending = false
  #head: AnswerHead | undefined
  /** Bytes of a head that did not come whole. */
  #held: Buffer = nothing
  #left = 0
  #chunks: Chunks | undefined
  /** What the next read fills. */
  #buffer: Buffer = common
  /** What the read under way has filled, and how many parts of it are lent. */
  #source: Buffer = common
  #loan: { readonly buffer: Buffer; parts: number } | undefined
  #over = false

  /** `free` is told when an answer has ended and the line may be used again. */
  constructor(socketPath: string, free: (line: Line) => void) {
    this.#free = free
    this.socket = net.connect({
      path: socketPath,
      onread: {
        buffer: () => this.#buffer,
        callback: (length, bytes) => {
          const receiver = this.#receiver
          try {
            return this.#read(bytes as Buffer, length)
          } catch (error) {
            // What one receiver cannot take ends one request, and nobody else's.
            this.#receiver = receiver
            this.#broken(error instanceof Error ? error : new Error(String(error)))
            return true
          }
        },
      },
    })
    this.socket.on('error', (error) => this.#broken(error))
    this.socket.on('end', () => this.#ended())
    this.socket.on('close', () => this.#closed())
  }

  /** Nobody waits for an answer, and nothing has come unasked. */
  get usable(): boolean {
    return !this.#over && this.#receiver === undefined
  }

  expect(method: string, receiver: Receiver): void {
    this.#method = method
    this.#receiver = receiver
  }

  set sending(sending: boolean) {
    this.#sending = sending
  }

  /**
   * Keeps the memory of the part that is just being received; what comes back gives it up again. Several
   * parts of one read lie in one memory, which is free when the last of them is; and what was read before
   * this line had memory of its own lies in everybody's, and is never lent.
   */
  borrow(): (() => void) | undefined {
    if (this.#source === common) return undefined
    const loan = (this.#loan ??= { buffer: this.#source, parts: 0 })
    if (this.#buffer === loan.buffer) this.#buffer = takeBuffer()
    loan.parts++
    return () => {
      if (--loan.parts === 0) giveBuffer(loan.buffer)
    }
  }

  resume(): void {
    this.socket.resume()
  }

  /** Lets go of the engine; the receiver hears nothing more. */
  destroy(): void {
    this.#receiver = undefined
    this.#over = true
    this.socket.destroy()
  }

  /**
   * Ends our side and reads over what still comes: the engine learns that nobody waits, and `done` is
   * called when it has ended its own, which it does when it is done with the request.
   */
  abandon(done: () => void): void {
    this.#over = true
    this.#receiver = nobody
    this.socket.once('close', done)
    this.socket.resume()
    this.socket.end()
    this.socket.unref()
  }

  #read(bytes: Buffer, length: number): boolean {
    this.#source = this.#buffer
    this.#loan = undefined
    if (this.#receiver === undefined) {
      // Nobody has asked: whatever this is, it is no answer to the next question.
      this.destroy()
      return true
    }
    if (this.#head !== undefined) return this.#body(bytes, 0, length)
    let from = bytes
    let end = length
    if (this.#held.length > 0) {
      from = Buffer.concat([this.#held, bytes.subarray(0, length)])
      end = from.length
      this.#held = nothing
    }
    return this.#heads(from, end)
  }

  /** Reads one head, and over interim ones (1xx). */
  #heads(bytes: Buffer, end: number): boolean {
    let at = 0
    for (;;) {
      const stop = bytes.subarray(at, end).indexOf(endOfHead)
      if (stop === -1) {
        if (end - at > maxHeadBytes) return this.#malformed('its head is too long')
        this.#held = Buffer.from(bytes.subarray(at, end))
        return true
      }
      const head = readAnswerHead(bytes.toString('latin1', at, at + stop), this.#method)
      at += stop + endOfHead.length
      if (typeof head === 'string') return this.#malformed(head)
      if (head.status === 101) return this.#malformed('it upgrades what asked for no upgrade')
      if (head.status < 200) continue
      this.#head = head
      this.#left = head.framing === 'length' ? (head.length ?? 0) : 0
      if (head.framing === 'chunked') this.#chunks = new Chunks()
      const isEmpty = head.framing === 'none' || (head.framing === 'length' && this.#left === 0)
      const receiver = this.#receiver
      receiver?.head(head, isEmpty || at < end)
      if (isEmpty) return this.#finish(nothing, end - at)
      return at < end ? this.#body(bytes, at, end) : true
    }
  }

  #body(bytes: Buffer, start: number, end: number): boolean {
    const framing = this.#head?.framing
    if (framing === 'chunked') return this.#chunked(bytes, start, end)
    if (framing !== 'length') return this.#pass(bytes.subarray(start, end))
    const to = Math.min(end, start + this.#left)
    this.#left -= to - start
    const part = bytes.subarray(start, to)
    return this.#left === 0 ? this.#finish(part, end - to) : this.#pass(part)
  }

  #chunked(bytes: Buffer, start: number, end: number): boolean {
    const chunks = this.#chunks
    if (chunks === undefined) return false
    let goOn = true
    // One behind, so that the last part is told as the last.
    let part: Buffer = nothing
    const stopped = chunks.read(bytes, start, end, (from, to) => {
      if (part.length > 0) goOn = this.#pass(part) && goOn
      part = bytes.subarray(from, to)
    })
    if (stopped === -1) return this.#malformed('its chunks are malformed')
    if (chunks.done) return this.#finish(part, end - stopped)
    return part.length > 0 ? this.#pass(part) && goOn : goOn
  }

  #pass(part: Buffer): boolean {
    const goesOn = this.#receiver?.part(part, false) !== false
    if (part.length >= streamPartBytes && this.#buffer === common) this.#buffer = takeBuffer()
    return goesOn
  }

  /** `surplus` bytes came after the answer. */
  #finish(part: Buffer, surplus: number): boolean {
    const receiver = this.#receiver
    const mayGoOn = this.#head?.persists === true && surplus === 0 && !this.#sending && !this.#over
    this.#receiver = undefined
    this.#head = undefined
    this.#chunks = undefined
    receiver?.part(part, true)
    this.#giveBack()
    if (mayGoOn) {
      this.idleSince = performance.now()
      this.#free(this)
    } else this.destroy()
    return true
  }

  #giveBack(): void {
    if (this.#buffer === common) return
    giveBuffer(this.#buffer)
    this.#buffer = common
  }

  #ended(): void {
    this.#over = true
    if (this.#head?.framing === 'close') this.#finish(nothing, 0)
    else this.#broken(new Error('the engine closed the connection before its answer was whole'))
  }

  #closed(): void {
    this.#over = true
    this.#broken(new Error('the connection to the engine was closed'))
    // Nothing is read any more; what was lent comes back by itself.
    this.#giveBack()
  }

  #malformed(why: string): boolean {
    this.#broken(new Error(`the engine's answer cannot be read: ${why}`))
    return true
  }

  #broken(error: Error): void {
    const receiver = this.#receiver
    this.destroy()
    receiver?.broken(error)
  }
}
