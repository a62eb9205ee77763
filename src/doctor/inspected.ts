// Reading what the engine answered, whose shape differs from version to version: what is not there, or
// of another kind, is empty. Pure.

export type Inspected = Readonly<Record<string, unknown>>

export function at(value: unknown, ...keys: readonly string[]): unknown {
  let found = value
  for (const key of keys) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Inspected)[key]
  }
  return found
}

export function text(value: unknown, ...keys: readonly string[]): string {
  const found = at(value, ...keys)
  return typeof found === 'string' ? found : ''
}

export function number(value: unknown, ...keys: readonly string[]): number {
  const found = at(value, ...keys)
  return typeof found === 'number' ? found : 0
}

export function list(value: unknown, ...keys: readonly string[]): readonly unknown[] {
  const found = at(value, ...keys)
  return Array.isArray(found) ? found : []
}

export function words(value: unknown, ...keys: readonly string[]): readonly string[] {
  return list(value, ...keys).filter((word) => typeof word === 'string')
}

export function entries(
  value: unknown,
  ...keys: readonly string[]
): readonly (readonly [string, unknown])[] {
  const found = at(value, ...keys)
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? Object.entries(found)
    : []
}
