// Streams a request's body to the engine at the pace at which it takes it. A body that breaks off never
// looks finished to the engine.
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'

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

  const onDrain = (): void => void stream.resume()
  let corked = false
  const uncork = (): void => {
    corked = false
    socket.uncork()
  }
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length
    if (isSmall) {
      gathered.push(chunk)
      return
    }
    // A client's bytes come in records of 16 KiB: those of one turn of the event loop go in one write.
    if (!corked) {
      corked = true
      socket.cork()
      setImmediate(uncork)
    }
    writePart(socket, chunk, length === undefined)
    if (socket.writableLength > mostWaiting) {
      stream.pause()
      socket.once('drain', onDrain)
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
    } else if (length === undefined) socket.write('0\r\n\r\n', 'latin1')
    stop()
    parts.sent()
  }
  const onClose = (): void => {
    if (!stream.readableEnded) brokeOff(new Error('the client broke off its request'))
  }
  function stop(): void {
    stream.off('data', onData).off('end', onEnd).off('error', brokeOff).off('close', onClose)
    socket.off('drain', onDrain)
  }
  stream.on('error', brokeOff).on('close', onClose).on('end', onEnd).on('data', onData)
  return () => {
    stop()
    stream.on('error', () => undefined)
    stream.resume()
  }
}

function writePart(socket: Socket, chunk: Buffer, chunked: boolean): void {
  if (chunk.length === 0) return
  if (chunked) socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
  socket.write(chunk)
  if (chunked) socket.write('\r\n', 'latin1')
}
