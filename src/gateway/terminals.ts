// Sessions in which somebody sits at the other end: tells which they are, and keeps the transcript of
// their terminal where the role asks for one. The engine is asked only for roles that have such a rule.
import { join } from 'node:path'
import { openTranscript, type Transcript } from '../audit/transcript.ts'
import type { TranscriptSettings } from '../config/transcripts-setting.ts'
import type { Operation } from '../docker/operation.ts'
import { firstValue, isTrue, readInt } from '../docker/query.ts'
import { failure, isFailure, type Failure } from '../errors.ts'
import { engineFailure, type Engine } from './engine.ts'
import type { Passage } from './guard.ts'

/** What is known of a session of which the role asks that somebody looks. */
export interface Terminal {
  /** Somebody types, or has a terminal: the time in which nothing comes or goes is counted. */
  readonly interactive: boolean
  readonly transcript?: Transcript
  /** What they type is kept as well. */
  readonly recordsInput: boolean
}

export interface Terminals {
  /** The passage with its terminal, or why it may not go on. */
  open(passage: Passage): Promise<Passage | Failure>
  /** To be told of each request that is no stream: it may give a terminal another size. */
  resized(operation: Operation): void
  /** The same of one that came to another process. */
  resize(resize: Resize): void
}

/** An exec or a container, by whichever of its names, has a terminal of another size. */
export interface Resize {
  readonly name: string
  readonly columns: number
  readonly rows: number
}

export interface TerminalsParts {
  readonly engine: Engine
  readonly settings: () => TranscriptSettings
  /** The other processes, which may have the session. */
  readonly tellOthers?: (resize: Resize) => void
  readonly clock: () => number
  readonly complain: (about: object, what: string) => void
}

interface Found {
  readonly hasTerminal: boolean
  readonly interactive: boolean
  /** By what a resize may name it. */
  readonly names: readonly string[]
}

interface Live {
  readonly transcript: Transcript
  readonly names: readonly string[]
}

const interactiveEndpoints = /^(ExecStart|ContainerAttach|ContainerAttachWebsocket)$/

export function createTerminals(parts: TerminalsParts): Terminals {
  const live = new Map<string, Live>()

  function record(passage: Passage, names: readonly string[]): Transcript | Failure {
    const { id, peer, operation, role, startedAt } = passage
    const settings = parts.settings()
    const path = join(settings.folder, `${id}.cast`)
    try {
      const transcript = openTranscript({
        path,
        title: `${operation.permission} by ${peer.principal.name} as ${role}`,
        ...sizeAtFirst(operation),
        maxBytes: settings.bytes,
        startedAt,
        clock: parts.clock,
        closed: () => void live.delete(path),
      })
      live.set(path, { transcript, names })
      return transcript
    } catch (error) {
      parts.complain({ err: error, path }, 'a transcript cannot be opened')
      return failure('transcript-failed', undefined, String(error))
    }
  }

  return {
    async open(passage) {
      const { basis, operation } = passage
      const { streams, transcript, name } = basis.role
      const asks = transcript !== undefined || streams?.idleMs !== undefined
      if (!asks || !interactiveEndpoints.test(operation.endpoint.id)) return passage
      const found = await find(parts.engine, operation)
      if (isFailure(found)) return found
      const { interactive, hasTerminal, names } = found
      const terminal = { interactive, recordsInput: transcript?.input === true }
      if (transcript === undefined || !hasTerminal) return Object.freeze({ ...passage, terminal })
      if (operation.endpoint.id === 'ContainerAttachWebsocket') {
        const why = `role "${name}" has terminals recorded, and this one cannot be: use attach`
        return failure('denied', why)
      }
      const kept = record(passage, names)
      if ('code' in kept) return kept
      return Object.freeze({ ...passage, terminal: { ...terminal, transcript: kept } })
    },
    resized({ endpoint, params, target }) {
      if (!/^(Exec|Container)Resize$/.test(endpoint.id)) return
      const columns = Number(readInt(firstValue(target.query, 'w')))
      const rows = Number(readInt(firstValue(target.query, 'h')))
      if (!isSize(columns) || !isSize(rows)) return
      const resize = { name: params['id'] ?? '', columns, rows }
      resizeHere(resize)
      parts.tellOthers?.(resize)
    },
    resize: resizeHere,
  }

  function resizeHere({ name, columns, rows }: Resize): void {
    for (const { transcript, names } of live.values()) {
      if (names.includes(name)) transcript.resized(columns, rows)
    }
  }
}

/** Whether an exec or a container has a terminal was settled when it was made. */
async function find(engine: Engine, operation: Operation): Promise<Failure | Found> {
  const [, kind = '', asked = ''] = operation.target.path.split('/')
  try {
    const { status, value } = await engine.ask(`/${kind}/${encodeURIComponent(asked)}/json`)
    const { message, ID, Id, Name, OpenStdin, ProcessConfig, Config } = value as Inspected
    if (status === 404) return failure('not-found', message)
    if (status !== 200) return failure('engine-refused', message)
    // What the engine does not say is taken for what must be recorded.
    if (kind === 'exec') {
      const hasTerminal = ProcessConfig?.tty !== false
      return {
        hasTerminal,
        interactive: hasTerminal || OpenStdin !== false,
        names: [asked, ID ?? ''],
      }
    }
    const interactive = isTrue(firstValue(operation.target.query, 'stdin'))
    const names = [asked, Id ?? '', (Name ?? '').replace(/^\//, '')]
    return { hasTerminal: Config?.Tty !== false, interactive, names }
  } catch (error) {
    return engineFailure(engine, error)
  }
}

interface Inspected {
  readonly message?: string
  readonly ID?: string
  readonly Id?: string
  readonly Name?: string
  readonly OpenStdin?: boolean
  readonly ProcessConfig?: { readonly tty?: boolean }
  readonly Config?: { readonly Tty?: boolean }
}

/** A client that does not say gives the size right after the start. */
function sizeAtFirst({ body }: Operation): { readonly columns: number; readonly rows: number } {
  const [rows, columns] = Array.isArray(body?.['ConsoleSize']) ? body['ConsoleSize'] : []
  return isSize(rows) && isSize(columns) ? { columns, rows } : { columns: 80, rows: 24 }
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) <= 65_535
}
