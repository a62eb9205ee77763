// What the engine says of itself and of everything on it, over its API, by requests that only read.
import { at, list, text, words, type Inspected } from './inspected.ts'

export interface EngineFacts {
  readonly info: Inspected
  readonly version: Inspected
  /** `docker inspect` of each container, running or not. */
  readonly containers: readonly Container[]
  readonly images: readonly Image[]
  readonly networks: readonly Inspected[]
  /** By name: volumes of the local driver may be folders of the host. */
  readonly volumes: ReadonlyMap<string, Inspected>
  /** Undefined where this node manages no swarm. */
  readonly swarm: Swarm | undefined
}

export interface Container {
  readonly name: string
  readonly running: boolean
  readonly inspect: Inspected
  /** Command lines of its processes; undefined where it does not run or they could not be listed. */
  readonly processes: readonly string[] | undefined
}

export interface Image {
  /** A tag, or the beginning of its id. */
  readonly name: string
  readonly inspect: Inspected
  /** The newest step first. */
  readonly history: readonly string[]
}

export interface Swarm {
  readonly inspect: Inspected
  readonly nodes: readonly unknown[]
  readonly secrets: number
}

export type Ask = (path: string) => Promise<{ readonly status: number; readonly value: unknown }>
/** Told now and then how far it is: `containers`, 20, 300. */
export type Progress = (what: string, done: number, all: number) => void

export async function readEngine(ask: Ask, progress: Progress): Promise<EngineFacts> {
  const must = async (path: string): Promise<unknown> => {
    const { status, value } = await ask(path)
    if (status !== 200) throw new Error(`GET ${path}: status ${status} ${text(value, 'message')}`)
    return value
  }
  const version = (await must('/version')) as Inspected
  const info = (await must('/info')) as Inspected
  const listed = (await must('/containers/json?all=1')) as readonly unknown[]
  const containers = await each(
    listed,
    (one) => readContainer(ask, one),
    (done) => progress('containers', done, listed.length),
  )
  const tagged = (await must('/images/json')) as readonly unknown[]
  const images = await each(
    tagged,
    (one) => readImage(ask, one),
    (done) => progress('images', done, tagged.length),
  )
  const volumes = list(await must('/volumes'), 'Volumes')
  const manages = at(info, 'Swarm', 'ControlAvailable') === true
  return {
    info,
    version,
    containers,
    images,
    networks: (await must('/networks')) as readonly Inspected[],
    volumes: new Map(volumes.map((one) => [text(one, 'Name'), one as Inspected])),
    swarm: manages
      ? {
          inspect: (await must('/swarm')) as Inspected,
          nodes: (await must('/nodes')) as readonly unknown[],
          secrets: ((await must('/secrets')) as readonly unknown[]).length,
        }
      : undefined,
  }
}

async function readContainer(ask: Ask, listed: unknown): Promise<Container | undefined> {
  const id = text(listed, 'Id')
  const { status, value } = await ask(`/containers/${id}/json`)
  // It may be gone since it was listed.
  if (status !== 200) return undefined
  const running = at(value, 'State', 'Running') === true
  return {
    name: text(value, 'Name').replace(/^\//, '') || id.slice(0, 12),
    running,
    inspect: value as Inspected,
    processes: running ? await readProcesses(ask, id) : undefined,
  }
}

/** `ps` on the engine's side: nothing is run in the container. */
async function readProcesses(ask: Ask, id: string): Promise<readonly string[] | undefined> {
  const { status, value } = await ask(`/containers/${id}/top?ps_args=-eo%20pid,comm`)
  if (status !== 200) return undefined
  return list(value, 'Processes').map((row) => words(row).at(-1) ?? '')
}

async function readImage(ask: Ask, listed: unknown): Promise<Image | undefined> {
  const id = text(listed, 'Id')
  const [inspected, history] = [
    await ask(`/images/${id}/json`),
    await ask(`/images/${id}/history`),
  ] as const
  if (inspected.status !== 200 || history.status !== 200) return undefined
  const [tag] = words(inspected.value, 'RepoTags')
  return {
    name: tag ?? id.replace(/^sha256:/, '').slice(0, 12),
    inspect: inspected.value as Inspected,
    history: list(history.value).map((step) => text(step, 'CreatedBy')),
  }
}

/** So many questions at once, so that a doctor's visit is not felt. */
const atOnce = 4

async function each<From, To>(
  all: readonly From[],
  read: (one: From) => Promise<To | undefined>,
  done: (count: number) => void,
): Promise<readonly To[]> {
  const results: To[] = []
  for (let index = 0; index < all.length; index += atOnce) {
    const some = await Promise.all(all.slice(index, index + atOnce).map(read))
    for (const one of some) if (one !== undefined) results.push(one)
    done(Math.min(index + atOnce, all.length))
  }
  return results
}
