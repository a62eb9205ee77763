// One of several processes that serve: it has the listener, its part of the connections and a chain of
// the audit of its own; what is in force, turns, and what the others do it has from the primary.
import { chainPath } from '../../audit/chains.ts'
import { createAudit } from '../../audit/log.ts'
import { tellingOutages, type ServeOptions } from '../serve.ts'
import type { ClaimNames } from '../claims.ts'
import type { Session } from '../sessions.ts'
import type { State } from '../state.ts'
import { createStation, type Station } from '../station.ts'
import type { TakeTurns } from '../turns.ts'
import { createChannel, type Channel } from './channel.ts'
import { createLinesHandler } from './hand-lines.ts'
import { stateFrom } from './state-texts.ts'
import type { OfPrimary, OfWorker, StateTexts, Turns } from './talk.ts'

const chainEveryMs = 5_000

export type WorkerOptions = Pick<ServeOptions, 'now' | 'log'>

/** Serves until the primary says that it is enough; resolves when all is over. */
export function serveAsWorker(options: WorkerOptions): Promise<number> {
  return new Promise((resolve) => {
    // Signals to the whole group are the primary's to obey.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
    let stop = (_graceMs: number): void => resolve(0)
    const worker: Worker = { texts: undefined, state: undefined, station: undefined, round: 0 }
    const channel = createChannel<OfWorker, OfPrimary>(
      (message) => process.connected && process.send?.(message, () => undefined),
      {
        state: (texts) => take(worker, texts, options.now()),
        ping: () => null,
        spare: (want) => worker.station?.lending.give(want) ?? 0,
        gift: (want) => {
          worker.station?.lending.take(want)
          return null
        },
        resize: (resize) => {
          worker.station?.terminals.resize(resize)
          return null
        },
        evened: () => {
          worker.round++
          return null
        },
        load: () => serving(worker).load(),
        sessions: () => serving(worker).operate.persons(() => true),
        end: ({ selector, why }) => serving(worker).operate.end(selector, why),
        metrics: () => serving(worker).metrics.json(),
        stop: (graceMs) => {
          stop(graceMs)
          return null
        },
      },
      (error) => options.log.error({ err: error }, 'unexpected'),
    )
    process.on('message', (message) => channel.take(message))
    start(options, worker, channel).then(
      (close) => {
        stop = (graceMs) =>
          void close(graceMs).then(() => {
            resolve(0)
            // The channel would keep this process until it is killed.
            process.disconnect?.()
          })
      },
      (error: unknown) => {
        channel.tell('failed', error instanceof Error ? error.message : String(error))
        resolve(1)
      },
    )
  })
}

interface Worker {
  texts: StateTexts | undefined
  state: State | undefined
  station: Station | undefined
  /** How many of the others have died since it began. */
  round: number
}

function serving({ station }: Worker): Station {
  if (station === undefined) throw new Error('it does not serve yet')
  return station
}

/** From the first moment that `hello` was answered every change arrives here. */
function take(worker: Worker, texts: StateTexts, now: number): null {
  const before = worker.state
  worker.texts = texts
  worker.state = stateFrom(texts, now, before)
  if (before !== undefined && before.generation !== worker.state.generation) {
    worker.station?.changed(before, worker.state)
  }
  return null
}

async function start(
  options: WorkerOptions,
  worker: Worker,
  channel: Channel<OfPrimary>,
): Promise<(graceMs: number) => Promise<void>> {
  const { now } = options
  const { slot, count, state: first, place, lost } = await channel.ask('hello', null)
  const newest = (): StateTexts => worker.texts ?? first
  take(worker, newest(), now())
  const log = options.log.child({ worker: slot })
  log.level = first.settings.logLevel
  const { settings } = first
  const state = (): State => {
    if (worker.state === undefined) throw new Error('INVARIANT: there is a state by now')
    return worker.state
  }
  const path = chainPath(settings.audit.path, slot)
  const written =
    settings.audit.sink && createLinesHandler(channel, (many) => station.metrics.unsent(many))
  const audit = createAudit({
    ...settings.audit,
    path,
    now,
    lost,
    ...(written && { written }),
    ...tellingOutages(log),
  })
  const had = (number: number | null): (() => void) | undefined =>
    number === null ? undefined : () => channel.tell('give', number)
  const turnsOf =
    (of: Turns): TakeTurns =>
    async (names) =>
      had(await channel.ask('take', { of, names })) ?? nothing
  const images: ClaimNames = async (names, by) => had(await channel.ask('claim', { names, by }))
  const station: Station = await createStation({
    settings,
    log,
    now,
    state,
    lastReload: () => newest().lastReload,
    reload: (why) => channel.ask('reload', why),
    audit,
    turns: { volumes: turnsOf('volumes'), quotas: turnsOf('quotas'), images },
    async countStream(asked) {
      const counted = await channel.ask('stream', asked)
      return typeof counted === 'number' ? () => channel.tell('give', counted) : counted
    },
    resized: (resize) => channel.tell('resized', resize),
    others: {
      slot,
      count,
      get round() {
        return worker.round
      },
      ask: (want) => channel.ask('more', want),
    },
    shown: {
      operate: {
        status: () => channel.ask('status', null),
        sessions: async (sees) =>
          (await channel.ask('sessions', null))
            .filter(({ principal }) => sees(principal))
            .map(({ row }) => row),
        end: (selector, why) => channel.ask('end', { selector, why }),
        reload: (why) => channel.ask('reload', why),
      },
      metrics: { text: () => channel.ask('metrics', null) },
    },
    began: (session) => tellStream(channel, session),
    ticketKeys: () => Buffer.from(newest().ticketKeys, 'base64'),
  })
  worker.station = station
  const { address: host, port } = await station.listen(place)

  let told = 0
  const tellChain = (): void => {
    const { last } = audit
    if (last === undefined || last.seq === told) return
    told = last.seq
    channel.tell('chain', last)
  }
  const telling = setInterval(tellChain, chainEveryMs).unref()
  tellChain()
  channel.tell('ready', { host, port })
  return async (graceMs) => {
    clearInterval(telling)
    await station.close(graceMs)
    const { last } = audit
    // Waited for, so that it has arrived when this process ends.
    if (last !== undefined) await channel.ask('chain', last, 1_000).catch(() => undefined)
  }
}

const nothing = (): void => undefined

function tellStream(channel: Channel<OfPrimary>, session: Session): () => void {
  const { id, operation, since, streams } = session
  if (!streams) return nothing
  channel.tell('began', { id, who: session.peer.principal.name, operation, since })
  return () => channel.tell('over', id)
}
