// Words of a Dockerfile's line, as the classic builder splits and expands them (buildkit's
// line_parsers.go and shell/lex.go). Pure.

/** unicode.IsSpace. */
const space = /[\t-\r \u0085\p{Z}]/u

export function isSpace(char: string): boolean {
  return space.test(char)
}

export function trimStart(text: string): string {
  let at = 0
  while (at < text.length && isSpace(text[at] ?? '')) at++
  return text.slice(at)
}

export function trimSpace(text: string): string {
  let end = text.length
  while (end > 0 && isSpace(text[end - 1] ?? '')) end--
  return trimStart(text.slice(0, end))
}

/** Words with their quotes and escapes still in them. */
export function splitWords(text: string, escape: string): readonly string[] {
  const words: string[] = []
  let word = ''
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (quote === '' && isSpace(char)) {
      if (word !== '') words.push(word)
      word = ''
      continue
    }
    word += char
    if (char === escape && quote !== "'") word += text[++at] ?? ''
    else if (quote === '' && (char === '"' || char === "'")) quote = char
    else if (char === quote) quote = ''
  }
  if (word !== '') words.push(word)
  return words
}

/** Variables within variables could double with each line. */
const maxWordLength = 65_000

/** The word as the builder's shell makes it, or undefined where that is not sure. */
export function expandWord(
  word: string,
  values: ReadonlyMap<string, string>,
  escape: string,
): string | undefined {
  const lexer = { text: word, at: 0, values, escape, depth: 0 }
  const expanded = expand(lexer, '')
  return lexer.at === word.length ? expanded : undefined
}

interface Lexer {
  readonly text: string
  at: number
  readonly values: ReadonlyMap<string, string>
  readonly escape: string
  depth: number
}

function expand(lexer: Lexer, until: string): string | undefined {
  let out = ''
  let quoted = false
  while (lexer.at < lexer.text.length) {
    const char = lexer.text[lexer.at] ?? ''
    if (char === until && !quoted) return out
    lexer.at++
    if (char === '"') quoted = !quoted
    else if (char === "'" && !quoted) {
      const end = lexer.text.indexOf("'", lexer.at)
      if (end === -1) return undefined
      out += lexer.text.slice(lexer.at, end)
      lexer.at = end + 1
    } else if (char === lexer.escape) {
      const next = lexer.text[lexer.at++] ?? ''
      const special = next === '"' || next === '$' || next === lexer.escape
      out += quoted && !special ? char + next : next
    } else if (char === '$') {
      const value = dollar(lexer)
      if (value === undefined) return undefined
      out += value
    } else out += char
    if (out.length > maxWordLength) return undefined
  }
  return quoted || until !== '' ? undefined : out
}

const deepest = 16

function dollar(lexer: Lexer): string | undefined {
  const rest = lexer.text.slice(lexer.at)
  const [plain] = /^[A-Za-z_][A-Za-z0-9_]*/.exec(rest) ?? []
  if (plain !== undefined) {
    lexer.at += plain.length
    return lexer.values.get(plain) ?? ''
  }
  const [braced, name = '', then] =
    /^\{([A-Za-z_][A-Za-z0-9_]*)(\}|:?[-+])/.exec(rest) ?? ([] as string[])
  if (braced === undefined || lexer.depth >= deepest) return undefined
  lexer.at += braced.length
  const value = lexer.values.get(name)
  if (then === '}') return value ?? ''
  lexer.depth++
  const other = expand(lexer, '}')
  lexer.depth--
  if (other === undefined || lexer.text[lexer.at++] !== '}') return undefined
  const isSet = then?.startsWith(':') === true ? (value ?? '') !== '' : value !== undefined
  if (then?.endsWith('+') === true) return isSet ? other : ''
  return isSet ? value : other
}
