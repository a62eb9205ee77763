// Watches what somebody does for whom a role is on trial: reads what others let through unread, asks the
// engine what its names mean, and says for the record what the roles on trial have against it. The request
// goes on as its bytes are, whatever comes of this.
import type { Decided } from '../audit/record.ts'
import { isJudgeable, readBody } from '../docker/body.ts'
import { parseImageReference } from '../docker/image-reference.ts'
import type { Operation, Reference, Thing } from '../docker/operation.ts'
import { isFailure, type Failure } from '../errors.ts'
import type { Principal } from '../identity/principal.ts'
import { ownerLabels } from '../policy/ownership.ts'
import type { Role } from '../policy/role.ts'
import { reachNeeded, wouldDeny } from '../policy/trial.ts'
import { readWholeBody, type Incoming } from './body.ts'
import type { Engine } from './engine.ts'
import { resolveHostPaths } from './host-paths.ts'
import { resolveReferences, type Things } from './resolve.ts'

/** What a trial adds to the record of a request. */
export type Noted = Pick<Decided, 'reach' | 'beyond' | 'wouldDeny' | 'untried'>

/** What they made while a role of theirs was on trial. Roles in force did not label it, so it is kept here. */
export interface Made {
  add(principal: Principal, things: readonly string[]): void
  /** As the engine would tell of it had a role in force made it. */
  asTheirs(principal: Principal, thing: Thing): Thing
}

/** Beyond this, what was made first is taken for somebody else's. */
const remembered = 10_000

export function createMade(): Made {
  const made = new Set<string>()
  const key = ({ name }: Principal, thing: string): string => `${name} ${thing}`
  const names = (thing: Thing): readonly string[] => [
    `${thing.kind} ${thing.id}`,
    ...(thing.names ?? []).map((name) => `image ${parseImageReference(name)?.canonical ?? name}`),
  ]
  const asTheirs = (principal: Principal, thing: Thing): Thing => {
    const container = thing.container && asTheirs(principal, thing.container)
    const whole = container === undefined ? thing : { ...thing, container }
    if (!names(thing).some((name) => made.has(key(principal, name)))) return whole
    return { ...whole, labels: { ...thing.labels, ...ownerLabels(principal) } }
  }
  return {
    add(principal, things) {
      for (const thing of things) made.add(key(principal, thing))
      for (const first of made) {
        if (made.size <= remembered) break
        made.delete(first)
      }
    },
    asTheirs,
  }
}

interface Parts {
  readonly engine: Engine
  readonly maxBodyBytes: number
  readonly bodyMs: () => number
  readonly made: Made
}

export interface Watched {
  readonly read: Operation
  readonly noted: Noted
  /** The body, which was taken from the connection and goes on in its place. */
  readonly bytes?: Buffer
  readonly things: Things
}

/** A failure where the client broke off. */
export async function watch(
  parts: Parts,
  roles: readonly Role[],
  principal: Principal,
  incoming: Incoming,
  asked: Operation,
): Promise<Failure | Watched> {
  const reads = isJudgeable(asked) && isOfKnownLength(incoming, parts.maxBodyBytes)
  const bytes = reads
    ? await readWholeBody(incoming, parts.maxBodyBytes, parts.bodyMs())
    : undefined
  if (bytes !== undefined && isFailure(bytes)) return bytes
  const type = incoming.raw.headers['content-type']
  const read = bytes === undefined ? asked : readBody(asked, bytes, type)
  const known = isFailure(read) ? asked : read
  const rest = {
    read: known,
    ...(bytes === undefined || incoming.upgraded !== undefined ? {} : { bytes }),
  }
  if (isJudgeable(asked) && bytes === undefined) {
    return {
      ...rest,
      things: none,
      noted: { untried: 'its body is too long, or of no known length' },
    }
  }
  try {
    const found = await resolveReferences(parts.engine, known.references)
    const things = withMade(parts.made, principal, found)
    const hostPaths = await resolveHostPaths(known)
    const denied = wouldDeny(roles, { principal, asked, read, things, hostPaths })
    const noted = {
      ...reachNeeded(principal, known, things),
      ...(denied === undefined ? {} : { wouldDeny: denied }),
    }
    return { ...rest, things, noted }
  } catch (error) {
    return { ...rest, things: none, noted: { untried: String(error) } }
  }
}

const none: Things = new Map()

export function withMade(made: Made, principal: Principal, things: Things): Things {
  return new Map(
    [...things].map(([reference, thing]): [Reference, Thing | undefined] => [
      reference,
      thing && made.asTheirs(principal, thing),
    ]),
  )
}

function isOfKnownLength({ raw, upgraded }: Incoming, most: number): boolean {
  if (upgraded !== undefined) return upgraded.body instanceof Uint8Array
  if (raw.headers['transfer-encoding'] !== undefined) return false
  return Number(raw.headers['content-length'] ?? 0) <= most
}

/** What a request brings into being beside what the answer names: volumes, and images by their tags. */
export function madeByName({ references }: Operation, things: Things): readonly string[] {
  return references.flatMap((reference) => {
    const { wants, kind, name } = reference
    if (wants !== 'make' || things.get(reference) !== undefined) return []
    if (kind === 'volume') return [`volume ${name}`]
    return kind === 'image' ? [`image ${parseImageReference(name)?.canonical ?? name}`] : []
  })
}
