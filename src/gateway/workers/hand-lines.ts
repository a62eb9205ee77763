// What a process that serves has written to its chain of the audit, handed to the one that has the second
// sink. The other may be slow: what it has not taken in is bounded here, too.
import { mostWaitingBytes } from '../../audit/sink/sink.ts'
import type { Channel } from './channel.ts'
import type { OfPrimary } from './talk.ts'

/** Never throws, never waits. */
export function createLinesHandler(
  channel: Channel<OfPrimary>,
  dropped: (count: number) => void,
): (lines: readonly string[]) => void {
  let waitingBytes = 0
  return (lines) => {
    const bytes = lines.reduce((sum, line) => sum + line.length, 0)
    if (waitingBytes + bytes > mostWaitingBytes) {
      dropped(lines.length)
      return
    }
    waitingBytes += bytes
    channel
      .ask('written', lines)
      .catch(() => dropped(lines.length))
      .finally(() => (waitingBytes -= bytes))
  }
}
