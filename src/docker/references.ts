// The things that a request names in its path and query. Those in a body are read with the body.
import { readFilters } from './filters.ts'
import { isFailure } from '../errors.ts'
import { parseImageReference } from './image-reference.ts'
import type { Endpoint, QueryPairs, Reference, ThingKind } from './operation.ts'
import { allValues, firstValue } from './query.ts'

type Wants = Reference['wants']

const builtInNetworks = new Set(['', 'default', 'bridge', 'host', 'none', 'nat'])

export function referencesOf(
  endpoint: Endpoint,
  params: Readonly<Record<string, string>>,
  query: QueryPairs,
): readonly Reference[] {
  const found: Reference[] = []
  if (endpoint.refers !== undefined) {
    const parameter = Object.keys(params)[0] ?? ''
    found.push({
      kind: endpoint.refers,
      name: params[parameter] ?? '',
      place: { in: 'path', parameter },
      before: '',
      after: '',
      wants: 'target',
    })
  }
  const readMore = readers.get(endpoint.id)
  if (readMore !== undefined && query.length > 0) found.push(...readMore(query))
  return Object.freeze(found.map((reference) => Object.freeze(reference)))
}

// A name that is given away may already mean somebody's thing: their tag would be moved, or their
// container shadowed by a name that reads as the beginning of its id.
const readers: ReadonlyMap<string, (query: QueryPairs) => readonly Reference[]> = new Map([
  ['ContainerCreate', (query) => inQuery(query, 'container', 'name', 'make')],
  ['ContainerRename', (query) => inQuery(query, 'container', 'name', 'make')],
  [
    'ImageCommit',
    (query) => [
      ...inQuery(query, 'container', 'container', 'target'),
      ...taggedName(query, 'repo', 'tag'),
    ],
  ],
  ['ImageTag', (query) => taggedName(query, 'repo', 'tag')],
  [
    'ImageCreate',
    (query) =>
      firstValue(query, 'fromSrc') ? taggedName(query, 'repo', 'tag') : pulledName(query),
  ],
  ['ImageGetAll', (query) => inQuery(query, 'image', 'names', 'target')],
  [
    'ImageBuild',
    (query) => [
      ...inQuery(query, 'image', 't', 'make').map((reference) => ({
        ...reference,
        name: canonical(reference.name),
      })),
      ...joinedNetwork(query),
      ...cacheSources(query),
    ],
  ],
  // What is not there is an error, and what is there draws a line: both tell of it.
  ['ContainerList', (query) => inFilters(query, { before: 'container', since: 'container' })],
  ['ImageList', (query) => inFilters(query, { before: 'image', since: 'image' })],
  ['TaskList', (query) => inFilters(query, { service: 'service', node: 'node' })],
])

function inQuery(
  query: QueryPairs,
  kind: ThingKind,
  name: string,
  wants: Wants,
): readonly Reference[] {
  return allValues(query, name).flatMap((value, index) =>
    value === '' ? [] : [at(kind, value, { in: 'query', name, index }, wants)],
  )
}

function at(kind: ThingKind, name: string, place: Reference['place'], wants: Wants): Reference {
  return { kind, name, place, before: '', after: '', wants }
}

/** `repo` and `tag` as the engine joins them; a `tag` replaces the one that `repo` may hold. */
function taggedName(query: QueryPairs, repo: string, tag: string): readonly Reference[] {
  const written = firstValue(query, repo)
  if (!written) return []
  const parsed = parseImageReference(written)
  const name =
    parsed === undefined
      ? written
      : `${parsed.name}:${firstValue(query, tag) || (parsed.tag ?? 'latest')}`
  return [at('image', name, { in: 'query', name: repo, index: 0 }, 'make')]
}

/** In the one spelling that can be no image's id. */
function canonical(name: string): string {
  return parseImageReference(name)?.canonical ?? name
}

/** What a pull gives its name to. By a digest it gives none; without a tag it gives all that there are. */
function pulledName(query: QueryPairs): readonly Reference[] {
  const written = firstValue(query, 'fromImage') ?? ''
  const tag = firstValue(query, 'tag') ?? ''
  if (written === '' || written.includes('@') || tag.includes(':')) return []
  const name = tag === '' ? written : `${written.replace(/:[^/:]*$/, '')}:${tag}`
  const place = { in: 'query', name: 'fromImage', index: 0 } as const
  return [at('image', canonical(name), place, 'make')]
}

function inFilters(
  query: QueryPairs,
  kinds: Readonly<Record<string, ThingKind>>,
): readonly Reference[] {
  const filters = readFilters(firstValue(query, 'filters') ?? '')
  if (isFailure(filters)) return []
  return Object.entries(kinds).flatMap(([name, kind]) =>
    (filters.get(name) ?? []).map((value, index) =>
      at(kind, value, { in: 'filter', name, index }, 'see'),
    ),
  )
}

function joinedNetwork(query: QueryPairs): readonly Reference[] {
  const name = 'networkmode'
  const mode = firstValue(query, name) ?? ''
  if (builtInNetworks.has(mode)) return []
  const place = { in: 'query', name, index: 0 } as const
  const before = 'container:'
  if (!mode.startsWith(before)) return [at('network', mode, place, 'use')]
  return [{ ...at('container', mode.slice(before.length), place, 'use'), before }]
}

/** `cachefrom` is a JSON list of image names. One that is not there is passed over by the engine. */
function cacheSources(query: QueryPairs): readonly Reference[] {
  const name = 'cachefrom'
  const names = stringList(firstValue(query, name))
  return names.map((image, position) => ({
    ...at('image', image, { in: 'query', name, index: 0, at: position }, 'use'),
    mayMiss: true as const,
  }))
}

/** A JSON list of strings, or none: what is something else names nothing that could be found. */
export function stringList(text: string | undefined): readonly string[] {
  if (!text) return []
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : []
  } catch {
    return []
  }
}
