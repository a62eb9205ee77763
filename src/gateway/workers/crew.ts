// The processes that serve: started, watched, and replaced when they die or fall silent, each in its place.
import cluster, { type Worker } from 'node:cluster'
import type { Logger } from 'pino'
import { program } from '../../program.ts'
import { createChannel, type Answers, type Channel } from './channel.ts'
import type { OfPrimary, OfWorker } from './talk.ts'

/** One process in its place. */
export interface Member {
  readonly slot: number
  readonly pid: number
  readonly since: number
  readonly channel: Channel<OfWorker>
  /** It has been told the state, and is to hear of every change. */
  informed: boolean
  ready: boolean
}

export interface CrewParts {
  readonly count: number
  readonly log: Logger
  readonly now: () => number
  /** To what the process asks; `member` is not to be called before it asks. */
  readonly answers: (member: () => Member) => Omit<Answers<OfPrimary>, 'failed'>
  /** It died, and was not told to stop. */
  readonly died: (member: Member, how: { readonly code: number; readonly signal: string }) => void
  /** It is gone, however that came. */
  readonly gone: (member: Member) => void
}

export interface Crew {
  readonly members: () => readonly Member[]
  /** Resolves when every place serves for the first time; rejects where one cannot. */
  started(): Promise<void>
  /** It cannot be trusted any more, and is replaced. */
  kill(member: Member, why: string): void
  stop(graceMs: number): Promise<void>
}

const pingEveryMs = 5_000
/** A process that does not come to answer for so long serves nobody. */
const silenceMs = 15_000
/** Whoever lived shorter is replaced with a delay that grows. */
const youngMs = 10_000
const longestDelayMs = 10_000
/** Beyond what its streams are given, a process that is told to stop has this long. */
const lastMs = 5_000

export function createCrew(parts: CrewParts): Crew {
  const { log, now } = parts
  const crew = new Map<number, { readonly member: Member; readonly worker: Worker }>()
  /** Those whose answer to a ping is still to come. */
  const asked = new Set<Member>()
  let emptied = (): void => undefined
  let stopping = false
  let isUp = false
  let quickDeaths = 0
  let succeed = (): void => undefined
  let fail: (error: Error) => void = () => undefined
  const started = new Promise<void>((resolve, reject) => {
    succeed = resolve
    fail = reject
  })
  started.catch(() => undefined)
  cluster.setupPrimary({
    exec: program,
    args: ['serve'],
  })

  function begin(slot: number): void {
    const worker = cluster.fork()
    let failure: string | undefined
    const told = parts.answers(() => member)
    const channel = createChannel<OfPrimary, OfWorker>(
      // The callback takes the error of a channel that has closed meanwhile.
      (message) => void (worker.isConnected() && worker.send(message, () => undefined)),
      {
        ...told,
        hello: (question) => {
          member.informed = true
          return told.hello(question)
        },
        ready: (place) => {
          try {
            void told.ready(place)
          } catch (error) {
            fail(error instanceof Error ? error : new Error(String(error)))
            return null
          }
          member.ready = true
          if (crew.size === parts.count && [...crew.values()].every((one) => one.member.ready))
            succeed()
          return null
        },
        failed: (why) => {
          failure = why
          return null
        },
      },
      (error) => log.error({ err: error, worker: slot }, 'unexpected'),
    )
    const pid = worker.process.pid ?? 0
    const member: Member = { slot, pid, since: now(), channel, informed: false, ready: false }
    crew.set(slot, { member, worker })
    worker.on('message', (message) => channel.take(message))
    worker.on('error', (error) => log.error({ err: error, worker: slot }, 'unexpected'))
    worker.once('exit', (code: number | null, signal: string | null) => {
      crew.delete(slot)
      channel.lost()
      parts.gone(member)
      if (stopping) {
        if (crew.size === 0) emptied()
        return
      }
      const how = { code: code ?? 0, signal: signal ?? '' }
      if (!member.ready && !isUp) {
        fail(new Error(failure ?? `a worker ended before it served (${signal ?? code})`))
        return
      }
      parts.died(member, how)
      log.error({ worker: slot, pid, ...how, why: failure }, 'a worker died and is replaced')
      quickDeaths = now() - member.since < youngMs ? quickDeaths + 1 : 0
      const delayMs = quickDeaths === 0 ? 0 : Math.min(longestDelayMs, 50 * 2 ** quickDeaths)
      // With the last of them nothing else would keep this process.
      setTimeout(() => !stopping && begin(slot), delayMs)
    })
  }

  function kill(member: Member, why: string): void {
    const found = crew.get(member.slot)
    if (found?.member !== member) return
    log.error({ worker: member.slot, pid: member.pid, why }, 'a worker is killed')
    found.worker.process.kill('SIGKILL')
  }

  const pinging = setInterval(() => {
    for (const { member } of crew.values()) {
      if (!member.ready || asked.has(member)) continue
      asked.add(member)
      member.channel
        .ask('ping', null, silenceMs)
        .catch(() => kill(member, `it says nothing for ${silenceMs / 1_000} s`))
        .finally(() => asked.delete(member))
    }
  }, pingEveryMs).unref()

  function killAll(): void {
    for (const { worker } of crew.values()) worker.process.kill('SIGKILL')
  }
  // A stopped process would outlive this one.
  process.once('exit', killAll)

  for (let slot = 1; slot <= parts.count; slot++) begin(slot)
  return {
    members: () =>
      [...crew.values()]
        .map(({ member }) => member)
        .toSorted((one, other) => one.slot - other.slot),
    async started() {
      try {
        await started
        isUp = true
      } catch (error) {
        stopping = true
        clearInterval(pinging)
        killAll()
        throw error
      }
    },
    kill,
    async stop(graceMs) {
      stopping = true
      clearInterval(pinging)
      if (crew.size === 0) return
      const empty = new Promise<void>((resolve) => (emptied = resolve))
      for (const { member } of crew.values()) member.channel.tell('stop', graceMs)
      const late = setTimeout(killAll, graceMs + lastMs)
      await empty
      clearTimeout(late)
    },
  }
}
