// From a Dockerfile as it came to one that may be sent: every image that it names is looked up, judged,
// and written by its id. What is not here is fetched first, so that it has an id to be judged by.
import { readDockerfile, type Dockerfile } from '../../docker/dockerfile/read.ts'
import { writeDockerfile } from '../../docker/dockerfile/write.ts'
import type { Operation, Thing } from '../../docker/operation.ts'
import { firstValue, isTrue } from '../../docker/query.ts'
import { failure } from '../../errors.ts'
import type { Principal } from '../../identity/principal.ts'
import {
  judgeBase,
  judgeDockerfile,
  judgeRuns,
  judgeTriggers,
  mayFetch,
  type Building,
} from '../../policy/judge-build.ts'
import { labelsGiven } from '../../policy/ownership.ts'
import type { Role } from '../../policy/role.ts'
import type { Engine } from '../engine.ts'
import { lookUp } from '../resolve.ts'
import { pullImage } from './pull.ts'
import { ArchiveRefused } from './reader.ts'

export interface BuildParts {
  readonly engine: Engine
  readonly principal: Principal
  readonly operation: Operation
  /** Those that would send the same request; whichever allows the Dockerfile lets it through. */
  readonly roles: readonly Role[]
  /** The client's X-Registry-Config. */
  readonly registries: string | undefined
  readonly signal: AbortSignal
}

/** The Dockerfile to send; throws `ArchiveRefused`. */
export async function judgeBuild(parts: BuildParts, content: Buffer): Promise<string> {
  let refused: unknown
  for (const role of parts.roles) {
    try {
      return await tryRole(parts, role, content)
    } catch (error) {
      if (!(error instanceof ArchiveRefused)) throw error
      refused ??= error
    }
  }
  throw refused
}

async function tryRole(parts: BuildParts, role: Role, content: Buffer): Promise<string> {
  const { principal, operation } = parts
  const building: Building = { role, principal, operation }
  const buildArgs = buildArgsOf(operation)
  const read = readDockerfile(content.toString('utf8'), { buildArgs, remote: mayFetch(role) })
  if (typeof read === 'string') throw new ArchiveRefused(failure('bad-body', read))
  refuseIf(judgeDockerfile(building, read))
  const things = new Map<string, Thing>()
  for (const name of read.images) things.set(name, await find(parts, building, name))
  refuseIf(judgeRuns(building, read.runs, (image) => things.get(image)?.user ?? ''))
  judgeBases(building, read, things)
  return writeDockerfile(read, (name) => bareId(things.get(name)), labelsGiven(role.on, principal))
}

async function find(parts: BuildParts, building: Building, name: string): Promise<Thing> {
  const { engine, operation, registries, signal } = parts
  const here = await lookUp(engine, 'image', name)
  refuseIf(judgeBase(building, name, here))
  const { query } = operation.target
  if (here !== undefined && (!isTrue(firstValue(query, 'pull')) || here.id === idOf(name)))
    return here
  const platform = firstValue(query, 'platform')
  if (here !== undefined) refuseIf(judgeBase(building, name, undefined))
  const problem = await pullImage(engine, { name, platform, registries, signal })
  if (problem !== undefined) throw new ArchiveRefused(problem)
  const pulled = await lookUp(engine, 'image', name)
  refuseIf(judgeBase(building, name, pulled))
  if (pulled === undefined) throw new Error('INVARIANT: what was fetched is here')
  return pulled
}

function idOf(name: string): string {
  return name.startsWith('sha256:') ? name : `sha256:${name}`
}

function judgeBases(
  building: Building,
  { steps }: Dockerfile,
  things: ReadonlyMap<string, Thing>,
): void {
  for (const step of steps) {
    if (step.kind !== 'from' || step.source.is !== 'image') continue
    const thing = things.get(step.source.name)
    if (thing !== undefined) {
      refuseIf(judgeTriggers(building, step.source.name, thing, step.before))
    }
  }
}

/** 64 hex digits alone: the one spelling that no registry is ever asked for. */
function bareId(thing: Thing | undefined): string {
  const id = thing?.id.replace(/^sha256:/, '') ?? ''
  if (!/^[0-9a-f]{64}$/.test(id)) throw new Error('INVARIANT: an image has a full id')
  return id
}

function refuseIf(denied: ConstructorParameters<typeof ArchiveRefused>[0] | undefined): void {
  if (denied !== undefined) throw new ArchiveRefused(denied)
}

function buildArgsOf({ target }: Operation): ReadonlyMap<string, string> {
  const text = firstValue(target.query, 'buildargs')
  const value: unknown = text ? JSON.parse(text) : {}
  const entries = Object.entries(typeof value === 'object' && value !== null ? value : {})
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
