// Whether a .dockerignore names a file, as the classic builder decides it (moby's pkg/fileutils): it
// takes its Dockerfile out of the context by these rules. Without regular expressions, whose running
// time the writer of a pattern could choose. Pure.

export function ignores(ignoreFile: string, path: string): boolean {
  const parents = path.split('/').slice(0, -1)
  let ignored = false
  for (const line of ignoreFile.replace(/^\ufeff/, '').split('\n')) {
    const pattern = readPattern(line)
    if (pattern === undefined) continue
    const { parts, negative } = pattern
    const isMatch =
      matches(parts.join('/'), path) ||
      (parts.length <= parents.length &&
        matches(parts.join('/'), parents.slice(0, parts.length).join('/')))
    if (isMatch) ignored = !negative
  }
  return ignored
}

function readPattern(line: string): { parts: readonly string[]; negative: boolean } | undefined {
  if (line.startsWith('#')) return undefined
  const trimmed = line.trim()
  const negative = trimmed.startsWith('!')
  const parts = cleanPath(negative ? trimmed.slice(1).trim() : trimmed).split('/')
  return parts[0] === '' ? undefined : { parts, negative }
}

/** As Go's path.Clean makes it, from the root of the context; empty for the root itself. */
export function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** Steps through the path with every place in the pattern that could be reached. */
function matches(pattern: string, path: string): boolean {
  const tokens = tokensOf(pattern)
  let places = follow(tokens, new Set([0]))
  for (let at = 0; at < path.length; at++) {
    const next = new Set<number>()
    for (const place of places) {
      const token = tokens[place]
      if (token === undefined) continue
      const char = path[at] ?? ''
      if (token.any === 'all' || token.any === 'folders') next.add(place)
      if (token.any === 'folders' && char === '/') next.add(place + 1)
      if (token.any === 'names' && char !== '/') next.add(place)
      if (token.any === 'char' && char !== '/') next.add(place + 1)
      if (token.char === char) next.add(place + 1)
    }
    places = follow(tokens, next)
  }
  return places.has(tokens.length)
}

interface Token {
  readonly char?: string
  /** `**` at the end; `**` before more, or nothing at all; `*`; `?` */
  readonly any?: 'all' | 'maybe' | 'folders' | 'names' | 'char'
}

function tokensOf(pattern: string): readonly Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? ''
    if (char === '?') tokens.push({ any: 'char' })
    else if (char === '\\' && at + 1 < pattern.length) tokens.push({ char: pattern[++at] ?? '' })
    else if (char !== '*') tokens.push({ char })
    else if (pattern[at + 1] !== '*') tokens.push({ any: 'names' })
    else {
      at += pattern[at + 2] === '/' ? 2 : 1
      if (at + 1 === pattern.length) tokens.push({ any: 'all' })
      else tokens.push({ any: 'maybe' }, { any: 'folders' })
    }
  }
  return tokens
}

/** With what may stand for nothing passed over. */
function follow(tokens: readonly Token[], places: Set<number>): ReadonlySet<number> {
  const reached = new Set<number>()
  const todo = [...places]
  for (let place = todo.pop(); place !== undefined; place = todo.pop()) {
    if (reached.has(place)) continue
    reached.add(place)
    const any = tokens[place]?.any
    if (any === 'all' || any === 'names' || any === 'maybe') todo.push(place + 1)
    if (any === 'maybe') todo.push(place + 2)
  }
  return reached
}
