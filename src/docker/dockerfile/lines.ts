// A Dockerfile's text as logical lines, taken apart as the classic builder does (buildkit's
// dockerfile/parser): directives, comments, continuations. What builders of different age read in
// different ways is a fault. Pure.
import { trimStart, trimSpace } from './words.ts'

export interface Line {
  /** Where it begins in the file, from 1. */
  readonly number: number
  /** Continuations joined, white space around it gone. */
  readonly text: string
}

export type Escape = '\\' | '`'

export interface Lines {
  readonly escape: Escape
  readonly lines: readonly Line[]
}

/** Go's bufio.Scanner takes no longer line; continuations are joined into one here. */
const maxLineBytes = 65_000

/** The lines, or a sentence that says what is wrong. */
export function readLines(text: string): Lines | string {
  const raw = (text.startsWith('\ufeff') ? text.slice(1) : text)
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  const escape = readEscape(raw)
  if (escape.length !== 1) return escape
  const lines: Line[] = []
  for (let index = 0; index < raw.length; index++) {
    const first = trimStart(raw[index] ?? '')
    if (first === '' || first.startsWith('#')) continue
    const number = index + 1
    let [joined, goesOn] = cut(first, escape)
    while (goesOn && index + 1 < raw.length) {
      const next = raw[++index] ?? ''
      const start = trimStart(next)
      if (start === '' || start.startsWith('#')) continue
      const [more, again] = cut(next, escape)
      joined += more
      goesOn = again
    }
    const line = { number, text: trimSpace(joined) }
    if (line.text === '') continue
    const fault = faultIn(line.text, escape)
    if (fault !== undefined) return `Dockerfile line ${number}: ${fault}`
    lines.push(Object.freeze(line))
  }
  return { escape: escape as Escape, lines }
}

const directives: ReadonlySet<string> = new Set(['escape', 'syntax', 'check'])

/** The escape character, or a sentence: directives stand at the top, each once. */
function readEscape(raw: readonly string[]): string {
  let escape = '\\'
  const seen = new Set<string>()
  for (const line of raw) {
    const text = trimSpace(line)
    const found = text.length > 1000 ? null : /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/.exec(text)
    const name = found?.[1]?.toLowerCase() ?? ''
    if (!directives.has(name)) break
    if (seen.has(name)) return `Dockerfile: the directive "${name}" stands there twice`
    seen.add(name)
    if (name !== 'escape') continue
    escape = found?.[2] ?? ''
    if (escape !== '\\' && escape !== '`') return 'Dockerfile: the escape directive takes \\ or `'
  }
  return escape
}

/** The line without its continuation character, and whether it had one. */
function cut(line: string, escape: string): readonly [text: string, goesOn: boolean] {
  let end = line.length
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--
  if (end === 0 || line[end - 1] !== escape || line[end - 2] === escape) return [line, false]
  return [line.slice(0, end - 1), true]
}

function faultIn(text: string, escape: string): string | undefined {
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) return 'it holds a control character'
  if (text.includes('\ufffd')) return 'it is not UTF-8'
  // Written as one line it would go on with the next; older builders read it so anyway.
  if (text.endsWith(escape)) return 'it ends with the escape character'
  if (Buffer.byteLength(text) > maxLineBytes) return `it is longer than ${maxLineBytes} bytes`
  return undefined
}
