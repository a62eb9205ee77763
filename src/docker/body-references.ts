// The things that a judged body names, each with its place, so that its id can be put there.
import { isObject } from './json.ts'
import type { Json, JsonObject, Reference, ThingKind } from './operation.ts'

type At = readonly (string | number)[]
type Wants = Reference['wants']
type Rest = Pick<Reference, 'mayMiss'> & Partial<Pick<Reference, 'place' | 'before' | 'after'>>

export function bodyReferences(endpointId: string, body: JsonObject): readonly Reference[] {
  const read = readers.get(endpointId)
  if (read === undefined) return []
  const found = new Found()
  read(body, found)
  return found.references
}

const nothingElse: Rest = Object.freeze({})

class Found {
  readonly references: Reference[] = []

  add(kind: ThingKind, at: At, name: string, wants: Wants, rest: Rest = nothingElse): void {
    const { place = { in: 'body', at }, before = '', after = '', mayMiss } = rest
    const reference = { kind, name, place, before, after, wants }
    this.references.push(Object.freeze(mayMiss ? { ...reference, mayMiss } : reference))
  }
}

const readers: ReadonlyMap<string, (body: JsonObject, found: Found) => void> = new Map([
  ['ContainerCreate', inContainer],
  ['NetworkCreate', inNetwork],
  ['NetworkConnect', inConnect],
  ['NetworkDisconnect', inConnect],
  ['VolumeCreate', inVolume],
  ['VolumeUpdate', (body, found) => inCluster(body, 'Spec', found)],
  ['ServiceCreate', inService],
  ['ServiceUpdate', inService],
])

/** Modes and keys that stand for the engine's own networks; an unknown word is a network's name. */
export const ownNetworks: ReadonlySet<string> = new Set(['', 'default', 'bridge', 'host', 'none'])

function inContainer(body: JsonObject, found: Found): void {
  named(found, body, 'image', 'Image', 'use')
  const host = objectIn(body, 'HostConfig')
  const at: At = ['HostConfig']
  for (const mode of ['NetworkMode', 'PidMode', 'IpcMode']) {
    const value = textIn(host, mode)
    if (value.startsWith('container:')) {
      const name = value.slice('container:'.length)
      found.add('container', [...at, mode], name, 'use', { before: 'container:' })
    } else if (mode === 'NetworkMode' && !ownNetworks.has(value)) {
      found.add('network', [...at, mode], value, 'use')
    }
  }
  inBinds(host, found)
  for (const [index, from] of textsIn(host, 'VolumesFrom').entries()) {
    beforeColon(found, 'container', [...at, 'VolumesFrom', index], from, 'use')
  }
  for (const [index, link] of textsIn(host, 'Links').entries()) {
    const [name = '', ...alias] = link.split(':')
    // Without an alias the name is one, and is to stay it when an id takes its place.
    const after = `:${alias.length === 0 ? name.slice(name.lastIndexOf('/') + 1) : alias.join(':')}`
    found.add('container', [...at, 'Links', index], name, 'use', { after })
  }
  inMounts(host, at, found)
  const endpoints = objectIn(objectIn(body, 'NetworkingConfig'), 'EndpointsConfig')
  for (const name of Object.keys(endpoints)) {
    const place = ['NetworkingConfig', 'EndpointsConfig', name]
    // The empty key is the beginning of every network's id.
    if (name === '' || !ownNetworks.has(name)) {
      found.add('network', place, name, 'use', { place: { in: 'body-key', at: place } })
    }
  }
}

/** `name:/path[:options]` is a volume, `/path:/path` the host's, `/path` alone an anonymous volume. */
function inBinds(host: JsonObject, found: Found): void {
  for (const [index, bind] of textsIn(host, 'Binds').entries()) {
    if (bind.startsWith('/') || !bind.includes(':')) continue
    beforeColon(found, 'volume', ['HostConfig', 'Binds', index], bind, 'make')
  }
}

