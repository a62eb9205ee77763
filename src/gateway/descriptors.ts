// Where no file descriptor is free, the operating system takes connections and closes them at once, and no
// event tells of it: so one is asked for now and then. Nothing has to be done when some are free again.
import { closeSync, openSync } from 'node:fs'
import type { Logger } from 'pino'

export interface Descriptors {
  readonly areOut: boolean
  close(): void
}

const lookMs = 500

export function watchDescriptors(log: Logger): Descriptors {
  let areOut = false
  const timer = setInterval(() => {
    const outNow = !isOneFree()
    if (outNow === areOut) return
    areOut = outNow
    if (areOut) log.error('no file descriptor is free, so nobody new is served; hint: LimitNOFILE')
    else log.warn('file descriptors are free again')
  }, lookMs).unref()
  return {
    get areOut() {
      return areOut
    },
    close: () => clearInterval(timer),
  }
}

function isOneFree(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'))
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code !== 'EMFILE' && code !== 'ENFILE'
  }
}
