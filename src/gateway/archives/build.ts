// The gate of one build.
import { randomBytes } from 'node:crypto'
import type { Operation } from '../../docker/operation.ts'
import { firstValue, withValue } from '../../docker/query.ts'
import { gateContext, hiddenPrefix } from './build-context.ts'
import { judgeBuild, type BuildParts } from './judge-build.ts'
import { createGate, type Gate } from './open.ts'

/** Undefined where no context is sent: then the engine fetches it, which is judged by its limit. */
export function buildGate(parts: Omit<BuildParts, 'signal'>): Gate | undefined {
  const { engine, operation } = parts
  const { target } = operation
  if (firstValue(target.query, 'remote')) return undefined
  const hiddenName = `${hiddenPrefix}${randomBytes(16).toString('hex')}`
  const dockerfile = firstValue(target.query, 'dockerfile') || 'Dockerfile'
  return createGate({
    engine,
    target: Object.freeze({ ...target, query: queryFor(target.query, hiddenName) }),
    what: 'the build context',
    rewrite(archive, signal) {
      const judge = (content: Buffer): Promise<string> => judgeBuild({ ...parts, signal }, content)
      return gateContext(archive, { dockerfile, hiddenName, judge })
    },
  })
}

/** The engine is to see the one Dockerfile, by the one builder, and to fetch nothing. */
function queryFor(query: Operation['target']['query'], hiddenName: string): typeof query {
  const kept = query.filter(([name]) => name !== 'pull')
  return withValue(withValue(kept, 'version', '1'), 'dockerfile', hiddenName)
}
