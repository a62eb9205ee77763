// A second copy of the audit, for collectors. The file is the truth: nothing waits for the sink. What it
// does not take is kept up to a bound, then dropped and counted; when it is lost, it is sought again,
// less and less often.
import { mostAtOnce, openWay, type SinkTarget, type Told, type Way } from './ways.ts'

export interface Sink {
  /** Lines as they were written by the process `pid`. Never throws, never waits. */
  take(lines: readonly string[], pid: number): void
  /** Gives what is left a moment, where it is taken. */
  close(withinMs: number): Promise<void>
}

export interface SinkOptions {
  readonly target: SinkTarget
  readonly dropped: (count: number) => void
  /** Told once, when it begins. */
  readonly failing: (why: string) => void
  /** With how many were dropped meanwhile. */
  readonly recovered: (dropped: number) => void
  /** So many were still to be taken when it was closed. */
  readonly left: (count: number) => void
}

/** Of lines that wait. */
export const mostWaitingBytes = 8 * 1024 * 1024
const batchBytes = 64 * 1024
/** What has taken nothing for so long is gone, whatever its connection says. */
const stallMs = 30_000
/** What was there for a shorter time is not back yet. */
const steadyMs = 1_000
const firstDelayMs = 100
const longestDelayMs = 30_000

export function createSink(options: SinkOptions): Sink {
  const { target, dropped, failing, recovered } = options
  const queue: Told[] = []
  let waitingBytes = 0
  let way: Way | undefined
  let isOpen = false
  let isSteady = false
  let sending = 0
  let delayMs = firstDelayMs
  let again: NodeJS.Timeout | undefined
  let steady: NodeJS.Timeout | undefined
  let stalled: NodeJS.Timeout | undefined
  /** How many were dropped since it began. */
  let trouble: { dropped: number } | undefined
  let isClosed = false
  let settled = (): void => undefined

  function suffer(why: string): { dropped: number } {
    if (trouble === undefined) {
      trouble = { dropped: 0 }
      failing(why)
    }
    return trouble
  }

  function drop(count: number, why: string): void {
    suffer(why).dropped += count
    dropped(count)
  }

  function open(): void {
    again = undefined
    isSteady = false
    const own: Way = openWay(target, {
      opened() {
        if (way !== own || isClosed) return
        isOpen = true
        // A datagram is sent wherever nobody listens, until an answer to one says so.
        if (target.kind !== 'udp') trust()
        pump()
      },
      lost: (why) => lose(own, why),
    })
    way = own
  }

  /** From now on, if nothing happens to it for a while. */
  function trust(): void {
    steady ??= setTimeout(() => {
      isSteady = true
      delayMs = firstDelayMs
      settle()
    }, steadyMs).unref()
  }

  function lose(lost: Way, why: string): void {
    if (way !== lost || isClosed) return
    lost.close()
    clearTimeout(steady)
    clearTimeout(stalled)
    steady = undefined
    way = undefined
    isOpen = false
    // What it had not taken is sent again.
    sending = 0
    suffer(why)
    again = setTimeout(open, delayMs).unref()
    delayMs = Math.min(longestDelayMs, 2 * delayMs)
    settled()
  }

  function pump(): void {
    const own = way
    if (own === undefined || !isOpen || sending > 0 || queue.length === 0) return
    let bytes = 0
    const most = Math.min(queue.length, mostAtOnce(target))
    while (sending < most && bytes < batchBytes) bytes += sizeOf(queue[sending++])
    if (target.kind !== 'stdout') {
      stalled = setTimeout(() => lose(own, `it takes nothing for ${stallMs / 1_000} s`), stallMs)
      stalled.unref()
    }
    own.send(queue.slice(0, sending), (isSent) => {
      if (way !== own || sending === 0) return
      clearTimeout(stalled)
      if (isSent) trust()
      else drop(sending, 'a record is too long for a datagram')
      queue.splice(0, sending)
      waitingBytes -= bytes
      sending = 0
      pump()
      settle()
    })
  }

  function settle(): void {
    if (queue.length > 0) return
    settled()
    if (trouble === undefined || !isSteady) return
    recovered(trouble.dropped)
    trouble = undefined
  }

  return {
    take(lines, pid) {
      let over = 0
      for (const line of lines) {
        const told = { line, pid }
        if (isClosed || waitingBytes + sizeOf(told) > mostWaitingBytes) over++
        else {
          queue.push(told)
          waitingBytes += sizeOf(told)
        }
      }
      if (over > 0) drop(over, 'it does not take what is recorded')
      // Not before there is something: a gateway that cannot start bothers nobody.
      if (way === undefined && again === undefined && !isClosed) open()
      pump()
    },
    async close(withinMs) {
      const isReachable = trouble === undefined || isOpen
      if (queue.length > 0 && isReachable) {
        await new Promise<void>((resolve) => {
          const late = setTimeout(resolve, withinMs)
          settled = () => {
            clearTimeout(late)
            resolve()
          }
        })
      }
      isClosed = true
      for (const timer of [again, steady, stalled]) clearTimeout(timer)
      way?.close()
      if (queue.length > 0) options.left(queue.length)
    },
  }
}

function sizeOf(told: Told | undefined): number {
  // An upper bound for what it takes beside its text.
  return (told?.line.length ?? 0) + 100
}
