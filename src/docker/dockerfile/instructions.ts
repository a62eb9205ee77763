// The instructions that name images and labels, and the global ARGs that FROM is expanded with. Each
// gives what it found, or a sentence that says what is wrong. Pure.
import { expandWord, splitWords } from './words.ts'

/** What a stage is built upon, or files are copied from. */
export type Source =
  | { readonly is: 'scratch' }
  /** A stage's name, in lower case, or its position. */
  | { readonly is: 'stage'; readonly name: string }
  | { readonly is: 'image'; readonly name: string }

interface Sourced {
  readonly head: string
  readonly source: Source
  readonly tail: string
}

export interface Scope {
  /** The stages that can be named, by position. */
  readonly stages: readonly string[]
  /** Of the global ARGs. */
  readonly values: ReadonlyMap<string, string>
  readonly escape: string
}

export function readFrom(rest: string, scope: Scope): Sourced | string {
  const options = readOptions(rest, new Set(['platform']))
  if (typeof options === 'string') return options
  const [base = '', as, stage, ...more] = options.rest.split(/[\t ]+/)
  if (more.length > 0 || base === '' || (as !== undefined && as.toLowerCase() !== 'as')) {
    return 'FROM takes an image, and perhaps AS with a name'
  }
  if (as !== undefined && !/^[A-Za-z][A-Za-z0-9_.-]*$/.test(stage ?? '')) {
    return 'the name of the stage is no name'
  }
  // As which images are written here.
  if (/^[0-9a-f]{64}$/i.test(stage ?? '')) return 'the name of the stage is an id'
  const name = expandWord(base, scope.values, scope.escape)
  if (name === undefined || name === '') {
    return `it is not clear what ${JSON.stringify(base)} stands for`
  }
  const head = ['FROM', ...options.written].join(' ')
  const tail = stage === undefined ? '' : ` AS ${stage.toLowerCase()}`
  const lower = name.toLowerCase()
  if (scope.stages.includes(lower)) return { head, source: { is: 'stage', name: lower }, tail }
  if (name === 'scratch') return { head, source: { is: 'scratch' }, tail }
  return { head, source: { is: 'image', name }, tail }
}

export function readCopy(
  rest: string,
  stages: readonly string[],
): (Omit<Sourced, 'source'> & { readonly source: Source | undefined }) | string {
  const options = readOptions(rest, new Set(['from', 'chown', 'chmod']))
  if (typeof options === 'string') return options
  const from = options.values.get('from')
  const others = options.written.filter((option) => !option.startsWith('--from='))
  const head = ['COPY', ...others].join(' ')
  const tail = ` ${options.rest}`
  if (from === undefined) return { head, source: undefined, tail }
  if (!/^[A-Za-z0-9_./:@+-]+$/.test(from)) return '--from takes no variables, quotes or escapes'
  const lower = from.toLowerCase()
  if (stages.includes(lower)) return { head, source: { is: 'stage', name: lower }, tail }
  // As Go's ParseInt reads it.
  if (/^[+-]?\d+$/.test(from)) {
    const index = Number(from)
    if (index < 0 || index >= stages.length) return `there is no stage ${from} before it`
    return { head, source: { is: 'stage', name: String(index) }, tail }
  }
  return { head, source: { is: 'image', name: from }, tail }
}

interface Options {
  readonly values: ReadonlyMap<string, string>
  readonly written: readonly string[]
  readonly rest: string
}

/** `--name=value` before all else. The classic builder knows these and no others. */
export function readOptions(text: string, names: ReadonlySet<string>): Options | string {
  const values = new Map<string, string>()
  const written: string[] = []
  let rest = text
  while (rest.startsWith('--')) {
    const [option = '', name = '', value = ''] =
      /^--([a-z]+)=([^\t "'\\`]*)(?=[\t ])/.exec(rest) ?? []
    if (!names.has(name)) {
      const shown = JSON.stringify(rest.split(/[\t ]/, 1).join('').slice(0, 40))
      return `the classic builder has no option ${shown} here, or not in this spelling`
    }
    if (values.has(name)) return `--${name} stands there twice`
    values.set(name, value)
    written.push(option)
    rest = rest.slice(option.length).replace(/^[\t ]+/, '')
  }
  return { values, written, rest }
}

/** The names of the labels that are set. */
export function readLabels(rest: string, escape: string): readonly string[] | string {
  if (rest.startsWith('--')) return 'LABEL has no options'
  const words = splitWords(rest, escape)
  const [first = ''] = words
  // The old form: a name, and the rest is its value.
  const keys = first.includes('=') ? words.map((word) => word.split('=', 1).join('')) : [first]
  if (keys.some((key) => key.includes('$'))) return 'the name of a label holds a variable'
  return keys.map((key) => key.replaceAll(/["'\\`]/g, ''))
}

/** Adds what an ARG before the first FROM declares to `values`. */
export function readMetaArg(
  rest: string,
  escape: string,
  values: Map<string, string>,
  buildArgs: ReadonlyMap<string, string>,
): string | undefined {
  if (rest.startsWith('--')) return 'ARG has no options'
  for (const word of splitWords(rest, escape)) {
    const at = word.indexOf('=')
    const name = at === -1 ? word : word.slice(0, at)
    const fallback = at === -1 ? undefined : expandWord(word.slice(at + 1), values, escape)
    const value = buildArgs.get(name) ?? fallback
    if (at !== -1 && value === undefined) return `it is not clear what ${name} stands for`
    if (value === undefined) values.delete(name)
    else values.set(name, value)
  }
  return undefined
}
