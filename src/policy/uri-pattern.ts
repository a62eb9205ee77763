// Patterns for the URI of a certificate: literal text in which `*`, standing alone between slashes,
// means one whole path segment. No regular expressions, so nothing can be anchored wrongly. Pure.

/** What is wrong with a pattern, in words for its author, or undefined. */
export function faultOfUriPattern(pattern: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(pattern)) return 'a URI starts with its scheme'
  if (!pattern.includes('*')) return undefined
  const segments = pattern.split('/')
  if (segments.some((segment) => segment.includes('*') && segment !== '*')) {
    return '"*" stands for one whole path segment, it cannot be part of one'
  }
  // scheme: / (empty) / authority / path…: who issues identities is never left open.
  if (segments[1] !== '' || segments.indexOf('*') < 3) {
    return '"*" may stand in the path only, not for the scheme or the host'
  }
  return undefined
}

export function matchesUri(pattern: string, uri: string): boolean {
  if (!pattern.includes('*')) return pattern === uri
  const wanted = pattern.split('/')
  const found = uri.split('/')
  if (wanted.length !== found.length) return false
  return wanted.every((segment, index) => {
    const piece = found[index] ?? ''
    return segment === '*' ? isPlainSegment(piece) : segment === piece
  })
}

/** Neither `a?b` nor `%2e%2e` may slip through a star as if it were one name. */
function isPlainSegment(piece: string): boolean {
  return /^[A-Za-z0-9._~!$&'()+,;=:@-]+$/.test(piece) && piece !== '.' && piece !== '..'
}

/** The literal text before the first star, by which an index can find the pattern again. */
export function literalPrefix(pattern: string): string {
  return pattern.slice(0, pattern.indexOf('*'))
}

/** Every text that could be the literal prefix of a pattern that matches `uri`. */
export function literalPrefixes(uri: string): string[] {
  const found: string[] = []
  for (let at = uri.indexOf('/'); at !== -1; at = uri.indexOf('/', at + 1)) {
    found.push(uri.slice(0, at + 1))
  }
  return found
}
