// The target as it may stand in a record: what the client sent, without what may be a secret.
import { isFailure } from '../errors.ts'
import { isObject, readJson } from './json.ts'
import type { Operation } from './operation.ts'
import { formatTarget } from './target.ts'

export const masked = '***'

/** Build arguments carry tokens, changes set variables, and URLs may have a password in them. */
const shortened: ReadonlyMap<string, (value: string) => string> = new Map([
  ['buildargs', namesIn],
  ['labels', namesIn],
  ['changes', (value) => `${/^\s*[A-Za-z]+(?=\s)/.exec(value)?.[0] ?? ''} ${masked}`.trim()],
  ['remote', withoutPassword],
  ['fromSrc', withoutPassword],
])

/**
 * Values of parameters that the engine does not read are masked too: dockerode repeats whole bodies
 * in the query, with their Env and with the data of secrets.
 */
export function recordTarget({ endpoint, target }: Operation): string {
  const query = target.query.map(([name, value]) => {
    const kind = Object.hasOwn(endpoint.query, name) ? endpoint.query[name] : 'ignored'
    if (value === '') return [name, value] as const
    if (kind === 'ignored') return [name, masked] as const
    return [name, shortened.get(name)?.(value) ?? value] as const
  })
  return formatTarget({ ...target, query })
}

function namesIn(value: string): string {
  const read = readJson(Buffer.from(value))
  if (isFailure(read) || !isObject(read.value)) return masked
  const names = Object.keys(read.value).map((name) => [name, masked])
  return JSON.stringify(Object.fromEntries(names))
}

/** `https://name:password@host/path?token=…`: what is before the host, and what is asked of it. */
function withoutPassword(value: string): string {
  return value.replace(/^(\w+:\/\/)?[^/@]*@/, `$1${masked}@`).replace(/\?.*$/s, `?${masked}`)
}
