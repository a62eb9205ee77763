// The settings of other filters in front of a Docker socket, read as permissions. What they allow and
// no permission expresses is told, never rounded up. Pure.
import { catalog } from '../docker/catalog.ts'
import type { Endpoint } from '../docker/operation.ts'
import { openToAll } from './authorize.ts'

export interface Imported {
  readonly allow: readonly string[]
  /** Sentences: what of the settings is not in `allow`, and why. */
  readonly notCarried: readonly string[]
}

export const sources = ['tecnativa', 'docker-proxy-acl', 'wollomatic'] as const
export type Source = (typeof sources)[number]

export function importRole(source: Source, settings: readonly string[]): Imported {
  switch (source) {
    case 'tecnativa':
      return fromTecnativa(settings)
    case 'docker-proxy-acl':
      return fromProxyAcl(settings)
    case 'wollomatic':
      return fromWollomatic(settings)
  }
}

/** Sections of Tecnativa/docker-socket-proxy by the path that each opens. */
const sections: ReadonlyMap<string, string> = new Map([
  ['AUTH', '/auth'],
  ['BUILD', '/build'],
  ['COMMIT', '/commit'],
  ['CONFIGS', '/configs'],
  ['CONTAINERS', '/containers'],
  ['DISTRIBUTION', '/distribution'],
  ['EVENTS', '/events'],
  ['EXEC', '/exec'],
  ['GRPC', '/grpc'],
  ['IMAGES', '/images'],
  ['INFO', '/info'],
  ['NETWORKS', '/networks'],
  ['NODES', '/nodes'],
  ['PING', '/_ping'],
  ['PLUGINS', '/plugins'],
  ['SECRETS', '/secrets'],
  ['SERVICES', '/services'],
  ['SESSION', '/session'],
  ['SWARM', '/swarm'],
  ['SYSTEM', '/system'],
  ['TASKS', '/tasks'],
  ['VERSION', '/version'],
  ['VOLUMES', '/volumes'],
])
const onUnlessSaid = new Map([
  ['EVENTS', '1'],
  ['PING', '1'],
  ['VERSION', '1'],
])
/** They open single calls whatever POST says. */
const exceptions: ReadonlyMap<string, readonly string[]> = new Map([
  ['ALLOW_START', ['start']],
  ['ALLOW_STOP', ['stop']],
  ['ALLOW_RESTARTS', ['stop', 'restart', 'kill']],
])
const yes = /^(1|true|yes|on)$/i

function fromTecnativa(settings: readonly string[]): Imported {
  const notCarried: string[] = []
  const said = new Map(onUnlessSaid)
  for (const setting of settings) {
    const [name = '', value = ''] = setting.split(/=(.*)/s)
    if (sections.has(name) || exceptions.has(name) || name === 'POST') said.set(name, value)
    else notCarried.push(`${setting}: says nothing about rights, or is not known here`)
  }
  const isOn = (name: string): boolean => yes.test(said.get(name) ?? '')
  const opened = [...sections].filter(([name]) => isOn(name)).map(([, path]) => path)
  const single = [...exceptions].filter(([name]) => isOn(name)).flatMap(([, verbs]) => verbs)
  return carried((endpoint) => {
    if (single.some((verb) => endpoint.path === `/containers/{id}/${verb}`)) return true
    if (!isOn('POST') && endpoint.method !== 'GET' && endpoint.method !== 'HEAD') return false
    // The proxy compares the beginning of the path only.
    return opened.some((path) => endpoint.path.startsWith(path))
  }, notCarried)
}

const families = new Set(['containers', 'images', 'networks', 'volumes', 'services', 'tasks', 'events', 'info', 'version', 'ping']) // prettier-ignore

