// The gate of one load: the names in the archive are claimed and the images counted before the engine hears
// of them.
import type { Operation } from '../../docker/operation.ts'
import { failure, type Failure } from '../../errors.ts'
import type { Principal } from '../../identity/principal.ts'
import type { Deny } from '../../policy/decision.ts'
import { judgeLoad, labelsLoaded, namesGiven, type ToLoad } from '../../policy/judge-load.ts'
import type { Role } from '../../policy/role.ts'
import type { Engine } from '../engine.ts'
import { resolveReferences } from '../resolve.ts'
import { gateImages, type Loading } from './image-archive.ts'
import { createGate, type Gate } from './open.ts'
import { ArchiveRefused } from './reader.ts'

export interface LoadParts {
  readonly engine: Engine
  readonly principal: Principal
  readonly operation: Operation
  readonly role: Role
  /** Holds the names until the engine is done. */
  readonly claim: (named: Operation) => Promise<Failure | undefined>
  readonly count: (images: number, bytes: number) => Promise<Failure | undefined>
}

export function loadGate(parts: LoadParts): Gate {
  const { engine, principal, operation, role } = parts
  return createGate({
    engine,
    target: operation.target,
    what: 'the image archive',
    rewrite: (archive) =>
      gateImages(archive, {
        judge: async (loading) => {
          await judge(parts, loading)
          return ({ labels }) => labelsLoaded(role, principal, labels)
        },
      }),
  })
}

async function judge(parts: LoadParts, { images, bytes }: Loading): Promise<void> {
  const { engine, principal, operation, role } = parts
  const toLoad: readonly ToLoad[] = images.map(({ tags, config }) => ({
    tags,
    labels: config.labels,
  }))
  const named = namesGiven(operation, toLoad)
  if (named === undefined) {
    throw new ArchiveRefused(failure('bad-body', 'a name in the archive is no NAME:TAG'))
  }
  const things = await resolveReferences(engine, named.references)
  refuseIf(judgeLoad(role, principal, named, toLoad, things))
  refuseIf(await parts.claim(named))
  refuseIf(await parts.count(images.length, bytes))
}

function refuseIf(refused: Failure | Deny | undefined): void {
  if (refused !== undefined) throw new ArchiveRefused(refused)
}