function inMounts(parent: JsonObject, at: At, found: Found): void {
  const mounts = parent['Mounts']
  if (!Array.isArray(mounts)) return
  for (const [index, mount] of (mounts as readonly Json[]).entries()) {
    if (!isObject(mount)) continue
    const source = textIn(mount, 'Source')
    const place = [...at, 'Mounts', index, 'Source']
    if (source === '') continue
    if (mount['Type'] === 'volume') found.add('volume', place, source, 'make')
    // Of the swarm's plugins: looked up when a task starts, and never made by it.
    if (mount['Type'] === 'cluster') found.add('volume', place, source, 'use')
    if (mount['Type'] === 'image') found.add('image', place, source, 'use')
  }
}

function inNetwork(body: JsonObject, found: Found): void {
  named(found, body, 'network', 'Name', 'make')
  const from = textIn(objectIn(body, 'ConfigFrom'), 'Network')
  if (from !== '') found.add('network', ['ConfigFrom', 'Network'], from, 'use')
}

function inVolume(body: JsonObject, found: Found): void {
  named(found, body, 'volume', 'Name', 'make')
  inCluster(body, 'ClusterVolumeSpec', found)
}

/** Secrets that the swarm hands to the plugin that makes the volume. */
function inCluster(body: JsonObject, field: string, found: Found): void {
  const spec = objectIn(body, field)
  for (const [parent, path] of [
    [spec, [field, 'Secrets']],
    [objectIn(spec, 'AccessMode'), [field, 'AccessMode', 'Secrets']],
  ] as const) {
    for (const [index, item] of itemsIn(parent, 'Secrets').entries()) {
      const name = textIn(item, 'Secret')
      if (name !== '') found.add('secret', [...path, index, 'Secret'], name, 'use')
    }
  }
}

function inConnect(body: JsonObject, found: Found): void {
  named(found, body, 'container', 'Container', 'target')
}

function inService(body: JsonObject, found: Found): void {
  named(found, body, 'service', 'Name', 'make')
  const task = objectIn(body, 'TaskTemplate')
  const spec = objectIn(task, 'ContainerSpec')
  const at: At = ['TaskTemplate', 'ContainerSpec']
  const image = textIn(spec, 'Image')
  // The nodes pull it: it need not be here.
  if (image !== '') found.add('image', [...at, 'Image'], image, 'use', { mayMiss: true })
  inMounts(spec, at, found)
  for (const [kind, field, id] of [
    ['secret', 'Secrets', 'SecretID'],
    ['config', 'Configs', 'ConfigID'],
  ] as const) {
    for (const [index, item] of itemsIn(spec, field).entries()) {
      const name = textIn(item, id)
      if (name !== '') found.add(kind, [...at, field, index, id], name, 'use')
    }
  }
  for (const [parent, path] of [
    [task, ['TaskTemplate', 'Networks']],
    [body, ['Networks']],
  ] as const) {
    for (const [index, item] of itemsIn(parent, 'Networks').entries()) {
      const name = textIn(item, 'Target')
      if (name !== '') found.add('network', [...path, index, 'Target'], name, 'use')
    }
  }
}

function named(found: Found, body: JsonObject, kind: ThingKind, field: string, wants: Wants): void {
  const name = textIn(body, field)
  if (name !== '') found.add(kind, [field], name, wants)
}

function beforeColon(found: Found, kind: ThingKind, at: At, text: string, wants: Wants): void {
  const colon = text.indexOf(':')
  const name = colon === -1 ? text : text.slice(0, colon)
  found.add(kind, at, name, wants, { after: text.slice(name.length) })
}

function objectIn(parent: JsonObject, key: string): JsonObject {
  const value = parent[key]
  return isObject(value) ? value : none
}

const none: JsonObject = Object.freeze({})

function itemsIn(parent: JsonObject, key: string): readonly JsonObject[] {
  const value = parent[key]
  return Array.isArray(value) ? value.map((item: Json) => (isObject(item) ? item : none)) : []
}

function textIn(parent: JsonObject, key: string): string {
  const value = parent[key]
  return typeof value === 'string' ? value : ''
}

function textsIn(parent: JsonObject, key: string): readonly string[] {
  const value = parent[key]
  return Array.isArray(value) ? (value as readonly string[]) : []
}
