// What is mounted into a container: nothing of the host's but what a limit names, by any of the roads
// that the engine has (binds, mounts, drivers and their options).
import type { Json } from '../../docker/operation.ts'
import { isObject } from '../../docker/json.ts'
import type { BindRule, Limits } from '../limits.ts'
import { image } from './images.ts'
import {
  against,
  entriesOf,
  itemsOf,
  listed,
  numberOf,
  textOf,
  wordsOf,
  type Against,
  type Asking,
  type Predicate,
} from './predicate.ts'
import { isPlainTemplate } from './template.ts'

export const binds: Predicate = (value, asking) => {
  for (const bind of wordsOf(value)) {
    const [source = '', target, options = '', ...more] = bind.split(':')
    if (target === undefined) {
      // `/path` alone is an anonymous volume.
      if (source.startsWith('/')) continue
      return against('binds', bind, 'source:target[:options]')
    }
    if (more.length > 0) return against('binds', bind, 'source:target[:options]')
    const words = options === '' ? [] : options.split(',')
    const unknown = words.find((word) => !bindWords.has(word))
    if (unknown !== undefined) return against('binds', unknown, listed(bindWords))
    if (!source.startsWith('/')) {
      if (isVolumeName(source)) continue
      return against('binds', source, aVolumeName)
    }
    // Relabelling changes the host's files, and `nocopy` is for volumes.
    const readOnly = words.includes('ro')
    if (words.includes('z') || words.includes('Z')) return against('binds', options, 'ro, rw')
    const refused = judgeSource(source, readOnly, asking)
    if (refused !== undefined) return refused
    // The path where the links lead is sent in its place.
    if (asking.hostPaths.get(source)?.includes(':') === true) {
      return against('binds', source, 'a path without a colon')
    }
  }
  return undefined
}

/** Names that only a plugin could take, and that are looked up without their slashes. */
function isVolumeName(text: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text)
}
const aVolumeName = 'an absolute path, or the name of a volume'

const bindWords: ReadonlySet<string> = new Set([
  'ro',
  'rw',
  'z',
  'Z',
  'nocopy',
  'rprivate',
  'private',
])

/**
 * A folder that may be mounted writable is judged as itself only: below it, whoever has it could put a
 * link in place of a folder after it was judged, and the engine follows links when a container starts.
 */
function judgeSource(source: string, readOnly: boolean, asking: Asking): Against | undefined {
  const { binds: rules } = asking.limits
  const allowed = listed(rules.map((rule) => `${rule.source}${rule.readOnly ? ':ro' : ''}`))
  const real = asking.hostPaths.get(source)
  if (rules.length === 0) return against('binds', source, allowed)
  if (real === undefined) {
    return against('binds', `${source} (which dockgate cannot see)`, allowed)
  }
  const rule = rules.find((candidate) => covers(candidate, real))
  if (rule === undefined) {
    return against('binds', real === source ? source : `${source}, that is ${real}`, allowed)
  }
  return rule.readOnly && !readOnly
    ? against('binds', source, `${rule.source} read-only`)
    : undefined
}

function covers(rule: BindRule, real: string): boolean {
  if (real === rule.source) return true
  return rule.readOnly && real.startsWith(rule.source === '/' ? '/' : `${rule.source}/`)
}

/** The paths on the host that the operation names, as the client wrote them. */
export function hostPathsOf(value: Json, say: 'binds' | 'mounts'): readonly string[] {
  return say === 'binds'
    ? wordsOf(value).flatMap((bind) =>
        bind.startsWith('/') && bind.includes(':') ? [bind.slice(0, bind.indexOf(':'))] : [],
      )
    : itemsOf(value).flatMap((mount) => (mount['Type'] === 'bind' ? [textOf(mount['Source'])] : []))
}

export const mounts: Predicate = (value, asking, demand) => {
  const isService = asking.operation.endpoint.id.startsWith('Service')
  for (const mount of itemsOf(value)) {
    const refused =
      (isService ? judgeTemplates(mount) : undefined) ??
      (mount['Type'] === 'image'
        ? image(mount['Source'] ?? '', asking, demand)
        : judgeMount(mount, asking))
    if (refused !== undefined) return refused
  }
  return undefined
}

/** Swarm fills in what is mounted where; what is mounted must be what was judged. */
function judgeTemplates(mount: Readonly<Record<string, Json>>): Against | undefined {
  const source = textOf(mount['Source'])
  if (source.includes('{{')) return against('safe', source, 'a source without a template')
  const options = mount['VolumeOptions']
  const labels = isObject(options) ? entriesOf(options['Labels'] ?? null) : []
  const texts = [textOf(mount['Target']), ...labels.map(([, text]) => textOf(text))]
  const refused = texts.find((text) => !isPlainTemplate(text))
  return refused === undefined ? undefined : against('safe', refused, 'words and {{.Task.Slot}}')
}

function judgeMount(mount: Readonly<Record<string, Json>>, asking: Asking): Against | undefined {
  const type = textOf(mount['Type'])
  switch (type) {
    case 'volume': {
      const source = textOf(mount['Source'])
      return source === '' || isVolumeName(source)
        ? undefined
        : against('safe', source, aVolumeName)
    }
    case 'tmpfs':
      return judgeTmpfs(mount, asking.limits)
    case 'bind': {
      const options = mount['BindOptions']
      const propagation = isObject(options) ? textOf(options['Propagation']) : ''
      if (propagation !== '' && propagation !== 'rprivate' && propagation !== 'private') {
        return against('binds', `bind-propagation=${propagation}`, 'rprivate')
      }
      const readOnly = mount['ReadOnly'] === true
      if (readOnly && isObject(options) && options['ReadOnlyNonRecursive'] === true) {
        return against('binds', 'bind-recursive=writable', 'recursive')
      }
      return judgeSource(textOf(mount['Source']), readOnly, asking)
    }
    default:
      return against('binds', `type=${type}`, 'volume, tmpfs, image, bind')
  }
}

function judgeTmpfs(mount: Readonly<Record<string, Json>>, limits: Limits): Against | undefined {
  const most = limits.tmpfs
  const options = mount['TmpfsOptions']
  if (most === undefined || !isObject(options)) return undefined
  const size = numberOf(options['SizeBytes'])
  const others = options['Options']
  if (size < 0 || size > most) return against('tmpfs', size, String(most))
  return Array.isArray(others) && others.length > 0
    ? against('tmpfs', 'tmpfs-opt', `a size of ${most}`)
    : undefined
}

export const volumeDriver: Predicate = (value, { limits }) =>
  limits.volumeDrivers.has(textOf(value))
    ? undefined
    : against('volumeDrivers', value, listed(limits.volumeDrivers))

/** The local driver mounts what its options say: a folder, a disk, /proc, a share of another host. */
export const volumeOptions: Predicate = (value) =>
  against('safe', listed(entriesOf(value).map(([name]) => name)), 'a volume without options')

export const clusterVolume: Predicate = () => against('safe', 'a cluster volume', 'a local volume')
