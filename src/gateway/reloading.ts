// What goes with each reading of the files: which they are, what the log says of it, and what runs out.
import { join } from 'node:path'
import type { Logger } from 'pino'
import { formatFault } from '../config/fault.ts'
import type { Settings } from '../config/settings.ts'
import { remindersOf } from './reminders.ts'
import type { Reload, State } from './state.ts'

/** Every file that counts without a restart. */
export function watchedFiles({ home, certs, rolesPath }: Settings): readonly string[] {
  const names = ['ca.pem', 'crl.pem', 'server/cert.pem', 'server/key.pem']
  return [join(home, 'dockgate.yaml'), rolesPath, ...names.map((name) => join(certs, name))]
}

export function tellReload(
  log: Logger,
  { why, changed, faults, needsRestart, generation }: Reload,
): void {
  if (changed.length > 0) log.info({ why, changed, generation }, 'reloaded')
  for (const fault of faults) {
    log.error({ why }, `not reloaded, what was there before stays in force: ${formatFault(fault)}`)
  }
  if (needsRestart.length > 0) log.warn({ settings: needsRestart }, 'these need a restart')
}

/** What runs out is told of at each change of the files, and this often between. */
const remindEveryMs = 6 * 3_600_000

export interface Reminding {
  remind(): void
  close(): void
}

export function createReminding(log: Logger, state: () => State, now: () => number): Reminding {
  function remind(): void {
    const { trust, settings } = state()
    for (const reminder of remindersOf(trust, settings.remindMs, now())) log.warn(reminder)
  }
  const timer = setInterval(remind, remindEveryMs).unref()
  return { remind, close: () => clearInterval(timer) }
}
