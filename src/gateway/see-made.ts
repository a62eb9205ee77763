// Reads from the engine's answer what a request has brought into being, beside its way to the client. Only
// for those for whom a role is on trial: it then knows that the thing is theirs.
import type { IncomingMessage } from 'node:http'
import type { ThingKind } from '../docker/operation.ts'
import type { Passage } from './guard.ts'
import type { Track } from './track.ts'

const makes: ReadonlyMap<string, ThingKind> = new Map([
  ['ContainerCreate', 'container'],
  ['NetworkCreate', 'network'],
  ['VolumeCreate', 'volume'],
  ['ServiceCreate', 'service'],
  ['SecretCreate', 'secret'],
  ['ConfigCreate', 'config'],
  ['ImageCommit', 'image'],
])

/** `{"Id":"…"}` and some warnings; an answer that is longer names nothing that is known here. */
const longest = 65_536

export function seeMade(passage: Passage, answer: IncomingMessage, track: Track): void {
  const { made, operation } = passage
  if (made === undefined || (answer.statusCode ?? 500) >= 300) return
  const kind = makes.get(operation.endpoint.id)
  if (kind === undefined) {
    track.made(made(undefined))
    return
  }
  const parts: Buffer[] = []
  let bytes = 0
  answer.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes <= longest) parts.push(part)
  })
  answer.on('end', () => {
    const id = idIn(Buffer.concat(parts))
    track.made(made(id === undefined ? undefined : `${kind} ${id}`))
  })
}

function idIn(answer: Buffer): string | undefined {
  try {
    const { Id, ID, Name } = JSON.parse(answer.toString()) as Record<string, unknown>
    return [Id, ID, Name].find((value) => typeof value === 'string')
  } catch {
    return undefined
  }
}
