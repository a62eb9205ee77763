// One signature at a time in this process, first come, first served; the lock of the store is for
// other processes and knows no order.
import { CaError } from '../ca-error.ts'

export type Queue = <T>(act: () => Promise<T>) => Promise<T>

export function createQueue(maxWaiting: number): Queue {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return async (act) => {
    if (waiting >= maxWaiting) throw new CaError('busy', 'too many are waiting, try again')
    waiting++
    const turn = last.then(act)
    last = turn.catch(() => {})
    try {
      return await turn
    } finally {
      waiting--
    }
  }
}
