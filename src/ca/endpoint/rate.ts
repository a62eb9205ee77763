// How often one address may ask. Memory is bounded: who fills it with addresses only makes it forget
// others early. Pure: the clock is a parameter.
import { isIPv6 } from 'node:net'

const maxAddresses = 10_000

export interface Rate {
  /** Milliseconds to wait, or 0 when this one may pass, which is counted. */
  take(address: string, nowMs: number): number
}

/** A bucket of `perMinute` for each address, which fills evenly. */
export function createRate(perMinute: number): Rate {
  const intervalMs = 60_000 / perMinute
  // When each bucket will be full again, in the order of last use.
  const fullAt = new Map<string, number>()
  return {
    take(address, nowMs) {
      const who = networkOf(address)
      const before = Math.max(fullAt.get(who) ?? 0, nowMs)
      const waitMs = before + intervalMs - nowMs - 60_000
      if (waitMs > 0) return Math.ceil(waitMs)
      fullAt.delete(who)
      fullAt.set(who, before + intervalMs)
      const [oldest] = fullAt.keys()
      if (fullAt.size > maxAddresses && oldest !== undefined) fullAt.delete(oldest)
      return 0
    },
  }
}

/** One customer has a whole /64 of IPv6. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address
  const [head = ''] = address.split('%')
  const [left = '', right] = head.split('::')
  const groups = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const zeros = Array.from({ length: 8 - groups.length - tail.length }, () => '0')
  return [...groups, ...zeros, ...tail].slice(0, 4).join(':')
}
