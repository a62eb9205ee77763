// The process that holds the files where several serve: it reads them and tells the others what is in
// force, lends turns, adds up what they do, and says in the audit what became of those who died.
import { randomBytes } from 'node:crypto'
import { chainName, chainPath } from '../../audit/chains.ts'
import type { Position } from '../../audit/line.ts'
import { createAudit } from '../../audit/log.ts'
import { compileRoles } from '../../config/load.ts'
import type { Settings } from '../../config/settings.ts'
import type { Policy } from '../../policy/policy.ts'
import { version } from '../../version.ts'
import { openAuditSink, sinkLastMs } from '../audit-sink.ts'
import { createClaims } from '../claims.ts'
import { createDenials, mostFrequent } from '../denials.ts'
import { createEndGrant } from '../end-grant.ts'
import { createEngine } from '../engine.ts'
import type { GrantRow } from '../give-grant.ts'
import { createMetrics } from '../metrics.ts'
import { createOperate, type Load, type Operate, type PersonsSession } from '../operate.ts'
import { createReminding, tellReload, watchedFiles } from '../reloading.ts'
import { openControlIfPossible, tellingOutages, type ServeOptions, type Serving } from '../serve.ts'
import { createKeeper, type Reload } from '../state.ts'
import { createStreamCounts } from '../stream-counts.ts'
import { createTurns } from '../turns.ts'
import { watchFiles } from '../watch.ts'
import { createAddedMetrics } from './add-metrics.ts'
import { createCrew, type Crew, type Member } from './crew.ts'
import { createLender } from './lend-turns.ts'
import { createSparing } from './sparing.ts'
import { textsOf } from './state-texts.ts'
import { createStreams } from './streams.ts'
import type { StateTexts } from './talk.ts'

/** How long one of those who serve may take to answer before it is left out, or no longer trusted. */
const answerMs = 3_000
const obeyMs = 5_000
/** How often the places of the other chains are written down. */
const chainsEveryMs = 10_000

