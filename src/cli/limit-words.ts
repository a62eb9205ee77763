// Limits for people: those that are not the safe ones, as roles.yaml would say them.
import { safeLimits, type Limits } from '../policy/limits.ts'

/** Sets and maps as JSON has them; a compiled rule as it was written. */
export function plain(_key: string, value: unknown): unknown {
  if (value instanceof Set) return [...(value as ReadonlySet<unknown>)]
  if (value instanceof Map) return Object.fromEntries(value as ReadonlyMap<string, unknown>)
  return typeof value === 'object' && value !== null && 'text' in value ? value.text : value
}

export function limitsInWords(limits: Limits | 'none'): string {
  if (limits === 'none') return 'none'
  return limitLines(limits).map((words) => words.join(' ')).join(', ') || 'safe' // prettier-ignore
}

/** Those that are not the safe ones. */
export function limitLines(
  limits: Limits | 'none',
): readonly (readonly [limit: string, value: string])[] {
  if (limits === 'none') return []
  return Object.entries(limits).flatMap(([name, value]): [string, string][] =>
    value === safeLimits[name as keyof Limits] ? [] : [[name, limitValue(name, value)]],
  )
}

/** One limit's value for people: `docker.io/library/*, nginx:1.27`, `2 GiB`, `/srv/shared read-only`. */
export function limitValue(name: string, value: unknown): string {
  const bytes = ['memory', 'shm', 'tmpfs', 'imageSize', 'totalMemory']
  if (typeof value === 'number' && bytes.includes(name)) return sizeIn(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Set || Array.isArray(value)) {
    const items = [...(value as Iterable<unknown>)].map((item) => limitValue(name, item))
    return items.join(', ') || 'none'
  }
  if (value instanceof Map) return limitValue(name, Object.fromEntries(value as ReadonlyMap<string, unknown>)) // prettier-ignore
  if ('text' in value) return String(value.text)
  if ('source' in value) return `${String(value.source)}${'readOnly' in value && value.readOnly === true ? ' read-only' : ''}` // prettier-ignore
  return Object.entries(value)
    .flatMap(([key, item]) => (item === undefined ? [] : [`${key} ${limitValue(key, item)}`]))
    .join('; ')
}

function sizeIn(bytes: number): string {
  const power = Math.min(4, Math.floor(Math.log2(bytes) / 10))
  const [unit = 'B'] = ['B', 'KiB', 'MiB', 'GiB', 'TiB'].slice(power)
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${unit}`
}
