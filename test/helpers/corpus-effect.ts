// Sees on the engine itself whether an entry of the corpus had its effect, whatever was answered.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Entry } from './corpus.ts'
import { askEngine, onEngine } from './engine.ts'
import type { RawAnswer } from './raw-http.ts'

export type Check =
  | {
      readonly kind: 'inspect'
      readonly path: string
      readonly op: string
      readonly value: unknown
    }
  | {
      readonly kind: 'inspect-of'
      readonly of: string
      readonly path: string
      readonly op: string
      readonly value: unknown
    }
  | { readonly kind: 'status' | 'status-not'; readonly in: readonly number[] }
  | { readonly kind: 'gone'; readonly of: string }
  | { readonly kind: 'name'; readonly of: string; readonly is: string }
  | { readonly kind: 'image'; readonly tag: string }
  | { readonly kind: 'body-contains'; readonly text: string }
  | { readonly kind: 'second-response'; readonly status: number }
  | { readonly kind: 'hit' | 'exec-priv' }

/** What came of playing an entry. */
export interface Played {
  readonly answer: RawAnswer | undefined
  readonly second: RawAnswer | undefined
  /** Ids of the containers that it created. */
  readonly created: readonly string[]
  /** Ids of the things made for it, by what the corpus calls them. */
  readonly ids: ReadonlyMap<string, string>
  readonly hits: readonly string[]
}

export async function hadEffect(check: Check | undefined, played: Played): Promise<boolean> {
  const { answer, second, created, hits } = played
  const status = answer?.status ?? 0
  if (check === undefined) return status < 400
  switch (check.kind) {
    case 'inspect': {
      const found = created.map((id) => holds(id, check))
      return (await Promise.all(found)).includes(true)
    }
    case 'inspect-of':
      return holds(idOf(played, check.of), check)
    case 'status':
      return check.in.includes(status)
    case 'status-not':
      return !check.in.includes(status)
    case 'gone':
      return (await askEngine(`/containers/${idOf(played, check.of)}/json`)).status === 404
    case 'name': {
      const path = `/containers/${idOf(played, check.of)}/json`
      return (await onEngine<{ Name: string }>(path)).Name === check.is
    }
    case 'image':
      return (await askEngine(`/images/${check.tag}/json`)).status === 200
    case 'body-contains':
      return answer?.body.toString().includes(check.text) ?? false
    case 'second-response':
      return second?.status === check.status
    case 'hit':
      // The engine may call after it has answered.
      await sleep(100)
      return hits.length > 0
    case 'exec-priv': {
      type Container = { readonly ExecIDs: readonly string[] | null }
      const own = await onEngine<Container>(`/containers/${idOf(played, 'own')}/json`)
      type Exec = { readonly ProcessConfig: { readonly privileged: boolean } }
      const execs = (own.ExecIDs ?? []).map((id) => onEngine<Exec>(`/exec/${id}/json`))
      return (await Promise.all(execs)).some((exec) => exec.ProcessConfig.privileged)
    }
    default:
      return check satisfies never
  }
}

/** Whether an ordinary request did what it says, beside its status. */
export async function twinHadEffect(entry: Entry, played: Played): Promise<boolean> {
  if (!(await hadEffect(entry.check, played))) return false
  const path = entry.path.replace(/^\/v[0-9.]+/, '').replace(/\?.*/, '')
  const nameIn = () => String(at(JSON.parse(entry.rawBody ?? ''), ['Name']))
  if (path === '/containers/create') return played.created.length === 1
  if (path === '/volumes/create') return exists(`/volumes/${nameIn()}`)
  if (path === '/networks/create') return exists(`/networks/${nameIn()}`)
  if (entry.method === 'DELETE') return !(await exists(`/containers/${idOf(played, 'own')}/json`))
  if (path.endsWith('/kill')) {
    type Container = { readonly State: { readonly Running: boolean } }
    return !(await onEngine<Container>(`/containers/${idOf(played, 'own')}/json`)).State.Running
  }
  return true
}

async function exists(path: string): Promise<boolean> {
  return (await askEngine(path)).status === 200
}

async function holds(
  id: string,
  check: { readonly path: string; readonly op: string; readonly value: unknown },
): Promise<boolean> {
  const inspected = await onEngine(`/containers/${id}/json`)
  const found = at(inspected, check.path.split('.'))
  switch (check.op) {
    case 'eq':
      return JSON.stringify(found) === JSON.stringify(check.value)
    case 'notempty':
      return Array.isArray(found) && found.length > 0
    case 'startswith':
      return String(found).startsWith(String(check.value))
    case 'haskey':
      return Object.hasOwn(Object(found), String(check.value))
    default:
      throw new Error(`unknown comparison: ${check.op}`)
  }
}

function idOf({ ids }: Played, of: string): string {
  const id = ids.get(of)
  if (id === undefined) throw new Error(`nothing made ${of}`)
  return id
}

function at(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  return at(new Map(Object.entries(Object(value))).get(key), rest)
}
