// Tells the client of a stream why it is ended, where its protocol has room for a sentence: a last
// frame of standard error in a multiplexed stream, a line in a terminal's, an error in a progress
// report. Only at a boundary; in the middle of something the stream is just cut.

export interface LastWords {
  /** To be shown every part of the stream that goes to the client. */
  see(part: Uint8Array): void
  /** What to send last, or undefined where there is no room. */
  say(why: string): Buffer | undefined
}

/** Streams of JSON objects that the docker CLI prints, and of which `error` is one. */
const progress: ReadonlySet<string> = new Set([
  'image.build',
  'image.pull',
  'image.push',
  'image.load',
  'image.import',
  'plugin.pull',
  'plugin.push',
])
const raw = /^(container|service|task)\.(attach|logs)$|^exec\.start$/

export function lastWordsFor(permission: string): LastWords | undefined {
  if (raw.test(permission)) return ofContainer()
  return progress.has(permission) ? ofProgress() : undefined
}

const frameHeaderBytes = 8

/**
 * The engine's content types do not tell a multiplexed stream from a terminal's below API 1.42: its
 * first bytes do, since no frame begins otherwise than with its stream's number and three zeros.
 */
function ofContainer(): LastWords {
  let kind: 'unknown' | 'frames' | 'terminal' = 'unknown'
  const header = Buffer.alloc(frameHeaderBytes)
  let headerBytes = 0
  let left = 0

  function see(part: Uint8Array): void {
    for (let at = 0; at < part.length && kind !== 'terminal';) {
      if (left > 0) {
        const step = Math.min(left, part.length - at)
        left -= step
        at += step
        continue
      }
      header[headerBytes++] = part[at++] ?? 0
      if (!isBeginning(header.subarray(0, headerBytes))) kind = 'terminal'
      if (headerBytes === frameHeaderBytes) {
        left = header.readUInt32BE(4)
        headerBytes = 0
        if (kind === 'unknown') kind = 'frames'
      }
    }
  }
  return {
    see,
    say(why) {
      if (kind === 'terminal') return Buffer.from(`\r\ndockgate: ${why}\r\n`)
      // Before its first byte a stream may be either, and in a frame there is no room.
      if (kind === 'unknown' || left > 0 || headerBytes > 0) return undefined
      const text = Buffer.from(`dockgate: ${why}\n`)
      const frame = Buffer.alloc(frameHeaderBytes)
      frame[0] = 2
      frame.writeUInt32BE(text.length, 4)
      return Buffer.concat([frame, text])
    },
  }
}

function isBeginning(header: Uint8Array): boolean {
  return header.every((byte, index) => {
    if (index === 0) return byte <= 3
    return index > 3 || byte === 0
  })
}

function ofProgress(): LastWords {
  let last = 0x0a
  return {
    see: (part) => void (last = part.at(-1) ?? last),
    say(why) {
      if (last !== 0x0a) return undefined
      const message = `dockgate: ${why}`
      return Buffer.from(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`)
    },
  }
}