function fromProxyAcl(settings: readonly string[]): Imported {
  const notCarried: string[] = []
  const named: string[] = []
  for (let index = 0; index < settings.length; index++) {
    const [, joined] = /^-a=?(.+)$/.exec(settings[index] ?? '') ?? []
    const word = settings[index] === '-a' ? settings[++index] : joined
    if (word !== undefined && families.has(word)) named.push(`/${word === 'ping' ? '_ping' : word}`)
    else notCarried.push(`${word ?? settings[index]}: not known here`)
  }
  return carried((endpoint) => {
    if (endpoint.method !== 'GET' && endpoint.method !== 'HEAD') return false
    const [, first = '', second, ...rest] = endpoint.path.split('/')
    // Lists and single things, not their logs, files or streams.
    const isLook = second === undefined || second === 'json' || endpoint.permission.endsWith('.inspect') // prettier-ignore
    return rest.length < 2 && isLook && named.includes(`/${first}`)
  }, notCarried)
}

function fromWollomatic(settings: readonly string[]): Imported {
  const notCarried: string[] = []
  const byMethod = new Map<string, RegExp[]>()
  for (const setting of settings) {
    const [, method = '', text = ''] = /^-{1,2}allow(GET|HEAD|POST|PUT|PATCH|DELETE|CONNECT|TRACE|OPTIONS)=(.*)$/s.exec(setting) ?? [] // prettier-ignore
    const pattern = patternOf(text.replace(/^'(.*)'$/s, '$1'))
    if (method === '')
      notCarried.push(`${setting}: says nothing about rights, or is not known here`) // prettier-ignore
    else if (pattern === undefined) notCarried.push(`${setting}: cannot be read as a pattern`)
    else byMethod.set(method, [...(byMethod.get(method) ?? []), pattern])
  }
  const partly: string[] = []
  const imported = carried((endpoint) => {
    const patterns = byMethod.get(endpoint.method) ?? []
    const hits = samplePaths(endpoint).map((paths) =>
      paths.some((path) => patterns.some((pattern) => pattern.test(path))),
    )
    if (hits.every(Boolean)) return true
    // Some names, not others: a role knows owners and labels, not patterns of names.
    if (hits.some(Boolean)) partly.push(`${endpoint.method} ${endpoint.path}: allowed there for some names only`) // prettier-ignore
    return false
  }, notCarried)
  return { ...imported, notCarried: [...imported.notCarried, ...partly] }
}

function patternOf(text: string): RegExp | undefined {
  try {
    // It anchors what it is given at both ends.
    return text === '' ? undefined : new RegExp(`^(?:${text})$`)
  } catch {
    return undefined
  }
}

const names = ['web', 'other-app_1', 'f'.repeat(64)]

/** For each of some names, the path with and without a version: a pattern is meant for either. */
function samplePaths(endpoint: Endpoint): readonly (readonly string[])[] {
  return names.map((name) => {
    const path = endpoint.path.replaceAll(/\{[a-z]+\}/g, name)
    return [path, `/v1.41${path}`, `/v1.51${path}`]
  })
}

/** A permission is carried over only where every call that it stands for was allowed. */
function carried(
  allowed: (endpoint: Endpoint) => boolean,
  notCarried: readonly string[],
): Imported {
  const byPermission = new Map<string, Endpoint[]>()
  for (const endpoint of catalog) {
    // The same call with another spelling.
    if (endpoint.path === '/networks/') continue
    byPermission.set(endpoint.permission, [
      ...(byPermission.get(endpoint.permission) ?? []),
      endpoint,
    ])
  }
  const allow: string[] = []
  const partly: string[] = []
  for (const [permission, calls] of byPermission) {
    if (openToAll.has(permission)) continue
    const open = calls.filter(allowed)
    if (open.length === calls.length) {
      allow.push(permission)
      if (permission === 'image.pull') partly.push('POST /images/create?fromSrc=: image.import is not given, a file from anywhere as an image') // prettier-ignore
    } else if (open.length > 0) {
      const what = open.map(({ method, path }) => `${method} ${path}`).join(', ')
      partly.push(`${what}: it needs ${permission}, which allows more`)
    }
  }
  return { allow: allow.toSorted(), notCarried: [...notCarried, ...partly] }
}
