// How much of the host one container may take.
import {
  against,
  entriesOf,
  itemsOf,
  listed,
  numberOf,
  textOf,
  type Asking,
  type Predicate,
} from './predicate.ts'
import type { Json } from '../../docker/operation.ts'
import { firstValue, readInt } from '../../docker/query.ts'
import { parseSize } from '../size.ts'

export const memory: Predicate = (value, { limits }) =>
  limits.memory === undefined || isWithin(value, limits.memory)
    ? undefined
    : against('memory', value, String(limits.memory))

/** Memory and swap together; -1 is without end. */
export const memorySwap: Predicate = (value, { limits }) =>
  limits.memory === undefined || isWithin(value, limits.memory * 2)
    ? undefined
    : against('memory', value, `at most ${limits.memory * 2} with swap`)

function isWithin(value: unknown, most: number): boolean {
  return typeof value === 'number' && value >= 0 && value <= most
}

export const cpus: Predicate = (value, { limits }) =>
  limits.cpus === undefined || isWithin(value, limits.cpus * 1e9)
    ? undefined
    : against('cpus', numberOf(value) / 1e9, String(limits.cpus))

/** Microseconds a period, which is a tenth of a second where it is not said. */
export const cpuQuota: Predicate = (value, asking) => {
  const { cpus: most } = asking.limits
  if (most === undefined) return undefined
  const period = periodOf(asking) || 100_000
  return isWithin(value, most * period)
    ? undefined
    : against('cpus', `${numberOf(value)} of ${period}`, String(most))
}

/** Alone in an update it would give an older quota another meaning. */
export const cpuPeriod: Predicate = (value, { limits, operation }) =>
  limits.cpus === undefined ||
  operation.endpoint.id !== 'ContainerUpdate' ||
  numberOf(operation.body?.['CpuQuota']) !== 0
    ? undefined
    : against('cpus', value, '--cpu-period only with --cpu-quota')

function periodOf({ operation }: Asking): number {
  const { body, target } = operation
  // What is no decimal number to the engine is none here: `1e6` is its default, not a second.
  if (body === undefined) return Number(readInt(firstValue(target.query, 'cpuperiod')))
  const host = body['HostConfig'] ?? body
  return numberOf((host as Readonly<Record<string, never>>)['CpuPeriod'])
}

export const pids: Predicate = (value, { limits }) =>
  isWithin(value, limits.pids) ? undefined : against('pids', value, String(limits.pids))

export const shm: Predicate = (value, { limits }) =>
  limits.shm === undefined || isWithin(value, limits.shm)
    ? undefined
    : against('shm', value, String(limits.shm))

/** Mount options by path: the last `size=` counts, in bytes, with a unit, or in percent of the host. */
export const tmpfs: Predicate = (value, { limits }) => {
  const { tmpfs: most } = limits
  if (most === undefined) return undefined
  for (const [path, options] of entriesOf(value)) {
    const sizes = tmpfsSizes(textOf(options))
    // To the kernel 0 is without end.
    const refused = sizes.find((size) => !parseSize(size) || !isWithin(parseSize(size), most))
    if (refused !== undefined) return against('tmpfs', `${path} size=${refused}`, String(most))
  }
  return undefined
}

export function tmpfsSizes(options: string): readonly string[] {
  const words = options.split(',')
  // Blocks of a page are another word for a size.
  return words.flatMap((word) =>
    word.startsWith('size=') ? [word.slice(5)] : word.startsWith('nr_blocks') ? [word] : [],
  )
}

export const ulimits: Predicate = (value, { limits }) => {
  if (!Array.isArray(value)) return against('ulimits', value, 'a list')
  for (const limit of itemsOf(value)) {
    const unread = Object.keys(limit).find((key) => !['Name', 'Soft', 'Hard'].includes(key))
    if (unread !== undefined) return against('ulimits', unread, 'Name, Soft, Hard')
    const name = ulimitName(textOf(limit['Name']))
    const most = limits.ulimits.get(name)
    if (most === undefined) continue
    if (!isWithin(limit['Soft'] ?? 0, most) || !isWithin(limit['Hard'] ?? 0, most)) {
      return against('ulimits', `${name}=${numberOf(limit['Hard'])}`, `${name}=${most}`)
    }
  }
  return undefined
}

/** The ulimits that were asked for, and the most that the role may have of those that were not. */
export function withUlimits(
  asked: Json | undefined,
  limits: ReadonlyMap<string, number>,
): readonly Json[] {
  const given: readonly Json[] = Array.isArray(asked) ? asked : []
  const named = new Set(itemsOf(given).map((ulimit) => ulimitName(textOf(ulimit['Name']))))
  const missing = [...limits].filter(([name]) => !named.has(name))
  return [...given, ...missing.map(([Name, most]) => ({ Name, Soft: most, Hard: most }))]
}

/** What an engine gives that was not told otherwise; one that was may give more than the limit. */
export const usualShm = 64 * 1024 * 1024

/** Go's ToUpper makes an S of U+017F, so that `\u017ftack` is a stack. */
export function ulimitName(name: string): string {
  return name.replaceAll('\u017f', 's').toLowerCase()
}

/** The engine, when it is told to end, waits as long for each of its containers. */
const mostStopSeconds = 3600

export const stopTimeout: Predicate = (value) =>
  isWithin(value, mostStopSeconds) ? undefined : against('safe', value, `0 to ${mostStopSeconds}`)

/** In nanoseconds. */
export const stopGrace: Predicate = (value) =>
  isWithin(value, mostStopSeconds * 1e9)
    ? undefined
    : against('safe', numberOf(value) / 1e9, `0 to ${mostStopSeconds}`)

export const restart: Predicate = (value, { limits }) =>
  limits.restart.has(textOf(value))
    ? undefined
    : against('restart', value, listed(limits.restart, 'no'))

/** Swarm's words for the same: it starts a task anew unless told `none`. */
export const restartCondition: Predicate = (value, { limits }) => {
  const means = { none: 'no', any: 'always', 'on-failure': 'on-failure' }[textOf(value)]
  return means !== undefined && limits.restart.has(means)
    ? undefined
    : against('restart', value, listed(limits.restart, 'no'))
}
