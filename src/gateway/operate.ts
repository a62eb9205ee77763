// What an operator may ask of the running gateway: how it is, what is under way, to end some of that,
// to read the files again. The control socket and `/_dockgate/` both speak to this.
import type { Principal } from '../identity/principal.ts'
import type { Denials, DenialsLately } from './denials.ts'
import type { Engine } from './engine.ts'
import type { GrantRow } from './give-grant.ts'
import { remindersOf } from './reminders.ts'
import type { Session } from './sessions.ts'
import type { Reload, State } from './state.ts'
import type { Period } from './trust.ts'

/** One row of `dockgate sessions`. */
export interface SessionRow {
  readonly id: string
  readonly who: string
  readonly serial: string
  readonly fingerprint: string
  readonly address: string
  readonly role: string
  /** The temporary grant that gave the role. */
  readonly grant: string | null
  readonly operation: string
  readonly target: string
  /** What the target's name means on the engine: container `web`, and so on. */
  readonly on: string | null
  readonly streams: boolean
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface Status {
  readonly version: string
  readonly pid: number
  readonly startedAt: number
  readonly listen: string
  readonly generation: number
  readonly policy: { readonly digest: string; readonly since: number }
  readonly periods: readonly Period[]
  readonly revocations: {
    readonly mode: 'refuse' | 'warn'
    readonly serials: number
    readonly nextUpdate: number | null
  }
  readonly reminders: readonly string[]
  readonly engine: {
    readonly url: string
    readonly version: string | null
    readonly apiVersion: string | null
    /** Why it cannot be asked. */
    readonly fault: string | null
  }
  readonly connections: number
  readonly sessions: { readonly underWay: number; readonly streams: number }
  readonly denials: DenialsLately
  readonly temporaryGrants: readonly GrantRow[]
  readonly lastReload: Reload
  /** The processes that serve, where there are several. */
  readonly workers: readonly WorkerRow[]
}

export interface WorkerRow {
  readonly slot: number
  readonly pid: number
  readonly since: number
  readonly connections: number
  readonly streams: number
}

/** What one process does at the moment. */
export interface Load {
  readonly temporaryGrants: readonly GrantRow[]
  readonly connections: number
  readonly underWay: number
  readonly streams: number
  readonly denials: DenialsLately
}

export type Selector = { readonly id: string } | { readonly who: string }

export interface Operate {
  status(): Promise<Status>
  /** Those of the people whom `sees` picks. */
  sessions(sees: (principal: Principal) => boolean): Promise<readonly SessionRow[]>
  /** Ends what the selector names, and says what that was. */
  end(selector: Selector, why: string): Promise<readonly SessionRow[]>
  reload(why: string): Promise<Reload>
}

export interface OperateParts {
  readonly version: string
  readonly startedAt: number
  readonly listen: () => string
  readonly state: () => State
  readonly lastReload: () => Reload
  readonly reload: (why: string) => Reload | Promise<Reload>
  readonly sessions: () => Iterable<Session>
  readonly connections: () => number
  readonly denials: Denials
  readonly engine: Engine
  /** What a session is about, by a name that people know. */
  readonly nameOf: (session: Session) => Promise<string | null>
  readonly temporaryGrants: () => readonly GrantRow[]
  readonly now: () => number
}

/** A row with the person whose it is, for whoever decides who may see it. */
export interface PersonsSession {
  readonly row: SessionRow
  readonly principal: Principal
}

export interface OwnOperate extends Operate {
  persons(sees: (principal: Principal) => boolean): Promise<readonly PersonsSession[]>
}

export function createOperate(parts: OperateParts): OwnOperate {
  const persons: OwnOperate['persons'] = (sees) =>
    Promise.all(
      [...parts.sessions()]
        .filter(({ peer }) => sees(peer.principal))
        .map(async (session) => ({
          row: { ...rowOf(session), on: await parts.nameOf(session) },
          principal: session.peer.principal,
        })),
    )
  return {
    async status() {
      const { generation, policy, policySince, trust, settings } = parts.state()
      const rows = [...parts.sessions()]
      return {
        version: parts.version,
        pid: process.pid,
        startedAt: parts.startedAt,
        listen: parts.listen(),
        generation,
        policy: { digest: policy.digest, since: policySince },
        periods: trust.periods,
        revocations: {
          mode: trust.mode,
          serials: trust.revocations?.serials.size ?? 0,
          nextUpdate: trust.revocations?.nextUpdate ?? null,
        },
        reminders: remindersOf(trust, settings.remindMs, parts.now()),
        engine: await askEngine(parts.engine),
        connections: parts.connections(),
        sessions: {
          underWay: rows.length,
          streams: rows.filter(({ streams }) => streams).length,
        },
        denials: parts.denials.lastHour(),
        temporaryGrants: parts.temporaryGrants(),
        lastReload: parts.lastReload(),
        workers: [],
      }
    },
    persons,
    sessions: async (sees) => (await persons(sees)).map(({ row }) => row),
    async end(selector, why) {
      const chosen = [...parts.sessions()].filter((session) =>
        'id' in selector
          ? session.id === selector.id
          : session.peer.principal.name === selector.who,
      )
      const rows = chosen.map(rowOf)
      for (const session of chosen) session.end(why)
      return rows
    },
    reload: async (why) => parts.reload(why),
  }
}

function rowOf(session: Session): SessionRow {
  const { principal, address } = session.peer
  const bytes = session.bytes()
  return {
    id: session.id,
    who: principal.name,
    serial: principal.serial,
    fingerprint: principal.fingerprint,
    address,
    role: session.basis.role.name,
    grant: session.basis.role.grant ?? null,
    operation: session.operation,
    target: session.target,
    on: null,
    streams: session.streams,
    since: session.since,
    bytesIn: bytes.in,
    bytesOut: bytes.out,
  }
}

/** Whoever asks for the status waits no longer than this for the engine. */
const askMs = 2_000

export async function askEngine(engine: Engine): Promise<Status['engine']> {
  const nothing = { url: engine.url, version: null, apiVersion: null }
  let late: NodeJS.Timeout | undefined
  try {
    const silence = new Promise<undefined>((resolve) => {
      late = setTimeout(() => resolve(undefined), askMs)
    })
    const answer = await Promise.race([engine.ask('/version'), silence])
    if (answer === undefined) return { ...nothing, fault: `no answer in ${askMs / 1_000} s` }
    const said = answer.value as { readonly Version?: unknown; readonly ApiVersion?: unknown }
    return {
      url: engine.url,
      version: String(said.Version),
      apiVersion: String(said.ApiVersion),
      fault: answer.status === 200 ? null : `status ${answer.status}`,
    }
  } catch (error) {
    const fault = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return { ...nothing, fault }
  } finally {
    clearTimeout(late)
  }
}
