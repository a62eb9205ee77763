// What one process misses of a limit, gathered from what the others can do without.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Want } from '../part.ts'
import type { Member } from './crew.ts'

export interface Sparing {
  /** Resolves to what the others give. */
  gather(want: Want, by: Member, members: readonly Member[]): Promise<number>
  /** One has died, and nobody knows what it had: all begin anew with their own part. */
  even(members: readonly Member[]): void
}

/** Nobody waits longer for one of them that is busy; what it gives later is not lost. */
const waitMs = 250

export function createSparing(): Sparing {
  let round = 0

  return {
    async gather(want, by, members) {
      const others = members.filter((member) => member.ready && member !== by)
      const asked = { ...want, amount: want.amount / others.length }
      const since = round
      let sum = 0
      let isTold = false
      const gifts = others.map(async ({ channel }) => {
        const amount = await channel.ask('spare', asked)
        // Of a round that is over: whoever gave it has it again.
        if (since !== round || amount === 0) return
        if (isTold) by.channel.tell('gift', { ...want, amount })
        else sum += amount
      })
      await Promise.race([Promise.allSettled(gifts), sleep(waitMs, undefined, { ref: false })])
      isTold = true
      return since === round ? sum : 0
    },
    even(members) {
      round++
      for (const { channel } of members) channel.tell('evened', null)
    },
  }
}
