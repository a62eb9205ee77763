// A number in a file of the operator's.
import type { Value } from '../config/yaml-node.ts'

/** A whole one, from one up. */
export function readNumber(value: Value | undefined, otherwise: number, most: number): number {
  const text = value?.text()
  if (value === undefined || text === undefined) return otherwise
  if (/^[1-9]\d{0,9}$/.test(text) && Number(text) <= most) return Number(text)
  value.fault(`a whole number from 1 to ${most} is needed here`)
  return otherwise
}
