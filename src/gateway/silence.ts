// An engine that hangs takes requests and answers none. What waits for an answer for long is no sign of
// that, since there is much that takes long: so the engine is asked whether it is there, and only where it
// does not say so either, those who wait are told. What streams already is left alone.
import type { Logger } from 'pino'
import type { Engine } from './engine.ts'
import type { Session } from './sessions.ts'

export interface SilenceParts {
  readonly sessions: () => Iterable<Session>
  readonly engine: Engine
  readonly log: Logger
  readonly now: () => number
  /** How long an answer may take before the engine is asked, and how long it may then take. */
  readonly patienceMs: () => number
}

export interface Silence {
  close(): void
}

export function createSilence(parts: SilenceParts): Silence {
  const { engine, log, now } = parts
  let asking = false

  async function look(): Promise<void> {
    const patienceMs = parts.patienceMs()
    const waits = (session: Session): boolean =>
      now() - session.since > patienceMs && session.bytes().out === 0
    if (asking || ![...parts.sessions()].some(waits)) return
    asking = true
    const startedAt = now()
    const isThere = await answers(engine, patienceMs)
    asking = false
    if (isThere) return
    // Whoever came meanwhile is judged by the next look.
    const waiting = [...parts.sessions()].filter(
      (session) => session.since < startedAt - patienceMs && session.bytes().out === 0,
    )
    if (waiting.length === 0) return
    log.error({ requests: waiting.length }, 'the engine does not answer')
    const why = `the Docker Engine at ${engine.url} does not answer, not even when asked for its version`
    for (const session of waiting) session.end(why, 'engine-silent')
  }

  let timer = setTimeout(again, parts.patienceMs() / 4).unref()
  function again(): void {
    void look().catch((error: unknown) => log.error({ err: error }, 'unexpected'))
    timer = setTimeout(again, parts.patienceMs() / 4).unref()
  }
  return { close: () => clearTimeout(timer) }
}

async function answers(engine: Engine, withinMs: number): Promise<boolean> {
  let late: NodeJS.Timeout | undefined
  const silence = new Promise<false>((resolve) => {
    late = setTimeout(() => resolve(false), withinMs)
  })
  try {
    // An error is an answer, too: who waits is told of a broken connection by itself.
    const asked = engine.ask('/version').then(
      () => true,
      () => true,
    )
    return await Promise.race([asked, silence])
  } finally {
    clearTimeout(late)
  }
}
