// What would reach the engine's host: privileges, capabilities, devices, namespaces, kernel settings.
import type { HostNamespace } from '../limits.ts'
import {
  against,
  entriesOf,
  itemsOf,
  listed,
  textOf,
  wordsOf,
  type Predicate,
} from './predicate.ts'

export const privileged: Predicate = (_, { limits, operation }) => {
  const isExec = operation.endpoint.id === 'ContainerExec'
  if (isExec ? limits.exec.privileged : limits.privileged) return undefined
  return against(isExec ? 'exec.privileged' : 'privileged', true, 'false')
}

const plainModes: Readonly<Record<string, ReadonlySet<string>>> = {
  PidMode: new Set(),
  IpcMode: new Set(['private', 'shareable', 'none']),
  UTSMode: new Set(),
  UsernsMode: new Set(),
  CgroupnsMode: new Set(['private']),
}
const hostModes: Readonly<Record<string, HostNamespace>> = {
  PidMode: 'pid',
  IpcMode: 'ipc',
  UTSMode: 'uts',
  UsernsMode: 'user',
  CgroupnsMode: 'cgroup',
}

/** The engine compares these words exactly; whose container `container:` names is judged with it. */
export const namespaces: Predicate = (value, { limits }, { field }) => {
  const mode = textOf(value)
  const name = field.slice(field.lastIndexOf('.') + 1)
  if (plainModes[name]?.has(mode) === true) return undefined
  const joins = name === 'PidMode' || name === 'IpcMode'
  if (joins && mode.startsWith('container:')) return undefined
  const host = hostModes[name]
  if (mode === 'host' && host !== undefined && limits.namespaces.has(host)) return undefined
  return against('namespaces', mode, listed(limits.namespaces, "the container's own"))
}

/** As the engine reads it: any case, and Go's ToUpper makes an S of U+017F. */
function capabilityOf(word: string): string {
  const upper = word.replaceAll('\u017f', 'S').toUpperCase()
  return upper.startsWith('CAP_') ? upper.slice(4) : upper
}

export const capabilities: Predicate = (value, { limits }) => {
  const added = wordsOf(value).filter((word) => !limits.capabilities.has(capabilityOf(word)))
  return added.length === 0
    ? undefined
    : against('capabilities', listed(added), listed(limits.capabilities))
}

export const devices: Predicate = (value, { limits }) => {
  const paths = itemsOf(value).map((device) => textOf(device['PathOnHost']))
  const refused = paths.filter((path) => !limits.devices.has(path))
  return refused.length === 0
    ? undefined
    : against('devices', listed(refused), listed(limits.devices))
}

const harmless: ReadonlySet<string> = new Set([
  'no-new-privileges',
  'no-new-privileges=true',
  'no-new-privileges:true',
])

/** Options are free text with two separators, so that only whole words are compared. */
export const securityOptions: Predicate = (value, { limits }) => {
  const refused = wordsOf(value).filter(
    (option) => !harmless.has(option) && !limits.securityOptions.has(option),
  )
  return refused.length === 0
    ? undefined
    : against(
        'securityOptions',
        listed(refused),
        listed(['no-new-privileges', ...limits.securityOptions]),
      )
}

/** The services' spelling of security options. */
export const privileges: Predicate = (value) => {
  const refused = entriesOf(value).filter(
    // Unlike the option of a container, false lifts nothing here: it is what an inspect shows.
    ([name, item]) => name !== 'NoNewPrivileges' && !isUnsaid(item),
  )
  return refused.length === 0
    ? undefined
    : against('safe', listed(refused.map(([name]) => name)), 'NoNewPrivileges')
}

function isUnsaid(item: unknown): boolean {
  return item === null || (typeof item === 'object' && Object.keys(item).length === 0)
}

export const sysctls: Predicate = (value, { limits }) => {
  const refused = entriesOf(value).filter(([name]) => !limits.sysctls.has(name))
  return refused.length === 0
    ? undefined
    : against('sysctls', listed(refused.map(([name]) => name)), listed(limits.sysctls))
}

export const runtime: Predicate = (value, { limits }) =>
  limits.runtimes.has(textOf(value))
    ? undefined
    : against('runtimes', value, listed(limits.runtimes, "the engine's default"))

export const cgroupParent: Predicate = (value, { limits }) =>
  limits.cgroupParents.has(textOf(value))
    ? undefined
    : against('cgroupParents', value, listed(limits.cgroupParents, "the engine's default"))

/** Below zero, the kernel would rather end the host's own processes. */
export const oomScore: Predicate = (value) =>
  Number(value) < 0 ? against('safe', value, '0 to 1000') : undefined
