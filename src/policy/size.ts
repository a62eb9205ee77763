// Sizes as people and tmpfs write them: `512m`, `2GiB`, `67108864`. A unit is a power of 1024, as the
// docker CLI reads it. Pure.

const powers = 'bkmgtp'

/** Bytes, or undefined for what is no size. */
export function parseSize(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)\s?(?:([kmgtp])(?:i?b)?|b)?$/i.exec(text)
  if (found === null) return undefined
  const [, amount = '', unit = 'b'] = found
  const bytes = Number(amount) * 1024 ** powers.indexOf(unit.toLowerCase())
  return Number.isSafeInteger(Math.floor(bytes)) ? Math.floor(bytes) : undefined
}
