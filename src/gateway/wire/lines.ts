// Requests to the engine over pooled connections, written and read by ourselves: the way of everything
// that goes as it comes. Per request it makes little more than the bytes that are sent.
import type { EngineRequest } from '../engine.ts'
import type { AnswerHead } from './answer-head.ts'
import { Line, type Receiver } from './line.ts'
import { requestText } from './request-text.ts'
import { sendBody } from './send-body.ts'

/** A request under way. */
export interface Call {
  /** Goes on reading after a part was answered with false. */
  resume(): void
  /** Keeps the memory of the part just received; undefined where it must be copied. */
  borrow(): (() => void) | undefined
  /**
   * Lets go of the engine, for whom the client has left then. With `done` it is told when the engine has
   * come to its end with the request, which it may do all the same.
   */
  letGo(done?: () => void): void
}

export interface Lines {
  call(request: EngineRequest, receiver: Receiver): Call
  close(): void
}

/** Lifo, so that those at the bottom can age out. */
const maxFree = 64
/** An engine may close what was idle just as it is used: what cannot be asked again takes no old one. */
const freshMs = 4_000

export function createLines(socketPath: string): Lines {
  const free: Line[] = []
  let closed = false
  const put = (line: Line): void => {
    if (closed || free.length >= maxFree) line.destroy()
    else free.push(line)
  }
  const fresh = (): Line => new Line(socketPath, put)
  const take = (request: EngineRequest): Line => {
    for (let line = free.at(-1); line !== undefined; line = free.at(-1)) {
      if (!line.usable) {
        free.pop()
        continue
      }
      const isOld = performance.now() - (line.idleSince ?? 0) > freshMs
      if (isOld && !mayRepeat(request)) break
      free.pop()
      return line
    }
    return fresh()
  }
  return {
    call: (request, receiver) => new Exchange(request, receiver, take(request), fresh),
    close() {
      closed = true
      for (const line of free.splice(0)) line.destroy()
    },
  }
}

/** RFC 9110 §9.2.1; with a body it could not be sent twice anyhow. */
function mayRepeat({ method, body }: EngineRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && body === undefined
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length
}

class Exchange implements Call, Receiver {
  readonly #request: EngineRequest
  readonly #receiver: Receiver
  readonly #fresh: () => Line
  #line: Line
  #mayRepeat: boolean
  #stopSending: (() => void) | undefined
  /** The line may be another's. */
  #over = false

  constructor(request: EngineRequest, receiver: Receiver, line: Line, fresh: () => Line) {
    this.#request = request
    this.#receiver = receiver
    this.#fresh = fresh
    this.#line = line
    // A pooled connection that the engine has closed, as when it restarts. What only reads is asked once
    // more; of all else nobody knows whether it was done.
    this.#mayRepeat = line.idleSince !== undefined && mayRepeat(request)
    this.#send()
  }

  #send(): void {
    const { method, body } = this.#request
    const text = requestText(this.#request)
    const { socket } = this.#line
    this.#line.expect(method, this)
    if (body === undefined) socket.write(text, 'latin1')
    else if (typeof body === 'string' && isAscii(body)) socket.write(text + body, 'latin1')
    else if (typeof body === 'string' || body instanceof Uint8Array) {
      socket.cork()
      socket.write(text, 'latin1')
      socket.write(body)
      socket.uncork()
    } else {
      const line = this.#line
      line.sending = true
      this.#stopSending = sendBody({
        socket,
        head: text,
        stream: body.stream,
        length: body.length,
        sent: () => {
          line.sending = false
          this.#stopSending = undefined
        },
        brokeOff: (error) => {
          line.destroy()
          this.broken(error)
        },
      })
    }
  }

  head(head: AnswerHead, more: boolean): void {
    this.#mayRepeat = false
    this.#receiver.head(head, more)
  }

  part(bytes: Buffer, isLast: boolean): boolean {
    if (isLast) {
      this.#over = true
      this.#stop()
    }
    return this.#receiver.part(bytes, isLast)
  }

  broken(error: Error): void {
    this.#stop()
    if (this.#mayRepeat) {
      this.#mayRepeat = false
      this.#line = this.#fresh()
      this.#send()
      return
    }
    this.#over = true
    this.#receiver.broken(error)
  }

  resume(): void {
    this.#line.resume()
  }

  borrow(): (() => void) | undefined {
    return this.#line.borrow()
  }

  letGo(done?: () => void): void {
    this.#mayRepeat = false
    this.#stop()
    if (this.#over) done?.()
    else if (done === undefined) this.#line.destroy()
    else this.#line.abandon(done)
    this.#over = true
  }

  #stop(): void {
    this.#stopSending?.()
    this.#stopSending = undefined
  }
}
