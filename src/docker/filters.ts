// The `filters` parameter: a JSON object that the engine reads by two tries (moby,
// daemon/internal/filters/parse.go), first name → value → bool, then name → list of values.
// Only what both readings and every matcher understand alike passes, and it is written in one form.
import { failure, isFailure, type Failure } from '../errors.ts'
import { printable } from './printable.ts'

/** Values by filter name, in the client's order; a name may have no value. */
export type Filters = ReadonlyMap<string, readonly string[]>

/** The empty text is no filter at all, as the engine reads it. */
export function readFilters(text: string): Filters | Failure {
  const filters = new Map<string, readonly string[]>()
  if (text === '') return filters
  const scanner = new Scanner(text)
  const found = scanner.object((name) => {
    if (filters.has(name)) return refuse(`${printable(name)} stands there twice`)
    const values = scanner.values()
    if (isFailure(values)) return values
    // The two shapes cannot be mixed: then neither of the engine's readings succeeds.
    if (values.shape !== scanner.shape) return refuse('it mixes lists and objects')
    filters.set(name, [...values.values])
    return undefined
  })
  if (found !== undefined) return found
  return scanner.atEnd() ? filters : refuse('something follows after its end')
}

/** As a current client writes it: `{"label":{"a=b":true}}`. */
export function writeFilters(filters: Filters): string {
  const parts = [...filters].map(([name, values]) => {
    const marks = values.map((value) => `${JSON.stringify(value)}:true`)
    return `${JSON.stringify(name)}:{${marks.join(',')}}`
  })
  return `{${parts.join(',')}}`
}

function refuse(why: string): Failure {
  return failure(
    'bad-query',
    `the filters cannot be read: ${why}; hint: {"label":["a=b"]} is the form`,
  )
}

type Shape = 'list' | 'object'

class Scanner {
  readonly #text: string
  #at = 0
  shape: Shape | undefined

  constructor(text: string) {
    this.#text = text
  }

  /** Reads `{"name": …}`; `member` reads what follows the colon. */
  object(member: (name: string) => Failure | undefined): Failure | undefined {
    if (!this.#take('{')) return refuse('it is no JSON object')
    if (this.#take('}')) return undefined
    for (;;) {
      const name = this.#string()
      if (typeof name !== 'string') return name
      if (!this.#take(':')) return refuse(`no colon follows ${printable(name)}`)
      const failed = member(name)
      if (failed !== undefined) return failed
      if (this.#take('}')) return undefined
      if (!this.#take(',')) return refuse(`neither comma nor brace follows ${printable(name)}`)
    }
  }

  /** Reads one filter's values, a list of strings or an object of strings to `true`. */
  values(): { shape: Shape; values: ReadonlySet<string> } | Failure {
    const values = new Set<string>()
    if (this.#peek() !== '[') {
      const failed = this.object((value) => {
        if (values.has(value)) return refuse(`${printable(value)} stands there twice`)
        values.add(value)
        // A false one still filters by label, but not by name: two readings in one engine.
        if (!this.#word('true')) return refuse(`${printable(value)} is not set to true`)
        return undefined
      })
      if (failed !== undefined) return failed
      return this.#settle('object', values)
    }
    this.#take('[')
    if (this.#take(']')) return this.#settle('list', values)
    for (;;) {
      const value = this.#string()
      if (typeof value !== 'string') return value
      values.add(value)
      if (this.#take(']')) return this.#settle('list', values)
      if (!this.#take(',')) return refuse('a list of values does not end')
    }
  }

  atEnd(): boolean {
    this.#space()
    return this.#at === this.#text.length
  }

  #settle(shape: Shape, values: ReadonlySet<string>): { shape: Shape; values: typeof values } {
    this.shape ??= shape
    return { shape, values }
  }

  #string(): string | Failure {
    this.#space()
    // RFC 8259 §7
    const token = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
    token.lastIndex = this.#at
    const found = token.exec(this.#text)
    if (found === null) return refuse('where a string should be there is none')
    this.#at = token.lastIndex
    const value = String(JSON.parse(found[0]))
    // The engine replaces lone surrogates, so that two strings become one.
    return /\p{Surrogate}/u.test(value) ? refuse('a string holds half a character') : value
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false
    this.#at++
    return true
  }

  #word(word: string): boolean {
    this.#space()
    if (!this.#text.startsWith(word, this.#at)) return false
    this.#at += word.length
    return true
  }

  #peek(): string | undefined {
    this.#space()
    return this.#text[this.#at]
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }
}
