// What ADD takes in. The engine fetches whatever turns out to be a URL once variables, quotes and
// escapes are gone; a path that begins with a dot never does. Pure.
import { readOptions } from './instructions.ts'

export interface Added {
  readonly urls: readonly string[]
  /** The line in which no source can turn into a URL; undefined where it stays as it stands. */
  readonly text: string | undefined
}

export function readAdd(rest: string, remote: boolean): Added | string {
  const options = readOptions(rest, new Set(['chown', 'chmod']))
  if (typeof options === 'string') return options
  const isJson = options.rest.startsWith('[')
  const words = isJson ? readJsonWords(options.rest) : options.rest.split(/[\t ]+/)
  if (words === undefined || words.length < 2) {
    return 'ADD takes a source and a destination, as words or as a JSON array of strings'
  }
  const sources = words.slice(0, -1)
  const urls = remote ? [] : sources.filter((source) => isUrl(source.replaceAll(/["'\\`]/g, '')))
  const safe = sources.map((source) => (remote ? source : asPath(source)))
  if (safe.every((source, index) => source === sources[index])) return { urls, text: undefined }
  const all = [...safe, ...words.slice(-1)]
  const written = isJson ? JSON.stringify(all) : all.join(' ')
  return { urls, text: ['ADD', ...options.written, written].join(' ') }
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

function asPath(source: string): string {
  return !/["'\\`$]/.test(source) || /^\.{0,2}\//.test(source) ? source : `./${source}`
}

/**
 * The engine takes the first JSON value and leaves what follows; and what is no JSON it splits at
 * blanks: neither passes.
 */
function readJsonWords(text: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  } catch {
    // It is none.
  }
  return undefined
}
