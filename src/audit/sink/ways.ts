// How a sink is reached: one way for each kind of target. A way takes one batch at a time, says when that
// is gone, and says once when it is lost. None of them makes the process wait, or keeps it.
import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { lookup } from 'node:dns'
import { fstatSync, writeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { framed, syslogMessage } from './syslog.ts'

/** A syslog daemon, or this process's own output. */
export type SinkTarget = { readonly kind: 'stdout' } | Inet | Unix

interface Inet {
  readonly kind: 'tcp' | 'udp'
  readonly host: string
  readonly port: number
}

interface Unix {
  readonly kind: 'unix'
  readonly path: string
}

/** A line and the process whose chain it is of. */
export interface Told {
  readonly line: string
  readonly pid: number
}

export interface Way {
  /** `done` is called when the operating system has them; never, when the way is lost before. */
  send(batch: readonly Told[], done: (isSent: boolean) => void): void
  close(): void
}

export interface WayEvents {
  readonly opened: () => void
  /** Called once, and nothing else after it. */
  readonly lost: (why: string) => void
}

const connectMs = 10_000

export function openWay(target: SinkTarget, events: WayEvents): Way {
  if (target.kind === 'stdout') return openStdout(events)
  return target.kind === 'udp' ? openDatagrams(target, events) : openStream(target, events)
}

/** A datagram is one message (RFC 5426 3.1); of a stream a batch goes in one write. */
export function mostAtOnce({ kind }: SinkTarget): number {
  return kind === 'udp' ? 1 : 200
}

function once(events: WayEvents): WayEvents {
  let isLost = false
  return {
    opened: () => void (isLost || events.opened()),
    lost(why) {
      if (isLost) return
      isLost = true
      events.lost(why)
    },
  }
}

function openStream(target: Inet | Unix, events: WayEvents): Way {
  const { opened, lost } = once(events)
  const socket: Socket = connect(
    target.kind === 'unix' ? { path: target.path } : { host: target.host, port: target.port },
  )
  const late = setTimeout(() => socket.destroy(new Error('no connection in time')), connectMs)
  late.unref()
  socket.unref()
  socket.setKeepAlive(true, 30_000)
  socket.once('connect', () => {
    clearTimeout(late)
    opened()
  })
  // Nothing comes back, but for its end.
  socket.resume()
  socket.once('end', () => socket.destroy())
  socket.on('error', (error) => lost(error.message))
  socket.once('close', () => {
    clearTimeout(late)
    lost('it closed the connection')
  })
  return {
    send(batch, done) {
      const messages = batch.map(({ line, pid }) => framed(syslogMessage(line, pid)))
      socket.write(Buffer.concat(messages), (error) => error ?? done(true))
    },
    close: () => void socket.destroy(),
  }
}

function openDatagrams(target: Inet, events: WayEvents): Way {
  const { opened, lost } = once(events)
  let socket: Datagrams | undefined
  let isClosed = false
  lookup(target.host, (failed, address, family) => {
    if (isClosed) return
    if (failed !== null) {
      lost(failed.message)
      return
    }
    socket = createSocket(family === 6 ? 'udp6' : 'udp4').unref()
    // Connected, so that what the other side's machine says of a closed port comes back.
    socket.on('error', (error) => lost(error.message))
    socket.once('connect', opened)
    socket.connect(target.port, address)
  })
  return {
    send([told], done) {
      if (told === undefined) return
      socket?.send(syslogMessage(told.line, told.pid), (error) => {
        if (error === null) done(true)
        else if ((error as NodeJS.ErrnoException).code === 'EMSGSIZE') done(false)
        else lost(error.message)
      })
    },
    close() {
      isClosed = true
      try {
        socket?.close()
      } catch {
        // It was closed before.
      }
    },
  }
}

/** The same lines as in the file, as they are. */
function openStdout(events: WayEvents): Way {
  const { opened, lost } = once(events)
  const { stdout } = process
  const failed = (error: Error): void => lost(error.message)
  const isPiped = ((kind) => kind.isFIFO() || kind.isSocket())(fstatSync(stdoutFd))
  // It stays: without it a reader that is gone ends the program, as it does for other verbs.
  if (isPiped && !stdout.listeners('error').includes(heard)) stdout.on('error', heard)
  // A pipe that has lost its reader gets no other one.
  if (isPiped && !stdout.writable) setImmediate(lost, 'nobody reads it')
  else setImmediate(opened)
  return {
    send(batch, done) {
      const bytes = Buffer.from(batch.map(({ line }) => `${line}\n`).join(''))
      if (isPiped) {
        stdout.write(bytes, (error) => (error ? failed(error) : done(true)))
        return
      }
      try {
        for (let at = 0; at < bytes.length;) at += writeSync(stdoutFd, bytes, at)
        done(true)
      } catch (error) {
        failed(error as Error)
      }
    },
    close: () => undefined,
  }
}

/** What went wrong comes to whoever wrote. */
const heard = (): void => undefined

const stdoutFd = 1
