// Offers a local unix socket and carries each connection to it to the gateway, until it is closed.
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { ClientBundle } from './client-bundle.ts'
import { relay, type Gateway } from './relay.ts'
import { listenOnFile } from './socket-file.ts'

export interface OfferParts {
  readonly path: string
  readonly mode: number
  readonly gateway: Gateway
  readonly bundle: ClientBundle
  /** Told when the gateway stops answering, with the reason, and when it answers again. */
  readonly changed: (why: string | undefined) => void
}

export interface Offer {
  /** No new connections, and no file; those that there are may go on for `graceMs`. */
  close(graceMs: number): Promise<void>
}

export async function offerSocket(parts: OfferParts): Promise<Offer> {
  const open = new Set<Socket>()
  let trouble: string | undefined
  const tell = (why: string | undefined): void => {
    if (why === trouble) return
    trouble = why
    parts.changed(why)
  }
  const server = createServer({ allowHalfOpen: true }, (local) => {
    open.add(local)
    local.once('close', () => open.delete(local))
    relay(local, {
      gateway: parts.gateway,
      context: parts.bundle.context(),
      reached: () => tell(undefined),
      failed: tell,
    })
  })
  await listenOnFile(server, parts.path, parts.mode)
  return {
    async close(graceMs) {
      const closed = once(server, 'close')
      server.close()
      const timer = setTimeout(() => {
        for (const local of open) local.destroy()
      }, graceMs)
      await closed
      clearTimeout(timer)
    },
  }
}
