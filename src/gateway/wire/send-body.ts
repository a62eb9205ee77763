// Streams a request's body to the engine at the pace at which it takes it. A body that breaks off never
// looks finished to the engine.
import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { Gathering } from './gathering.ts'
import { takeBody } from './long-body.ts'

/** Up to here a body goes in one write with its head. */
const smallBytes = 64 * 1024
/** More than this does not wait for an engine that does not read. */
const mostWaiting = 256 * 1024

interface Parts {
  readonly socket: Socket
  readonly head: string
  readonly stream: Readable
  /** Undefined: it goes chunked. */
  readonly length: number | undefined
  readonly sent: () => void
  readonly brokeOff: (error: Error) => void
}

/** Returns how to stop: what still comes from the client is read over. */
export function sendBody(parts: Parts): () => void {
  const { socket, head, stream, length, brokeOff } = parts
  // In one write: an engine that answers at once and closes would else be found gone by the write of the
  // body's end, and its answer lost.
  const isSmall = length !== undefined && length <= smallBytes
  const gathered: Buffer[] = []
  let bytes = 0
  if (!isSmall) socket.write(head, 'latin1')

  const gathering = new Gathering(socket)
  /** Its own connection is read, and not the stream. */
  let taken: Socket | undefined
  let isAsked = false
  let isStopped = false
  const onDrain = (): void => void (taken ?? stream).resume()
  const pass = (chunk: Buffer): boolean => {
    if (isStopped) return true
    bytes += chunk.length
    if (length === undefined) gathering.putText(`${chunk.length.toString(16)}\r\n`)
    gathering.put(chunk)
    if (length === undefined) gathering.putText('\r\n')
    if (socket.writableLength <= mostWaiting) return true
    socket.once('drain', onDrain)
    return false
  }
  /** Not from within the parser. */
  const take = (): void => {
    isAsked = false
    if (isStopped || !(stream instanceof IncomingMessage)) return
    const left = length === undefined ? undefined : length - bytes
    if (takeBody(stream, left, pass)) taken = stream.socket
  }
  const onData = (chunk: Buffer): void => {
    if (isSmall) {
      bytes += chunk.length
      gathered.push(chunk)
    } else if (!pass(chunk)) stream.pause()
    else if (!isAsked) {
      isAsked = true
      setImmediate(take)
    }
  }
  const onEnd = (): void => {
    if (length !== undefined && bytes !== length) {
      brokeOff(new Error('the request body is not as long as it was said'))
      return
    }
    if (isSmall) {
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(gathered.length === 1 ? gathered[0]! : Buffer.concat(gathered))
      socket.uncork()
    } else {
      if (length === undefined) gathering.putText('0\r\n\r\n')
      gathering.flush()
    }
    stop()
    parts.sent()
  }
  const onClose = (): void => {
    if (!stream.readableEnded) brokeOff(new Error('the client broke off its request'))
  }
  function stop(): void {
    isStopped = true
    stream.off('data', onData).off('end', onEnd).off('error', brokeOff).off('close', onClose)
    socket.off('drain', onDrain)
  }
  stream.on('error', brokeOff).on('close', onClose).on('end', onEnd).on('data', onData)
  return () => {
    stop()
    stream.on('error', () => undefined)
    stream.resume()
    taken?.resume()
  }
}
