// HTTP as bytes: a test writes what no client library would, and reads what comes back answer by
// answer, so that it sees a second answer to a smuggled request where there is one.
import type { Duplex } from 'node:stream'
import { connect } from 'node:net'
import { engineSocket } from './engine.ts'

/** Opens a connection on which HTTP can be spoken at once. */
export type Door = () => Promise<Duplex>

export interface RawAnswer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

/** How long an answer may take before the test gives it up; far above what any needs here. */
const patienceMs = 20_000

export const engineDoor: Door = async () => {
  const socket = connect({ path: engineSocket(), allowHalfOpen: true })
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject)
  })
  return socket
}

export class RawConnection {
  readonly #stream: Duplex
  #received: Buffer = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}

  constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('data', (part: Buffer) => {
      this.#received = Buffer.concat([this.#received, part])
      this.#wake()
    })
    // A reset is an end like any other here: what matters is what was answered before it.
    for (const event of ['end', 'error', 'close']) {
      stream.on(event, () => {
        this.#ended = true
        this.#wake()
      })
    }
  }

  static async open(door: Door): Promise<RawConnection> {
    return new RawConnection(await door())
  }

  send(bytes: string | Buffer): void {
    if (this.#stream.writable) this.#stream.write(bytes)
  }

  /** Ends the writing side only. */
  finish(): void {
    if (this.#stream.writable) this.#stream.end()
  }

  close(): void {
    this.#stream.destroy()
  }

  /** The next answer but for interim ones, or undefined when the connection ends before its head. */
  async answer(toMethod = 'GET'): Promise<RawAnswer | undefined> {
    for (;;) {
      const head = await this.until('\r\n\r\n')
      if (head === undefined) return undefined
      const [statusLine = '', ...lines] = head.toString('latin1').split('\r\n')
      const status = Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(statusLine)?.[1])
      if (Number.isNaN(status)) throw new Error(`no HTTP answer: ${JSON.stringify(statusLine)}`)
      const headers = lines
        .filter((line) => line !== '')
        .map((line) => {
          const colon = line.indexOf(':')
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
        })
      if (status >= 100 && status < 200 && status !== 101) continue
      const bare = status === 101 || status === 204 || status === 304 || toMethod === 'HEAD'
      return { status, headers, body: bare ? Buffer.alloc(0) : await this.#body(headers) }
    }
  }

  /** Whatever comes until `enough` bytes are there or the other side ends. */
  async bytes(enough = Number.POSITIVE_INFINITY): Promise<Buffer> {
    await this.#waitFor(() => this.#received.length >= enough)
    return this.#take(Math.min(enough, this.#received.length))
  }

  async #body(headers: RawAnswer['headers']): Promise<Buffer> {
    const value = (name: string) => headers.find(([found]) => found === name)?.[1]
    if (value('transfer-encoding')?.includes('chunked') === true) return this.#chunks()
    const length = value('content-length')
    return this.bytes(length === undefined ? undefined : Number(length))
  }

  async #chunks(): Promise<Buffer> {
    const parts: Buffer[] = []
    for (;;) {
      const line = await this.until('\r\n')
      const size = Number.parseInt(line?.toString('latin1') ?? '0', 16)
      const part = await this.bytes(size)
      await this.until('\r\n')
      if (size === 0 || line === undefined) return Buffer.concat(parts)
      parts.push(part)
    }
  }

  /** The bytes up to and with `mark`, or undefined when it never comes. */
  async until(mark: string): Promise<Buffer | undefined> {
    await this.#waitFor(() => this.#received.includes(mark))
    const at = this.#received.indexOf(mark)
    return at < 0 ? undefined : this.#take(at + mark.length)
  }

  #take(size: number): Buffer {
    const taken = this.#received.subarray(0, size)
    this.#received = this.#received.subarray(size)
    return taken
  }

  async #waitFor(enough: () => boolean): Promise<void> {
    const end = Date.now() + patienceMs
    while (!enough() && !this.#ended) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error('no answer in time')),
          Math.max(0, end - Date.now()),
        )
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

export interface RawAsk {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** With a body that may be no text. */
export interface RawAskOfBytes extends Omit<RawAsk, 'body'> {
  readonly body?: string | Buffer
}

/** The bytes of an ordinary request; nothing in it is checked or escaped. */
export function requestBytes({ method, path, headers = {}, body }: RawAsk): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: docker']
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined || method === 'POST') {
    lines.push(`Content-Length: ${Buffer.byteLength(body ?? '')}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
}

/** One request on a connection of its own. */
export async function askDoor(door: Door, { body, ...ask }: RawAskOfBytes): Promise<RawAnswer> {
  const connection = await RawConnection.open(door)
  try {
    const headers = { Connection: 'close', ...ask.headers }
    if (Buffer.isBuffer(body)) {
      const length = { 'Content-Length': String(body.length) }
      const head = requestBytes({ ...ask, method: ask.method, headers: { ...headers, ...length } })
      connection.send(Buffer.concat([Buffer.from(head.replace('Content-Length: 0\r\n', '')), body]))
    } else
      connection.send(requestBytes({ ...ask, headers, ...(body === undefined ? {} : { body }) }))
    const answer = await connection.answer(ask.method)
    if (answer === undefined) throw new Error(`${ask.method} ${ask.path}: no answer`)
    return answer
  } finally {
    connection.close()
  }
}
