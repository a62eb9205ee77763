// Which row of the catalog a path belongs to, and what its parameters are. The engine's router tries
// its templates in order; here a path that fits two of them is refused, so that order cannot matter.
import { failure, type Failure } from '../errors.ts'
import { catalog } from './catalog.ts'
import { ownEndpoints } from './catalog-own.ts'
import type { Endpoint } from './operation.ts'
import { printable } from './printable.ts'

export interface Match {
  readonly endpoint: Endpoint
  readonly params: Readonly<Record<string, string>>
}

/** A row made ready: literal parts around parameters. */
interface Template {
  readonly endpoint: Endpoint
  readonly names: readonly string[]
  /** What stands before the first parameter, between parameters, and after the last. */
  readonly literals: readonly string[]
  readonly spans: boolean
}

interface Candidates {
  readonly exact: ReadonlyMap<string, Template>
  readonly byLast: ReadonlyMap<string, readonly Template[]>
  readonly open: readonly Template[]
}

// Their names match any characters in the engine's router, slashes included: `{name:.*}`.
const spanning = new Set([
  'containers',
  'images',
  'networks',
  'volumes',
  'plugins',
  'exec',
  'distribution',
  '{any}',
])
const noParams: Readonly<Record<string, string>> = Object.freeze({})

function templateOf(endpoint: Endpoint): Template {
  const parts = endpoint.path.split(/\{([a-z]+)\}/)
  const names = parts.filter((_, index) => index % 2 === 1)
  return {
    endpoint,
    names,
    literals: parts.filter((_, index) => index % 2 === 0),
    // `/containers/{name}/checkpoints/{checkpoint}` takes one segment for each.
    spans: names.length === 1 && spanning.has(endpoint.path.split('/')[1] ?? ''),
  }
}

function candidatesOf(templates: readonly Template[]): Candidates {
  const exact = new Map<string, Template>()
  const byLast = new Map<string, Template[]>()
  const open: Template[] = []
  for (const template of templates) {
    const { path } = template.endpoint
    if (template.names.length === 0) exact.set(path, template)
    else if (path.endsWith('}')) open.push(template)
    else {
      const last = lastSegment(path)
      byLast.set(last, [...(byLast.get(last) ?? []), template])
    }
  }
  return { exact, byLast, open }
}

const all = [...catalog, ...ownEndpoints]
const byMethod: ReadonlyMap<string, Candidates> = new Map(
  [...new Set(all.map(({ method }) => method))].map((method) => {
    const rows = all.filter((endpoint) => endpoint.method === method)
    return [method, candidatesOf(rows.map(templateOf))]
  }),
)

const noTemplates: readonly Template[] = []

/** `encodedSlashes`: places in the path where the client wrote `%2F`. */
export function matchEndpoint(
  method: string,
  path: string,
  encodedSlashes: readonly number[],
): Match | Failure {
  const candidates = byMethod.get(method)
  if (candidates === undefined) return unknown(method, path)
  const exact = candidates.exact.get(path)
  if (exact !== undefined) {
    return encodedSlashes.length === 0 ? { endpoint: exact.endpoint, params: noParams } : divides()
  }
  let found: Template | undefined
  let spans: readonly number[] | undefined
  for (const list of [candidates.byLast.get(lastSegment(path)) ?? noTemplates, candidates.open]) {
    for (const template of list) {
      const here = spansOf(template, path)
      if (here === undefined) continue
      if (found !== undefined) {
        // Of two readings the checkpoint's is the engine's: its router is registered before that of
        // containers in every version (moby, daemon.go), and takes the path also when experimental
        // features are off. The other reading would be a link alias `a/checkpoints/b`.
        if (template.endpoint.id !== 'CheckpointDelete') {
          if (found.endpoint.id === 'CheckpointDelete') continue
          return failure(
            'unknown-operation',
            `${method} ${printable(path)} may be ${found.endpoint.id} or ${template.endpoint.id}, so it is neither`,
          )
        }
      }
      found = template
      spans = here
    }
  }
  if (found === undefined || spans === undefined) return unknown(method, path)
  const params: Record<string, string> = {}
  for (const [index, name] of found.names.entries()) {
    params[name] = path.slice(spans[2 * index], spans[2 * index + 1])
  }
  const fit = spans
  const isInside = (slash: number): boolean =>
    found.spans && slash > (fit[0] ?? 0) && slash < (fit[1] ?? 0)
  if (!encodedSlashes.every(isInside)) return divides()
  return { endpoint: found.endpoint, params: Object.freeze(params) }
}

/** The path of an endpoint with its parameters filled in. */
export function fillPath(endpoint: Endpoint, params: Readonly<Record<string, string>>): string {
  return endpoint.path.replace(/\{([a-z]+)\}/g, (_, name: string) => params[name] ?? '')
}

/** Start and end of each parameter, or undefined where the template does not fit. */
function spansOf(template: Template, path: string): readonly number[] | undefined {
  const { literals, names } = template
  const first = literals[0] ?? ''
  const last = literals.at(-1) ?? ''
  if (!path.startsWith(first) || !path.endsWith(last)) return undefined
  const start = first.length
  const end = path.length - last.length
  if (end <= start) return undefined
  if (names.length === 1) {
    return template.spans || !holdsSlash(path, start, end) ? [start, end] : undefined
  }
  const middle = literals[1] ?? ''
  const at = path.indexOf(middle, start)
  const next = at + middle.length
  if (at <= start || next >= end) return undefined
  if (holdsSlash(path, start, at) || holdsSlash(path, next, end)) return undefined
  return [start, at, next, end]
}

function holdsSlash(path: string, start: number, end: number): boolean {
  const slash = path.indexOf('/', start)
  return slash !== -1 && slash < end
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function divides(): Failure {
  return failure(
    'bad-target',
    'the request target cannot be read: an encoded slash divides its path; hint: write /',
  )
}

function unknown(method: string, path: string): Failure {
  return failure(
    'unknown-operation',
    `${printable(`${method} ${path}`)} is no operation of the Docker API`,
  )
}
