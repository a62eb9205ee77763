// Request ids: ULIDs, so that they sort by time and can be read out over a telephone.
import { randomFillSync } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const pool = new Uint8Array(4096)
let used = pool.length

/** 26 characters: 10 of time in milliseconds, 16 of chance (80 bits). */
export function createRequestId(now: number): string {
  if (used + 16 > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  let time = ''
  for (let rest = now, digit = 0; digit < 10; digit++) {
    time = alphabet.charAt(rest % 32) + time
    rest = Math.floor(rest / 32)
  }
  let chance = ''
  for (let index = 0; index < 16; index++) chance += alphabet.charAt((pool[used++] ?? 0) & 31)
  return time + chance
}
