// How many connections one address may have at once, so that nobody alone holds all there are.
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { networkOf } from './rate.ts'

export function limitCrowd(server: Server, mostFromOne: number): void {
  const open = new Map<string, number>()
  server.prependListener('connection', (socket: Socket) => {
    const who = networkOf(socket.remoteAddress ?? '')
    const count = (open.get(who) ?? 0) + 1
    open.set(who, count)
    socket.once('close', () => {
      const left = (open.get(who) ?? 1) - 1
      if (left > 0) open.set(who, left)
      else open.delete(who)
    })
    if (count > mostFromOne) socket.destroy()
  })
}
