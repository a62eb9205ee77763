// A collector of syslog as small as one can be: octet-counted messages over TCP or a unix socket, or
// datagrams. It reads strictly, and can go and come back at the same place.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'

export type ReceiverKind = 'tcp' | 'udp' | 'unix'

export interface LogReceiver {
  /** As the setting names it. */
  readonly place: string
  /** All that came, in its order. */
  readonly messages: readonly string[]
  /** Takes connections, and reads nothing from them. */
  deaf(): void
  close(): Promise<void>
}

/** `at` is the place of one that was closed. */
export async function receiveLogs(
  kind: ReceiverKind,
  folder: string,
  at?: string,
): Promise<LogReceiver> {
  const messages: string[] = []
  const port = Number(at?.split(':').at(-1) ?? 0)
  if (kind === 'udp') {
    const socket = createSocket('udp4')
    socket.on('message', (message) => messages.push(message.toString()))
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
    const place = `udp://127.0.0.1:${socket.address().port}`
    return {
      place,
      messages,
      deaf: () => undefined,
      async close() {
        socket.close()
        await once(socket, 'close')
      },
    }
  }
  const open = new Set<Socket>()
  let isDeaf = false
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    if (isDeaf) {
      socket.pause()
      return
    }
    let rest = Buffer.alloc(0)
    socket.on('data', (part) => {
      rest = Buffer.concat([rest, part])
      for (;;) {
        const space = rest.indexOf(' ')
        if (space === -1) return
        const length = rest.toString('latin1', 0, space)
        assert.match(length, /^[1-9]\d*$/)
        const end = space + 1 + Number(length)
        if (rest.length < end) return
        messages.push(rest.toString('utf8', space + 1, end))
        rest = rest.subarray(end)
      }
    })
  })
  const path = `${folder}/collector.sock`
  if (kind === 'unix') rmSync(path, { force: true })
  server.listen(kind === 'unix' ? { path } : { host: '127.0.0.1', port })
  await once(server, 'listening')
  return {
    place:
      kind === 'unix'
        ? `unix://${path}`
        : `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    messages,
    deaf: () => void (isDeaf = true),
    async close() {
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
}