export async function servePrimary(options: ServeOptions): Promise<Serving> {
  const { log, now } = options
  const watch = watchFiles(watchedFiles(options.loadSettings()))
  const rolesOf = new WeakMap<Policy, string>()
  let ticketKeys = randomBytes(48)
  const keeper = createKeeper(
    {
      settings: options.loadSettings,
      policy: () => {
        const text = options.readRoles()
        const policy = compileRoles(text)
        rolesOf.set(policy, text)
        return policy
      },
      now,
    },
    (before, after) => {
      log.level = after.settings.logLevel
      // Nobody who was let in by what is no longer in force resumes a session.
      if (before.trust.material !== after.trust.material) ticketKeys = randomBytes(48)
    },
  )
  const { settings } = keeper.current
  const sink = openAuditSink(settings, log, (count) => metrics.unsent(count))
  const written = sink && ((lines: readonly string[]) => sink.take(lines, process.pid))
  const record = createAudit({
    ...settings.audit,
    now,
    ...(written && { written }),
    ...tellingOutages(log),
  })
  const metrics = createMetrics({
    version: version(),
    state: () => keeper.current,
    lastReload: () => keeper.lastReload,
    sessions: () => [],
    connections: () => 0,
    audit: record,
    load: () => ({ inFlight: 0, streams: 0, waiting: 0 }),
  })
  const audit = metrics.counting(record)
  const engine = createEngine(settings.enginePath)
  const added = createAddedMetrics()
  const lender = createLender()
  const turns = { volumes: createTurns(), quotas: createTurns() }
  const claims = createClaims()
  const countStream = createStreamCounts()
  const sparing = createSparing()
  const reminding = createReminding(log, () => keeper.current, now)
  const streams = createStreams()
  const chains = new Map<string, Position>()
  let isToldChains = true
  let asked = settings.listen
  let place: { readonly host: string; readonly port: number } | undefined

  const texts = (): StateTexts =>
    textsOf(keeper.current, {
      roles: rolesOf.get(keeper.current.policy) ?? '',
      ticketKeys: ticketKeys.toString('base64'),
      lastReload: keeper.lastReload,
    })

  async function reload(why: string): Promise<Reload> {
    const done = keeper.reload(why)
    metrics.reloaded(done)
    tellReload(log, done)
    reminding.remind()
    const informed = crew.members().filter((member) => member.informed)
    await Promise.all(
      informed.map(async (member) => {
        try {
          await member.channel.ask('state', texts(), obeyMs)
        } catch (error) {
          // It might go on letting in whom nobody else does.
          crew.kill(member, `it does not take what is in force: ${String(error)}`)
        }
      }),
    )
    return done
  }

  /** Of all that answer. */
  async function gather<T>(ask: (member: Member) => Promise<T>): Promise<readonly T[]> {
    const ready = crew.members().filter((member) => member.ready)
    const answers = await Promise.allSettled(ready.map(ask))
    return answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  }

  const alone = createOperate({
    version: version(),
    startedAt: now(),
    listen: () => (place === undefined ? 'nowhere' : placeIn(place)),
    state: () => keeper.current,
    lastReload: () => keeper.lastReload,
    reload,
    sessions: () => [],
    connections: () => 0,
    denials: createDenials(now),
    engine,
    nameOf: async () => null,
    temporaryGrants: () => [],
    now,
  })
  const persons = async (): Promise<readonly PersonsSession[]> =>
    (await gather(({ channel }) => channel.ask('sessions', null, answerMs))).flat()
  const operate: Operate = {
    async status() {
      const loads = await gather(async (member) => {
        return { member, load: await member.channel.ask('load', null, answerMs) }
      })
      const sum = (of: (load: Load) => number): number =>
        loads.reduce((total, { load }) => total + of(load), 0)
      return {
        ...(await alone.status()),
        connections: sum(({ connections }) => connections),
        sessions: {
          underWay: sum(({ underWay }) => underWay),
          streams: sum(({ streams: live }) => live),
        },
        denials: {
          total: sum(({ denials }) => denials.total),
          most: mostFrequent(loads.flatMap(({ load }) => load.denials.most)),
        },
        // Each looks at the same folder.
        temporaryGrants: loads[0]?.load.temporaryGrants ?? [],
        workers: loads.map(({ member: { slot, pid, since }, load }) => {
          return { slot, pid, since, connections: load.connections, streams: load.streams }
        }),
      }
    },
    sessions: async (sees) =>
      (await persons()).filter(({ principal }) => sees(principal)).map(({ row }) => row),
    end: async (selector, why) =>
      (await gather(({ channel }) => channel.ask('end', { selector, why }, answerMs))).flat(),
    reload,
  }

  async function metricsText(): Promise<string> {
    await gather(async (member) =>
      added.said(member, await member.channel.ask('metrics', null, answerMs)),
    )
    added.said(keeper, await metrics.json())
    return added.text()
  }

  /** All must say the same. When all have died the port is let go of, and must not become another one. */
  function whereToListen(): Settings['listen'] {
    const isHeld = crew.members().some((member) => member.ready)
    if (place !== undefined && !isHeld) asked = { ...settings.listen, port: place.port }
    return asked
  }

  const crew: Crew = createCrew({
    count: settings.workers,
    log,
    now,
    answers: (member) => ({
      hello: () => ({
        slot: member().slot,
        count: settings.workers,
        state: texts(),
        place: options.listening ?? whereToListen(),
        lost: streams.lost(member().slot),
      }),
      ready: (where) => {
        if (place === undefined) audit.open()
        place ??= where
        streams.told(member().slot)
        record.note('worker', { slot: member().slot, pid: member().pid, did: 'started' })
        return null
      },
      take: ({ of, names }) => lender.lend(member(), turns[of](names)),
      claim: ({ names, by }) => lender.lend(member(), claims(names, by)),
      stream: (stream) => {
        const counted = countStream(stream)
        return typeof counted === 'string' ? counted : lender.hold(member(), counted)
      },
      more: (want) => sparing.gather(want, member(), crew.members()),
      give: (number) => {
        lender.give(member(), number)
        return null
      },
      began: (stream) => {
        streams.began(member(), stream)
        return null
      },
      over: (id) => {
        streams.over(member(), id)
        return null
      },
      resized: (resize) => {
        const others = crew.members().filter((one) => one !== member())
        for (const { channel } of others) channel.tell('resize', resize)
        return null
      },
      chain: (position) => {
        chains.set(chainName(chainPath(settings.audit.path, member().slot)), position)
        isToldChains = false
        return null
      },
      written: (lines) => {
        sink?.take(lines, member().pid)
        return null
      },
      status: () => operate.status(),
      sessions: () => persons(),
      end: ({ selector, why }) => operate.end(selector, why),
      reload: (why) => reload(why),
      metrics: () => metricsText(),
    }),
    died: (member, how) => {
      const lost = streams.died(member, member.slot)
      record.note('worker', { slot: member.slot, pid: member.pid, did: 'died', ...how, lost })
      if (options.listening === undefined || crew.members().length > 0) return
      log.fatal('no worker is left, and the socket that was handed over went with the last')
      audit.close()
      process.exit(1)
    },
    gone: (member) => {
      lender.giveAll(member)
      sparing.even(crew.members())
      void added.gone(member)
    },
  })

  /** A chain that is taken away whole is missed: this one says how far it had come. */
  function tellChains(): void {
    if (isToldChains) return
    isToldChains = true
    record.note('chains', { chains: Object.fromEntries(chains) })
  }

  tellReload(log, keeper.lastReload)
  reminding.remind()
  watch.start(() => {
    reload('a file changed').catch((error: unknown) => log.error({ err: error }, 'unexpected'))
  })
  await crew.started()
  if (place === undefined) throw new Error('INVARIANT: who serves has said where')
  const telling = setInterval(tellChains, chainsEveryMs).unref()
  const grants = async (): Promise<readonly GrantRow[]> => (await operate.status()).temporaryGrants
  const endGrant = createEndGrant({ folder: settings.grantsPath, grants, audit: record, now })
  const parts = { ...operate, endGrant }
  const control = await openControlIfPossible(settings.controlPath, parts, log)

  return {
    ...place,
    operate,
    async close() {
      watch.close()
      reminding.close()
      control?.close()
      await crew.stop(keeper.current.settings.graceMs)
      clearInterval(telling)
      tellChains()
      engine.close()
      audit.close()
      await sink?.close(sinkLastMs)
    },
  }
}

function placeIn({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
