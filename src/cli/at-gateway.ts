// How the verbs on a client's machine say which gateway they mean, and as whom.
import { UsageError } from './arguments.ts'
import type { Gateway } from '../connect/relay.ts'

export function demand(value: string | undefined, what: string, usage: string): string {
  if (value !== undefined && value !== '') return value
  throw new UsageError(`${what} is missing`, `usage: ${usage}`)
}

export function readGateway(text: string): Gateway {
  const match = /^tcp:\/\/(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+)):(\d{1,5})$/i.exec(text)
  const [, v6, name, port = ''] = match ?? []
  const host = v6 ?? name
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new UsageError(
      `cannot read the gateway ${JSON.stringify(text)}`,
      'tcp://gate.example.com:2376; there is no way to it without mutual TLS',
    )
  }
  return { host, port: Number(port) }
}
