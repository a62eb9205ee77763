// Which headers go on to the engine and back: end-to-end ones, with their case and repetitions, and
// never those that belong to one connection (RFC 9110 §7.6.1).

/** Flat list `[name, value, name, value, …]`, as node:http reads and writes it. */
export type RawHeaders = readonly string[]

/** Ours to set or to leave out, whatever the client sends. */
const perConnection: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Copies what is end-to-end; what the `Connection` header names is dropped as well. */
export function endToEnd(raw: RawHeaders): string[] {
  const named = namedByConnection(raw)
  const kept: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? ''
    const lower = name.toLowerCase()
    if (!perConnection.has(lower) && !named?.has(lower)) kept.push(name, raw[index + 1] ?? '')
  }
  return kept
}

function namedByConnection(raw: RawHeaders): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (raw[index]?.toLowerCase() !== 'connection') continue
    for (const word of (raw[index + 1] ?? '').split(',')) {
      const name = word.trim().toLowerCase()
      if (name !== '' && name !== 'close' && name !== 'keep-alive' && name !== 'upgrade') {
        named ??= new Set()
        named.add(name)
      }
    }
  }
  return named
}

/** Drops the per-connection headers of an answer that node:http has already combined. */
export function withoutConnectionHeaders<T>(
  headers: Readonly<Record<string, T>>,
): Record<string, T> {
  const kept: Record<string, T> = {}
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value !== undefined && (name === 'content-length' || !perConnection.has(name))) {
      kept[name] = value
    }
  }
  return kept
}
