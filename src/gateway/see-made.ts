// Reads from the engine's answer what a request has brought into being, beside its way to the client. Only
// for those for whom a role is on trial: it then knows that the thing is theirs.
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

/** What is to be shown the answer, part by part; undefined where nothing is to be read in it. */
export function seeMade(
  { made, operation }: Passage,
  status: number,
  track: Track,
): ((part: Uint8Array, isLast: boolean) => void) | undefined {
  if (made === undefined || status >= 300) return undefined
  const kind = makes.get(operation.endpoint.id)
  if (kind === undefined) {
    track.made(made(undefined))
    return undefined
  }
  const parts: Buffer[] = []
  let bytes = 0
  return (part, isLast) => {
    bytes += part.length
    if (bytes <= longest) parts.push(Buffer.from(part))
    if (!isLast) return
    const id = idIn(Buffer.concat(parts))
    track.made(made(id === undefined ? undefined : `${kind} ${id}`))
  }
}

function idIn(answer: Buffer): string | undefined {
  try {
    const { Id, ID, Name } = JSON.parse(answer.toString()) as Record<string, unknown>
    return [Id, ID, Name].find((value) => typeof value === 'string')
  } catch {
    return undefined
  }
}
