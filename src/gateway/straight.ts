// Passes an answer of the engine to the client as it comes: a whole one in one write, a stream at the
// pace at which it is read, from the memory that it was received in.
import type { ServerResponse } from 'node:http'
import type { EngineRequest } from './engine.ts'
import { endToEnd } from './headers.ts'
import type { AnswerHead } from './wire/answer-head.ts'
import type { Receiver } from './wire/line.ts'
import type { Call, Lines } from './wire/lines.ts'

export interface StraightParts {
  readonly lines: Lines
  readonly request: EngineRequest
  readonly response: ServerResponse
  /** The engine begins to answer. False: nothing of it goes to the client any more. */
  readonly answered: (status: number) => boolean
  /** The engine could not be asked. */
  readonly failed: (error: Error) => void
  /** Sees what goes to the client. */
  readonly see: ((part: Uint8Array, isLast: boolean) => void) | undefined
}

export interface Straight {
  /** Nothing of the engine goes to the client from now on. */
  stop(): void
  /** `done` is called when the engine has come to its end with it. */
  letGo(done?: () => void): void
}

/** Smaller parts cost less as a copy than as a loan, and as text they go with the head. */
const smallBytes = 16 * 1024
/** More than this does not wait for a client that does not read. */
const mostWaiting = 256 * 1024

export function passStraight(parts: StraightParts): Straight {
  return new Passing(parts)
}

class Passing implements Receiver, Straight {
  readonly #parts: StraightParts
  readonly #response: ServerResponse
  readonly #call: Call
  #head: AnswerHead | undefined
  #stopped = false

  constructor(parts: StraightParts) {
    this.#parts = parts
    this.#response = parts.response
    this.#call = parts.lines.call(parts.request, this)
  }

  stop(): void {
    this.#stopped = true
  }

  letGo(done?: () => void): void {
    this.#stopped = true
    this.#call.letGo(done)
  }

  head(head: AnswerHead, more: boolean): void {
    if (this.#stopped || !this.#parts.answered(head.status)) {
      this.#stopped = true
      return
    }
    this.#head = head
    // The headers of a long stream reach the client now; those of an answer that is here, with it.
    if (!more) {
      this.#writeHead(head, head.length)
      this.#response.flushHeaders()
    }
  }

  part(bytes: Buffer, isLast: boolean): boolean {
    const head = this.#head
    const response = this.#response
    if (this.#stopped || head === undefined || response.destroyed) return true
    this.#parts.see?.(bytes, isLast)
    if (isLast && !response.headersSent) {
      const isBodiless = head.framing === 'none'
      this.#writeHead(head, isBodiless ? head.length : bytes.length)
      if (isBodiless) response.end()
      else if (bytes.length <= smallBytes) {
        response.end(bytes.toString('latin1'), 'latin1')
      } else this.#write(bytes, true)
      return true
    }
    if (!response.headersSent) this.#writeHead(head, head.length)
    if (bytes.length === 0) {
      if (isLast) response.end()
      return true
    }
    return this.#write(bytes, isLast)
  }

  broken(error: Error): void {
    if (this.#stopped) return
    if (this.#head === undefined) this.#parts.failed(error)
    // INVARIANT: a broken answer never looks like a finished one.
    else this.#response.destroy()
  }

  #writeHead({ status, reason, headers }: AnswerHead, length: number | undefined): void {
    const kept = endToEnd(headers)
    if (length !== undefined) kept.push('Content-Length', String(length))
    this.#response.writeHead(status, reason, kept)
  }

  #write(bytes: Buffer, isLast: boolean): boolean {
    const giveBack = bytes.length > smallBytes ? this.#call.borrow() : undefined
    const own = giveBack === undefined ? Buffer.from(bytes) : bytes
    const response = this.#response
    if (isLast) {
      if (giveBack === undefined) response.end(own)
      else {
        response.write(own, giveBack)
        response.end()
      }
      return true
    }
    if (giveBack === undefined) response.write(own)
    else response.write(own, giveBack)
    if (response.writableLength <= mostWaiting) return true
    response.once('drain', () => this.#call.resume())
    return false
  }
}
