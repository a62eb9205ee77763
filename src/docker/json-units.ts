// An answer of the engine cut into what can be judged alone: the elements of a list, or the values of a
// stream. Whatever bytes the answer comes in, no more is held than one unit of it. Pure.

/** Bytes as they came, one character a byte, so that what is not touched stays what it was. */
export type ByteText = string

export type Piece =
  /** One element or value; `before` separates it from the one before it. */
  | { readonly kind: 'unit'; readonly before: ByteText; readonly text: ByteText }
  /** What stands around the units: brackets and line ends. `after`: it belongs to the last unit. */
  | { readonly kind: 'frame'; readonly text: ByteText; readonly after: boolean }

export interface Units {
  feed(chunk: Buffer): readonly Piece[]
  /** Throws where the answer broke off in the middle of something. */
  end(): readonly Piece[]
}

const space = new Set([0x20, 0x0a, 0x0d, 0x09])
const [quote, backslash, comma, opening, closing] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d]
const [openBrace, closeBrace] = [0x7b, 0x7d]

/** `maxBytes`: the most that one unit may take; beyond it `feed` throws what `tooLarge` makes. */
export function createUnits(maxBytes: number, tooLarge: () => Error): Units {
  /** Between values; within a list, between its elements; in a unit; in a bare word such as `null`. */
  let state: 'top' | 'list' | 'unit' | 'word' | 'listed' = 'top'
  let inList = false
  let depth = 0
  let inString = false
  let escaped = false
  let held: string[] = []
  let heldBytes = 0
  let before = ''

  function feed(chunk: Buffer): Piece[] {
    const pieces: Piece[] = []
    /** Where what is not yet in a piece begins in this chunk. */
    let from = 0
    const take = (to: number): string => {
      const text = held.join('') + chunk.toString('latin1', from, to)
      held = []
      heldBytes = 0
      from = to
      return text
    }
    const endUnit = (to: number): void => {
      pieces.push({ kind: 'unit', before, text: take(to) })
      before = ''
      state = inList ? 'list' : 'top'
    }
    const begin = (at: number): void => {
      const gap = take(at)
      if (inList) before += gap
      else if (gap !== '') pieces.push({ kind: 'frame', text: gap, after: true })
    }
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0
      if (state === 'unit') {
        if (inString) {
          if (escaped) escaped = false
          else if (byte === backslash) escaped = true
          else if (byte === quote) inString = false
          continue
        }
        if (byte === quote) inString = true
        else if (byte === openBrace || byte === opening) depth++
        else if (byte === closeBrace || byte === closing) {
          if (depth === 0 && inList && byte === closing) {
            endUnit(at)
            at--
            continue
          }
          depth--
          if (depth < 0) throw malformed()
          // An element that is an object ends here; what follows is a separator.
          if (depth === 0) endUnit(at + 1)
        } else if (depth === 0 && byte === comma) {
          endUnit(at)
          at--
        }
        continue
      }
      if (space.has(byte)) continue
      if (state === 'list') {
        if (byte === comma) continue
        if (byte === closing) {
          inList = false
          state = 'listed'
          pieces.push({ kind: 'frame', text: before + take(at + 1), after: false })
          before = ''
          continue
        }
        begin(at)
        state = 'unit'
        depth = 0
        at--
        continue
      }
      if (state === 'top' && byte === openBrace) {
        begin(at)
        state = 'unit'
        depth = 0
        at--
      } else if (state === 'top' && byte === opening) {
        pieces.push({ kind: 'frame', text: take(at + 1), after: false })
        inList = true
        state = 'list'
      } else if (state !== 'listed') {
        state = 'word'
      } else throw malformed()
    }
    if (from < chunk.length) {
      if (state === 'top' || state === 'listed') {
        // The end of a line goes out with its line.
        pieces.push({ kind: 'frame', text: take(chunk.length), after: state === 'top' })
      } else {
        heldBytes += chunk.length - from
        if (heldBytes > maxBytes) throw tooLarge()
        held.push(chunk.toString('latin1', from, chunk.length))
      }
    }
    return pieces
  }

  function end(): Piece[] {
    const text = held.join('')
    if (state === 'word' && text.trim() === 'null') return [{ kind: 'frame', text, after: false }]
    if (state !== 'top' && state !== 'listed') throw malformed()
    return []
  }

  return { feed, end }
}

function malformed(): Error {
  return new Error('the answer is not the JSON that it should be')
}
