// What a request asks of the engine, as one frozen value that every later step judges and sends.
// Pure types: nothing here reads a socket or a clock.
import type { Demand } from './shape.ts'

/** What a reference can point at. */
export type ThingKind =
  | 'container'
  | 'image'
  | 'network'
  | 'volume'
  | 'exec'
  | 'service'
  | 'task'
  | 'node'
  | 'secret'
  | 'config'
  | 'plugin'

/** One row of the catalog: one endpoint of the Docker API. */
export interface Endpoint {
  /** The operation's id in the published API description, for instance `ContainerCreate`. */
  readonly id: string
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS'
  /** Path without version, `{name}` standing for parameters: `/containers/{id}/start`. */
  readonly path: string
  /** `resource.verb`. Where one route does two things, `permissionOf` in `catalog.ts` tells which. */
  readonly permission: string
  /** What the body is: none, JSON that can be judged by `shape`, or bytes that are only streamed. */
  readonly body: 'none' | 'json' | 'bytes'
  /** What the path parameter `{id}`, `{name}` refers to. */
  readonly refers?: ThingKind
  /** The engine may turn this connection into a raw stream: attach, exec start, session, grpc, ws. */
  readonly hijacks: boolean
  /** The answer may go on for ever: logs, events, stats, wait, build, pull, … */
  readonly streams: boolean
  /** It changes something on the engine; false for what only reads. */
  readonly changes: boolean
  /** Query parameters that the engine reads here, and how. */
  readonly query: Readonly<Record<string, QueryKind>>
}

/**
 * How the engine reads a query parameter. `list` may be repeated; `ignored` is what a known client
 * sends although the engine does not read it: it is dropped when a request is judged and rebuilt.
 */
export type QueryKind = 'text' | 'bool' | 'int' | 'json' | 'filters' | 'list' | 'ignored'

export type QueryPairs = readonly (readonly [name: string, value: string])[]

/** A request target, parsed once and strictly. `formatTarget` in `target.ts` writes it again. */
export interface Target {
  /** `1.41`, or undefined when the client named none. */
  readonly version: string | undefined
  /** Decoded path without version; it starts with one slash and has no empty or dot segment. */
  readonly path: string
  /** Decoded pairs in the client's order; no name twice unless the endpoint reads it as a list. */
  readonly query: QueryPairs
}

/** A JSON value, read by `readJson`: no key twice, no number that a double does not hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** Where in a request a reference stands, so that the resolved id can be put in its place. */
export type Place =
  | { readonly in: 'path'; readonly parameter: string }
  /** `index` counts among the pairs of that name; `at` is the position in a JSON list as its value. */
  | { readonly in: 'query'; readonly name: string; readonly index: number; readonly at?: number }
  /** The value at `index` of the filter `name`. */
  | { readonly in: 'filter'; readonly name: string; readonly index: number }
  | { readonly in: 'body'; readonly at: readonly (string | number)[] }
  | { readonly in: 'body-key'; readonly at: readonly (string | number)[] }

/** A thing that the request names, before and after the engine was asked what it is. */
export interface Reference {
  readonly kind: ThingKind
  /** As the client wrote it: name, id, prefix, `/name`, `a/b`. */
  readonly name: string
  readonly place: Place
  /** What stands around the name at its place, `container:` for instance; kept when rewritten. */
  readonly before: string
  readonly after: string
  /**
   * What the request wants of it. `target` is what the operation acts on; `use` joins or mounts or
   * runs it; `make` names something that may not exist yet (a volume in a bind); `see` tells of others
   * by it: those before it, those of it.
   */
  readonly wants: 'target' | 'use' | 'make' | 'see'
  /** The engine goes on without it when there is no such thing: a cache source, for instance. */
  readonly mayMiss?: true
}

export interface Operation {
  readonly endpoint: Endpoint
  readonly permission: string
  readonly target: Target
  /** Decoded path parameters by their name in the template. */
  readonly params: Readonly<Record<string, string>>
  /** Present only when the body was read to be judged; it is then serialized anew and sent. */
  readonly body?: JsonObject
  /** What a limit has a say in: in the query from the start, in the body once that was read. */
  readonly demands: readonly Demand[]
  readonly references: readonly Reference[]
}

/** What the engine says that a reference means. */
export interface Thing {
  readonly kind: ThingKind
  /** Full id (64 hex, `sha256:…`), or the name where the engine has no id (volumes). */
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** For an exec: the container it belongs to. */
  readonly container?: Thing
  /** For an image: every `name:tag` and `name@digest` that it has here. */
  readonly names?: readonly string[]
  /** For an image: where its containers get a volume of their own; for a container: where it has one. */
  readonly volumes?: readonly string[]
  /** For an image and a container: whom its processes run as; empty for root. */
  readonly user?: string
  /** For an image: what whoever builds upon it runs first. */
  readonly onBuild?: readonly string[]
  /** For a volume: it stands for more than a folder of the engine's own. */
  readonly reachesHost?: boolean
}
