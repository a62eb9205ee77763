// What the gateway goes by, read from its files into one frozen value that is replaced whole. A file
// that cannot be used leaves the last good one in force, and is told of until it is mended.
import type { Fault } from '../config/fault.ts'
import { FaultyConfig } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import type { Policy } from '../policy/policy.ts'
import { readTrust, type Trust } from './trust.ts'

export interface State {
  /** Grows with each change. */
  readonly generation: number
  readonly settings: Settings
  readonly policy: Policy
  /** Milliseconds since the epoch. */
  readonly policySince: number
  readonly trust: Trust
}

export interface Reload {
  readonly at: number
  /** `start`, `a file changed`, `dockgate reload`. */
  readonly why: string
  readonly generation: number
  readonly changed: readonly string[]
  /** What could not be used, and so did not change. */
  readonly faults: readonly Fault[]
  /** Settings that count from the next start on. */
  readonly needsRestart: readonly string[]
}

export interface StateSources {
  /** Each reads its file, and throws FaultyConfig where it cannot be used. */
  readonly settings: () => Settings
  readonly policy: () => Policy
  readonly now: () => number
}

export interface Keeper {
  readonly current: State
  readonly lastReload: Reload
  reload(why: string): Reload
}

/** Settings that a listener, a socket or a file was opened with. */
const fixed = [
  'listen',
  'enginePath',
  'audit',
  'maxBodyBytes',
  'controlPath',
  'workers',
  'grantsPath',
  'handshakeTimeoutMs',
] as const

/** `changed` is called within `reload`, after the new state is in force. */
export function createKeeper(
  sources: StateSources,
  changed: (before: State, after: State) => void,
): Keeper {
  const settings = sources.settings()
  const { trust, faults } = readTrust(settings.certs, settings.crl, sources.now())
  const policy = sources.policy()
  if (trust === undefined) throw new FaultyConfig(faults)
  let current: State = Object.freeze({
    generation: 1,
    settings,
    policy,
    policySince: sources.now(),
    trust,
  })
  let lastReload: Reload = Object.freeze({
    at: sources.now(),
    why: 'start',
    generation: 1,
    changed: [],
    faults,
    needsRestart: [],
  })

  function reload(why: string): Reload {
    const before = current
    const at = sources.now()
    const found: Fault[] = []
    const orBefore = <T>(read: () => T, otherwise: T): T => {
      try {
        return read()
      } catch (error) {
        if (!(error instanceof FaultyConfig)) throw error
        found.push(...error.faults)
        return otherwise
      }
    }
    const asked = orBefore(sources.settings, before.settings)
    const read = orBefore(sources.policy, before.policy)
    const reading = readTrust(before.settings.certs, asked.crl, at, before.trust)
    found.push(...reading.faults)

    const next = reading.trust ?? before.trust
    const parts = [
      ...(read.digest === before.policy.digest ? [] : ['roles.yaml']),
      ...(sameText(asked, before.settings) ? [] : ['dockgate.yaml']),
      ...changesOf(before.trust, next),
    ]
    const generation = before.generation + (parts.length > 0 ? 1 : 0)
    if (parts.length > 0) {
      const samePolicy = read.digest === before.policy.digest
      current = Object.freeze({
        generation,
        settings: asked,
        policy: samePolicy ? before.policy : read,
        policySince: samePolicy ? before.policySince : at,
        trust: next,
      })
      changed(before, current)
    }
    lastReload = Object.freeze({
      at,
      why,
      generation,
      changed: parts,
      faults: found,
      needsRestart: fixed.filter((name) => !sameText(asked[name], settings[name])),
    })
    return lastReload
  }

  return {
    get current() {
      return current
    },
    get lastReload() {
      return lastReload
    },
    reload,
  }
}

function changesOf(before: Trust, after: Trust): readonly string[] {
  const { material: old } = before
  const { material } = after
  return [
    ...(old.ca === material.ca ? [] : ['ca.pem']),
    ...(before.revocations?.pem === after.revocations?.pem ? [] : ['crl.pem']),
    ...(old.cert === material.cert && old.key === material.key ? [] : ['server']),
  ]
}

function sameText(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
