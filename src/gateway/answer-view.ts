// Applies a view to the engine's answer: what is not theirs is left out and what is hidden is masked,
// unit by unit, so that a stream stays one. No byte goes out that has not been judged.
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { editJson, parseBytes } from '../docker/json-edit.ts'
import { createUnits, type ByteText } from '../docker/json-units.ts'
import { failure, GatewayError } from '../errors.ts'
import { filterAnswer, needs, sees } from '../policy/filter-answer.ts'
import { createMask } from '../policy/mask.ts'
import type { View } from '../policy/view.ts'
import type { EventsOfTheirs } from './answer-events.ts'
import { lookUpTheirs } from './answer-theirs.ts'
import type { Engine } from './engine.ts'

/** The most that one element of a list, one event, or an answer that is no list may take. */
const maxUnitBytes = 16 * 1024 * 1024

export interface ViewParts {
  readonly engine: Engine
  /** Tells events that are theirs from others. */
  readonly events: EventsOfTheirs
}

/** Longer ones go out as they are made, and their length is not known before. */
const maxWholeBytes = 64 * 1024

/** The answer as they see it: whole, or as a stream that breaks where the answer cannot be read. */
export async function viewAnswer(
  parts: ViewParts,
  view: View,
  answer: IncomingMessage,
): Promise<Readable | Buffer> {
  const seen = readAnswer(parts, view, answer)
  if (view.operation.endpoint.streams) return Readable.from(seen, { objectMode: false })
  const first: Buffer[] = []
  for (let bytes = 0; bytes <= maxWholeBytes;) {
    const { done, value } = await seen.next()
    if (done === true) return Buffer.concat(first)
    first.push(value)
    bytes += value.length
  }
  return Readable.from(joined(first, seen), { objectMode: false })
}

async function* joined(first: readonly Buffer[], rest: AsyncIterable<Buffer>) {
  yield* first
  yield* rest
}

async function* readAnswer(
  parts: ViewParts,
  view: View,
  answer: IncomingMessage,
): AsyncGenerator<Buffer, void, undefined> {
  const coding = answer.headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') throw unreadable(`it is coded as ${coding}`)
  const units = createUnits(maxUnitBytes, () => new GatewayError(failure('answer-too-large')))
  const show = await createShow(parts, view)
  const write = createWriter(show)
  for await (const chunk of answer) {
    const text = await write(readable(() => units.feed(chunk as Buffer)))
    if (text !== '') yield Buffer.from(text, 'latin1')
  }
  const rest = await write(readable(() => units.end()))
  if (rest !== '') yield Buffer.from(rest, 'latin1')
}

/** What is seen of a unit, or undefined where it is not theirs. */
type Show = (unit: ByteText) => Promise<ByteText | undefined>

async function createShow({ engine, events }: ViewParts, view: View): Promise<Show> {
  const { operation, reach, hide } = view
  const endpoint = operation.endpoint.id
  const ofEvents =
    reach !== undefined && endpoint === 'SystemEvents'
      ? await events.open(reach, operation)
      : undefined
  const theirs = reach === undefined ? undefined : lookUpTheirs(engine, reach)

  return async (unit) => {
    let seen = unit
    if (ofEvents !== undefined) {
      if (!(await ofEvents(readable(() => parseBytes(unit))))) return undefined
    } else if (reach !== undefined && theirs !== undefined) {
      if (!readable(() => sees(endpoint, reach, parseBytes(unit)))) return undefined
      const known = await theirs(readable(() => needs(endpoint, unit)))
      seen = readable(() => filterAnswer(endpoint, reach, known, unit))
    }
    if (hide === undefined) return seen
    return readable(() => editJson(seen, createMask(hide, operation, seen)))
  }
}

/** Puts pieces together again: with a unit goes the separator that it would leave behind. */
function createWriter(
  show: Show,
): (pieces: ReturnType<ReturnType<typeof createUnits>['feed']>) => Promise<ByteText> {
  let anyShown = false
  let lastShown = true
  return async (pieces) => {
    let text = ''
    for (const piece of pieces) {
      if (piece.kind === 'frame') {
        if (!piece.after || lastShown) text += piece.text
        continue
      }
      const shown = await show(piece.text)
      lastShown = shown !== undefined
      if (shown === undefined) continue
      text += (anyShown ? piece.before : piece.before.replace(',', '')) + shown
      anyShown = true
    }
    return text
  }
}

function readable<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw unreadable(error instanceof Error ? error.message : String(error))
  }
}

function unreadable(detail: string): GatewayError {
  return new GatewayError(failure('answer-unreadable', undefined, detail))
}
