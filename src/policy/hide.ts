// What `hide` in a role says: kinds of values that its holders read as `***`. Pure.

export const hideKinds = ['env', 'args', 'labels', 'mounts', 'addresses', 'command'] as const
export type HideKind = (typeof hideKinds)[number]

/** What is wrong with a word of `hide`, or undefined. */
export function faultOfHide(word: string): string | undefined {
  const [kind, pattern] = split(word)
  if (!hideKinds.some((known) => known === kind)) return `unknown kind ${JSON.stringify(kind)}`
  if (pattern === undefined) return undefined
  if (kind !== 'labels') return `only labels has a pattern, ${kind} hides all of its values`
  return pattern === '' ? 'the pattern is empty' : undefined
}

export interface Hiding {
  has(kind: HideKind): boolean
  /** Whether the value of this label is hidden. */
  hidesLabel(key: string): boolean
}

export function readHide(words: readonly string[]): Hiding {
  const kinds = new Set(words.map((word) => split(word)[0] as HideKind))
  const patterns = words.flatMap((word) => {
    const [kind, pattern = '*'] = split(word)
    return kind === 'labels' ? [pattern.split('*')] : []
  })
  return {
    has: (kind) => kinds.has(kind),
    hidesLabel: (key) => patterns.some((parts) => fits(key, parts)),
  }
}

function split(word: string): readonly [string, string?] {
  const cut = word.indexOf(':')
  return cut === -1 ? [word] : [word.slice(0, cut), word.slice(cut + 1)]
}

/** `parts` is a pattern split at its stars, each of which stands for any characters. */
function fits(key: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts
  const last = rest.pop()
  if (last === undefined) return key === first
  if (!key.startsWith(first) || key.length < first.length + last.length) return false
  let at = first.length
  for (const part of rest) {
    const found = key.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return key.endsWith(last) && at <= key.length - last.length
}
